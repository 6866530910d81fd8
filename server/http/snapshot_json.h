/* SPDX-License-Identifier: MIT
 *
 * /api/v1/snapshot: the last closed window as JSON. The rows are rendered once a snapshot, the
 * figures of process and server behind them for every request; the two texts put together are one
 * object. Functions of their arguments.
 */
#ifndef SERVER_HTTP_SNAPSHOT_JSON_H
#define SERVER_HTTP_SNAPSHOT_JSON_H

#include <stdbool.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/http/own_figures.h"
#include "server/metrics/snapshot.h"

/* Bucket bounds as snapshots have them: those of the configuration at start. */
struct snapshot_bounds {
    double *seconds; /* of ms timers, in seconds */
    double *plain;
    size_t seconds_count, plain_count;
};

/* False without memory. */
bool snapshot_bounds_init(struct snapshot_bounds *bounds, const struct config *config);
void snapshot_bounds_deinit(struct snapshot_bounds *bounds);

/* Appends the object up to and with its rows, without the closing brace. A snapshot of NULL is that
 * of a server which has closed no window yet: no rows, all lengths 0 but `uptime_seconds`. */
void snapshot_json_rows(const struct snapshot *snapshot, const struct snapshot_bounds *bounds,
                        double uptime_seconds, struct buffer *out);

/* Appends the rest: "resources", "server" and the closing brace. */
void snapshot_json_figures(const struct own_figures *figures, struct buffer *out);

#endif
