/* SPDX-License-Identifier: MIT
 *
 * A closed window as the programs of [exec] read it. Pure but for the memory of the buffer.
 *
 * statsite  lines `key|value|timestamp` as statsite's stream sinks get them (conn_handler.c):
 *           counts.NAME, gauges.NAME, sets.NAME, and timers.NAME with .sum .mean .lower .upper
 *           .count .stdev (of a sample, n - 1) .median .pNN .rate (sum a second) .sample_rate;
 *           tags follow as `;key=value`
 * json      one object on one line: timestamp, window_seconds, and counters, gauges, timers, sets
 *           as in /api/v1/snapshot
 * csv       the tables of the CSV files one behind the other, each begun by its header
 */
#ifndef SERVER_SINK_EXEC_LINES_H
#define SERVER_SINK_EXEC_LINES_H

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"

/* Appends the window; out->failed where memory ran out. */
void exec_lines_render(enum config_exec_format format, const struct snapshot *snapshot,
                       struct buffer *out);

#endif
