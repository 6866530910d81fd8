/* SPDX-License-Identifier: MIT
 *
 * From the registry's accumulators to the rows of a snapshot: rates, means, percentiles, totals.
 * Closing a window also judges every series and starts the next window's accumulators at nothing; a
 * view changes nothing. Flusher only.
 */
#ifndef SERVER_FLUSH_DERIVE_H
#define SERVER_FLUSH_DERIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "server/alert/engine.h"
#include "server/core/clock.h"
#include "server/detect/detector.h"
#include "server/flush/graveyard.h"
#include "server/metrics/registry.h"
#include "server/metrics/snapshot.h"

struct derive_options {
    const struct config *config;
    struct registry *registry;
    struct pool_cache *cache;
    struct graveyard *graveyard;
    struct detector *detector;   /* NULL: nothing is judged */
    struct alert_engine *alerts; /* NULL as well */
    const struct clock *clock;
    struct flush_stages *stages; /* gets the stamps of what is done here; NULL = nobody looks */
    bool total_sketches; /* rows have total_sketch although prometheus.timer_type is not native */
    bool close;
    bool final;        /* the short window of a stop: neither judged nor learnt */
    uint64_t sequence; /* of the snapshot */
    uint64_t window;   /* windows closed, this one included */
    uint64_t now_ns;   /* monotonic end */
    double timestamp;  /* Unix seconds of the end */
    double window_seconds;
    double uptime_seconds;
    const struct anomaly_row
        *active; /* of the latest closed snapshot, for one that is not judged */
    size_t active_count;
    struct alert_set *last_alerts; /* of the same; borrowed */
};

/* The snapshot with one reference, or NULL without memory: then a close has not touched the
 * accumulators and the window simply goes on. */
struct snapshot *derive_snapshot(const struct derive_options *options);

#endif
