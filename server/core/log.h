/* SPDX-License-Identifier: MIT
 *
 * logfmt lines on standard error: `time=2026-11-21T10:00:00.000Z level=info msg=ready
 * udp=127.0.0.1:8125`. A line is one write(2), made by a thread of the log's own between
 * log_start() and log_stop(): whoever logs never waits for standard error, be it a pipe that nobody
 * reads. Lines that find no room meanwhile are counted, and `msg="log lines lost" count=...` stands
 * in their place. Any thread; never from the sample path.
 */
#ifndef SERVER_CORE_LOG_H
#define SERVER_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

/* From here on lines are queued; before, and after log_stop(), they are written at once. False when
 * the thread cannot be started. */
bool log_start(void);

/* Writes what is queued and ends the thread; what cannot be written within `wait_ms` stays unsaid,
 * and so does whatever is logged afterwards. */
void log_stop(uint64_t wait_ms);

void log_set_level(enum config_log_level level);
bool log_enabled(enum config_log_level level);

/* `message` and then pairs of key and value, ended by NULL: log_line(LOG_LEVEL_INFO, "ready",
 * "udp", "127.0.0.1:8125", NULL). All are NUL-terminated strings; see log_format.h. */
void log_line(enum config_log_level level, const char *message, ...) __attribute__((sentinel));

/* Printf and an LF, without the logfmt and at every level: for who starts the server by hand. */
void log_plain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text for a value: printf into a static per-thread ring of four buffers of 512 bytes. */
const char *log_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
