/* SPDX-License-Identifier: MIT
 *
 * The rows of alerts.csv, one a change of an alert's state: see csv_rows.h, behind which this
 * stands.
 */
#ifndef SERVER_SINK_CSV_ALERTS_H
#define SERVER_SINK_CSV_ALERTS_H

#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"

/* The columns behind `timestamp,metric,tags`. */
#define CSV_ALERTS_COLUMNS "alert,state,severity,value,threshold,condition,reason"

/* As csv_rows_render(); `stamp` is the window's with its comma. */
size_t csv_alerts_render(const struct snapshot *snapshot, const char *stamp, size_t from,
                         size_t bytes_max, struct buffer *out);

#endif
