/* SPDX-License-Identifier: MIT */
#include "server/sinks.h"

#include <stdio.h>

#include "server/core/require.h"
#include "server/sink/csv.h"
#include "server/sink/graphite.h"

static bool wants_csv(const struct config *config)
{
    return config->csv.directory != NULL;
}

static struct sink *make_csv(const struct sinks_options *options, char *reason, size_t reason_size)
{
    return csv_sink_new(options->config, options->clock, options->notify, options->context, reason,
                        reason_size);
}

static bool wants_graphite(const struct config *config)
{
    return config->graphite.addresses.count > 0;
}

static struct sink *make_graphite(const struct sinks_options *options, char *reason,
                                  size_t reason_size)
{
    return graphite_sink_new(options->config, options->clock, options->base, options->notify,
                             options->context, reason, reason_size);
}

static const struct sink_kind {
    bool (*wanted)(const struct config *config);
    struct sink *(*make)(const struct sinks_options *options, char *reason, size_t reason_size);
} kinds[] = {
    {wants_csv, make_csv},
    {wants_graphite, make_graphite},
};

bool sinks_make(struct sinks *sinks, const struct sinks_options *options, char *reason,
                size_t reason_size)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!kinds[i].wanted(options->config)) {
            continue;
        }
        struct sink *sink = kinds[i].make(options, reason, reason_size);
        if (!sink) {
            return false;
        }
        REQUIRE(sinks->count < SINKS_MAX);
        sinks->items[sinks->count++] = sink;
        if (kinds[i].make == make_csv) {
            sinks->csv = sink;
        }
    }
    return true;
}

void sinks_submit(struct sinks *sinks, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < sinks->count; i++) {
        sinks->items[i]->ops->submit(sinks->items[i], snapshot);
    }
}

void sinks_configure(struct sinks *sinks, const struct config *config)
{
    if (sinks->csv) {
        csv_sink_configure(sinks->csv, config);
    }
}

void sinks_reopen(struct sinks *sinks)
{
    for (size_t i = 0; i < sinks->count; i++) {
        if (sinks->items[i]->ops->reopen) {
            sinks->items[i]->ops->reopen(sinks->items[i]);
        }
    }
}

bool sinks_ready(const struct sinks *sinks, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < sinks->count; i++) {
        struct sink_figures figures;
        sinks->items[i]->ops->figures(sinks->items[i], &figures);
        if (figures.failing) {
            snprintf(reason, reason_size, "%s: %s", sinks->items[i]->ops->name, figures.reason);
            return false;
        }
    }
    return true;
}

bool sinks_stop(struct sinks *sinks, uint64_t deadline_ms)
{
    bool complete = true;
    sinks->csv = NULL;
    while (sinks->count > 0) {
        struct sink *sink = sinks->items[--sinks->count];
        complete = sink->ops->stop(sink, deadline_ms) && complete;
    }
    return complete;
}
