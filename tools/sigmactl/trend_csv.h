/* SPDX-License-Identifier: MIT
 *
 * Trends of the series in the server's CSV logs: the lines, the choice and the JSON that
 * /api/v1/trends gives of a running server's history, from the same figures. One thread.
 */
#ifndef TOOLS_SIGMACTL_TREND_CSV_H
#define TOOLS_SIGMACTL_TREND_CSV_H

#include <jansson.h>
#include <stddef.h>

#include "config/config.h"
#include "tools/sigmactl/csv_reader.h"

struct trend_csv {
    const char *directory;
    double from, to;    /* stamps of windows, both inclusive; -INFINITY, INFINITY = no bound */
    double seconds;     /* back from the latest window in between; 0 = no bound */
    const char *metric; /* a glob of names; NULL = all */
    size_t limit;       /* series and statistics told of, the most grave first */
    double share_min;   /* smaller changes are steady */
    const struct config *config; /* [anomaly]: whether more is better */
};

/* The document {from, to, series, trends}, without `windows`. NULL with the reason where the logs
 * cannot be read, have no rows in range, or hold more than has room. */
json_t *trend_csv_make(const struct trend_csv *wanted, char reason[CSV_READER_REASON_MAX]);

#endif
