/* SPDX-License-Identifier: MIT */
#include "server/sinks.h"

#include <stdio.h>

#include "server/sink/csv.h"
#include "server/sink/exec.h"
#include "server/sink/graphite.h"

static size_t count_csv(const struct config *config)
{
    return config->csv.directory != NULL;
}

static struct sink *make_csv(const struct sinks_options *options, size_t index, char *reason,
                             size_t reason_size)
{
    (void)index;
    return csv_sink_new(options->config, options->clock, options->notify, options->context, reason,
                        reason_size);
}

static size_t count_graphite(const struct config *config)
{
    return config->graphite.addresses.count > 0;
}

static struct sink *make_graphite(const struct sinks_options *options, size_t index, char *reason,
                                  size_t reason_size)
{
    (void)index;
    return graphite_sink_new(options->config, options->base, options->notify, options->context,
                             reason, reason_size);
}

static size_t count_exec(const struct config *config)
{
    return config->execs.count;
}

static struct sink *make_exec(const struct sinks_options *options, size_t index, char *reason,
                              size_t reason_size)
{
    return exec_sink_new(&options->config->execs.items[index], options->base, options->notify,
                         options->context, reason, reason_size);
}

static const struct sink_kind {
    size_t (*count)(const struct config *config); /* how many are asked for */
    struct sink *(*make)(const struct sinks_options *options, size_t index, char *reason,
                         size_t reason_size);
} kinds[] = {
    {count_csv, make_csv},
    {count_graphite, make_graphite},
    {count_exec, make_exec},
};

/* All of one kind. */
static bool make_kind(struct sinks *sinks, const struct sink_kind *kind,
                      const struct sinks_options *options, char *reason, size_t reason_size)
{
    size_t count = kind->count(options->config);
    for (size_t i = 0; i < count; i++) {
        if (sinks->count == SINKS_MAX) {
            snprintf(reason, reason_size, "there are more than %d outputs", SINKS_MAX);
            return false;
        }
        struct sink *sink = kind->make(options, i, reason, reason_size);
        if (!sink) {
            return false;
        }
        sinks->items[sinks->count++] = sink;
        if (kind->make == make_csv) {
            sinks->csv = sink;
        }
    }
    return true;
}

bool sinks_make(struct sinks *sinks, const struct sinks_options *options, char *reason,
                size_t reason_size)
{
    bool made = true;
    for (size_t i = 0; made && i < sizeof(kinds) / sizeof(*kinds); i++) {
        made = make_kind(sinks, &kinds[i], options, reason, reason_size);
    }
    return made;
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
