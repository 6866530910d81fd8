/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "server/http/sample.h"

#define MS_PER_SECOND 1000

static const struct identity *identity_of(const struct snapshot *snapshot, enum metric_kind kind,
                                          uint32_t row)
{
    return kind == METRIC_COUNTER ? snapshot->counters[row].identity
                                  : snapshot->timers[row].identity;
}

/* Values of a source become those of the series as its sum does. */
static double shown_value(const struct sampler *sampler, const struct series *series,
                          const struct source *source, const struct identity *identity,
                          double value)
{
    double scale = naming_scale(&sampler->catalogue->naming, source->rule);
    switch ((enum prom_kind)series->family->kind) {
    case PROM_COUNTER:
        return value * scale;
    case PROM_SECONDS:
        return value / MS_PER_SECOND;
    case PROM_OBSERVER:
        return (identity->type == STATSD_TIMER ? value / MS_PER_SECOND : value) * scale;
    default:
        return value;
    }
}

/* As events are dated: by how long before the snapshot it was received. */
static double unix_seconds(const struct snapshot *snapshot, uint64_t stamp_ns)
{
    double ago_s = (double)(int64_t)(snapshot->taken_ns - stamp_ns) / 1e9;
    return round((snapshot->timestamp - ago_s) * 1000) / 1000;
}

bool sampler_exemplar(const struct sampler *sampler, const struct series *series,
                      struct shown_exemplar *shown)
{
    const struct snapshot *snapshot = sampler->snapshot;
    enum metric_kind kind = catalogue_metric_kind(series->family->kind);
    if (!snapshot->exemplars.slots || (kind != METRIC_COUNTER && kind != METRIC_TIMER)) {
        return false;
    }
    *shown = (struct shown_exemplar){0};
    const struct source *source = sample_source(sampler, kind, series->first_source);
    for (; source; source = sample_source(sampler, kind, source->next)) {
        const struct identity *identity = identity_of(snapshot, kind, source->row);
        const struct exemplar *found =
            exemplars_find(&snapshot->exemplars, identity_place(identity), identity->generation);
        if (found && (!shown->exemplar || found->stamp_ns > shown->exemplar->stamp_ns)) {
            shown->exemplar = found;
            shown->value = shown_value(sampler, series, source, identity, found->value);
            shown->timestamp = unix_seconds(snapshot, found->stamp_ns);
        }
    }
    return shown->exemplar != NULL;
}
