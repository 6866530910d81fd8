/* SPDX-License-Identifier: MIT */
#include "server/flush/draft.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/large.h"

/* Rows are written whole, and the memory of the last snapshot is long out of the cache: it is given
 * back rather than kept. */
static void release(struct snapshot *snapshot)
{
    struct draft *draft = (struct draft *)snapshot;
    const uint32_t *rows_max = draft->rows_max;
    large_give(draft->counters, rows_max[METRIC_COUNTER] * sizeof(*draft->counters));
    large_give(draft->gauges, rows_max[METRIC_GAUGE] * sizeof(*draft->gauges));
    large_give(draft->timers, rows_max[METRIC_TIMER] * sizeof(*draft->timers));
    large_give(draft->sets, rows_max[METRIC_SET] * sizeof(*draft->sets));
    large_give(draft->numbers, draft->numbers_max * sizeof(*draft->numbers));
    free(draft->anomalies);
    free(draft->active);
    alert_set_unref(draft->snapshot.alerts);
    events_deinit(&draft->events);
    exemplars_deinit(&draft->snapshot.exemplars);
    details_store_free(&draft->details);
    free(draft);
}

static void describe(struct draft *draft, const struct derive_options *options)
{
    const struct config_numbers *percents = &options->config->flush.percentiles;
    memcpy(draft->numbers, percents->items, percents->count * sizeof(double));
    draft->number_count = percents->count;
    struct snapshot *snapshot = &draft->snapshot;
    snapshot->sequence = options->sequence;
    snapshot->window = options->window;
    snapshot->closed = options->close;
    snapshot->final = options->final;
    snapshot->has_bins = options->config->histograms.count > 0;
    snapshot->idle_is_zero = options->config->server.profile == PROFILE_ETSY;
    snapshot->taken_ns = options->now_ns;
    snapshot->timestamp = options->timestamp;
    snapshot->window_seconds = options->window_seconds;
    snapshot->uptime_seconds = options->uptime_seconds;
    snapshot->percents = draft->numbers;
    snapshot->percentile_count = percents->count;
    snapshot->counters = draft->counters;
    snapshot->gauges = draft->gauges;
    snapshot->timers = draft->timers;
    snapshot->sets = draft->sets;
    snapshot->references = 1;
    snapshot->release = release;
}

struct draft *draft_new(const struct derive_options *options, const uint32_t counts[METRIC_KINDS],
                        size_t timer_numbers_max)
{
    struct draft *draft = calloc(1, sizeof(*draft));
    if (!draft) {
        return NULL;
    }
    size_t timers = counts[METRIC_TIMER];
    size_t percents = options->config->flush.percentiles.count;
    memcpy(draft->rows_max, counts, sizeof(draft->rows_max));
    draft->numbers_max = percents + timers * timer_numbers_max;
    draft->counters = large_take(counts[METRIC_COUNTER] * sizeof(*draft->counters));
    draft->gauges = large_take(counts[METRIC_GAUGE] * sizeof(*draft->gauges));
    draft->timers = large_take(timers * sizeof(*draft->timers));
    draft->sets = large_take(counts[METRIC_SET] * sizeof(*draft->sets));
    draft->numbers = large_take(draft->numbers_max * sizeof(*draft->numbers));
    if (!draft->counters || !draft->gauges || !draft->timers || !draft->sets || !draft->numbers) {
        release(&draft->snapshot);
        return NULL;
    }
    describe(draft, options);
    return draft;
}

double *draft_take_numbers(struct draft *draft, size_t count)
{
    if (draft->number_count + count > draft->numbers_max) {
        return NULL;
    }
    double *numbers = draft->numbers + draft->number_count;
    draft->number_count += count;
    return numbers;
}
