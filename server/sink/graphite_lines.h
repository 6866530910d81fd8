/* SPDX-License-Identifier: MIT
 *
 * A closed window as Graphite is to have it: etsy statsd's names and figures (backends/graphite.js,
 * lib/process_metrics.js), by the [graphite] section. What a series has is in the order of etsy's;
 * the last line is statsd.numStats, how many series there are. Stamps are whole seconds.
 *
 * Percentile families (count_90, mean_90, …) and what else comes from timer_row.details are left
 * out where a row has none, but for upper_NN, which is the percentile itself. Timers of type h and
 * d go by the same names as those of type ms.
 *
 * One thread at a time.
 */
#ifndef SERVER_SINK_GRAPHITE_LINES_H
#define SERVER_SINK_GRAPHITE_LINES_H

#include "config/config.h"
#include "server/metrics/snapshot.h"
#include "server/sink/blocks.h"

struct graphite_lines;

/* Keeps nothing of the configuration. NULL without memory. */
struct graphite_lines *graphite_lines_new(const struct config *config);

/* Appends the window; out->failed where memory ran out. Windows come in order: with delete_gauges
 * the renderer counts for how many a gauge has been idle. */
void graphite_lines_render(struct graphite_lines *lines, const struct snapshot *snapshot,
                           struct blocks *out);

void graphite_lines_free(struct graphite_lines *lines);

#endif
