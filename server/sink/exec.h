/* SPDX-License-Identifier: MIT
 *
 * The sink of an [exec "NAME"] section: its program is started for every window and reads it on its
 * standard input. How windows wait is said in stream_sink.h, what becomes of a run in exec_child.h,
 * what the program reads in exec_lines.h.
 */
#ifndef SERVER_SINK_EXEC_H
#define SERVER_SINK_EXEC_H

#include "config/config.h"
#include "server/sink/sink.h"

struct event_base;

/* Keeps nothing of the section; `base` is the main thread's. NULL with the cause in `reason`. */
struct sink *exec_sink_new(const struct config_exec *section, struct event_base *base,
                           sink_notify *notify, void *context, char *reason, size_t reason_size);

#endif
