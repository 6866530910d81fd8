/* SPDX-License-Identifier: MIT
 *
 * logfmt lines on standard error: `time=2026-11-21T10:00:00.000Z level=info msg=ready
 * udp=127.0.0.1:8125`. A line is one write(2). Any thread; never from the sample path. Values with
 * blanks, quotes, '=' or control characters are quoted and escaped, so that a line stays one line
 * whatever is in it.
 */
#ifndef SERVER_CORE_LOG_H
#define SERVER_CORE_LOG_H

#include <stdbool.h>

#include "config/config.h"

void log_set_level(enum config_log_level level);
bool log_enabled(enum config_log_level level);

/* `message` and then pairs of key and value, ended by NULL: log_line(LOG_LEVEL_INFO, "ready",
 * "udp", "127.0.0.1:8125", NULL). All are NUL-terminated strings. */
void log_line(enum config_log_level level, const char *message, ...) __attribute__((sentinel));

/* Text for a value: printf into a static per-thread ring of four buffers of 512 bytes. */
const char *log_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
