/* SPDX-License-Identifier: MIT
 *
 * The rows of events.csv, which have no series: see csv_rows.h, behind which this stands.
 */
#ifndef SERVER_SINK_CSV_EVENTS_H
#define SERVER_SINK_CSV_EVENTS_H

#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"

/* The columns behind `timestamp,metric,tags`. `metric` is an event's title or a check's name,
 * `status` a check's, `time` what the sender said or else when it came. */
#define CSV_EVENTS_COLUMNS \
    "kind,status,text,time,host,priority,alert_type,aggregation_key,source_type,container_id"

/* As csv_rows_render(); `stamp` is the window's with its comma. */
size_t csv_events_render(const struct snapshot *snapshot, const char *stamp, size_t from,
                         size_t bytes_max, struct buffer *out);

#endif
