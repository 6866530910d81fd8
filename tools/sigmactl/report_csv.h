/* SPDX-License-Identifier: MIT
 *
 * A report of a folder of the server's CSV logs. They are read twice: for the time and the length
 * of windows, and for the series, of which each has one number a statistic and point of the report,
 * however many windows there are. What the logs do not hold, such as losses, the report does not
 * know. One thread.
 */
#ifndef TOOLS_SIGMACTL_REPORT_CSV_H
#define TOOLS_SIGMACTL_REPORT_CSV_H

#include <stdbool.h>

#include "config/config.h"
#include "server/report/model.h"

#define REPORT_CSV_REASON_MAX 512

/* Memory for series; those that come when it is used up are in no table, and counted. */
#define REPORT_CSV_BYTES_MAX ((size_t)1 << 30)

struct report_csv {
    const char *directory;
    double from, to; /* Unix seconds of windows' ends, both inclusive; infinite = no bound */
    const struct config *config;
    bool config_known; /* it is that of the server whose logs these are */
};

/* Fills a report that has not been concluded. False with the reason, and nothing to deinit, where
 * the folder cannot be read or has no row in the time. */
bool report_csv_read(const struct report_csv *options, struct report *report,
                     char reason[REPORT_CSV_REASON_MAX]);

#endif
