/* SPDX-License-Identifier: MIT
 *
 * Windows of a running server as series in memory, a snapshot each: what its CSV logs would hold of
 * them, but for what closed before the first was asked for. One thread.
 */
#ifndef TOOLS_SIGMACTL_SNAPSHOT_SERIES_H
#define TOOLS_SIGMACTL_SNAPSHOT_SERIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/sigmactl/csv_series.h"
#include "tools/sigmactl/endpoint.h"

/* Appends the window of a snapshot, of the metrics that a glob takes (NULL = all). False with the
 * reason where it is no snapshot or memory runs out. */
bool snapshot_series_add(struct csv_series_list *list, json_t *snapshot, const char *metric,
                         char reason[CSV_READER_REASON_MAX]);

/* Collects the next `windows` windows that the server closes, which takes as long. False with the
 * reason where it cannot be reached, answers with something else, or closes none for a window and
 * ten seconds (five minutes, before its first). csv_series_deinit() is to be called in either case.
 */
bool snapshot_series_collect(struct csv_series_list *list, const struct endpoint *server,
                             uint64_t windows, const char *metric,
                             char reason[CSV_READER_REASON_MAX]);

#endif
