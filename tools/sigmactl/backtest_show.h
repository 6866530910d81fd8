/* SPDX-License-Identifier: MIT
 *
 * What a backtest over the server's logs found, for people and for programs. One thread.
 */
#ifndef TOOLS_SIGMACTL_BACKTEST_SHOW_H
#define TOOLS_SIGMACTL_BACKTEST_SHOW_H

#include "tools/sigmactl/backtest_history.h"

/* A table with a line a statistic and setting, then the alarms by the first setting, at most
 * `alarms_max` of a statistic, then the sums. */
void history_print(const struct history *history, const struct settings *settings,
                   uint64_t alarms_max);

/* All of it as JSON. False without memory. */
bool history_print_json(const struct history *history, const struct settings *settings);

/* Draws every case, value, usual range and alarms, into a file: SVG of exactly one, or where the
 * name ends in .html a page of at most HISTORY_PLOTS_MAX. False with the reason. */
#define HISTORY_PLOTS_MAX 50
bool history_plot(const struct history *history, const struct settings *settings, const char *path,
                  char reason[CSV_READER_REASON_MAX]);

#endif
