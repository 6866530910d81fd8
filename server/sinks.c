/* SPDX-License-Identifier: MIT */
#include "server/sinks.h"

#include <stdio.h>

#include "server/notify/notifier.h"
#include "server/sink/csv.h"
#include "server/sink/exec.h"
#include "server/sink/graphite.h"
#include "server/sink/sink_module.h"

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

static size_t count_remote_write(const struct config *config)
{
    return config->remote_write.url[0] != '\0';
}

static size_t count_tracing(const struct config *config)
{
    return config->tracing.endpoint[0] != '\0';
}

static size_t count_notifiers(const struct config *config)
{
    return config->notifies.count;
}

static struct sink *make_notifier(const struct sinks_options *options, size_t index, char *reason,
                                  size_t reason_size)
{
    const struct notifier_options notifier = {
        .config = options->config,
        .index = index,
        .clock = options->clock,
        .base = options->base,
        .make_channel = channel_new,
        .notify = options->notify,
        .context = options->context,
    };
    return notifier_new(&notifier, reason, reason_size);
}

/* Either `make`, or `module` with the key that asks for it. */
static const struct sink_kind {
    size_t (*count)(const struct config *config); /* how many are asked for */
    struct sink *(*make)(const struct sinks_options *options, size_t index, char *reason,
                         size_t reason_size);
    const char *module, *wanted_by;
    bool totals; /* reads timer_row.total_sketch */
} kinds[] = {
    {.count = count_csv, .make = make_csv},
    {.count = count_graphite, .make = make_graphite},
    {.count = count_exec, .make = make_exec},
    {.count = count_remote_write,
     .module = "remote_write",
     .wanted_by = "remote_write.url",
     .totals = true},
    {.count = count_tracing, .module = "tracing", .wanted_by = "tracing.endpoint"},
    {.count = count_notifiers, .make = make_notifier},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

bool sinks_want_totals(const struct config *config)
{
    bool wanted = false;
    for (size_t i = 0; i < KINDS; i++) {
        wanted |= kinds[i].totals && kinds[i].count(config) > 0;
    }
    return wanted;
}

static const struct sink_module *load(const struct sink_kind *kind, char *reason,
                                      size_t reason_size)
{
    return sink_module_load(kind->module, kind->wanted_by, reason, reason_size);
}

static bool check_notifiers(const struct config *config, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < config->notifies.count; i++) {
        if (!channel_check(&config->notifies.items[i], reason, reason_size)) {
            return false;
        }
    }
    return true;
}

bool sinks_check(const struct config *config, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!kinds[i].module || kinds[i].count(config) == 0) {
            continue;
        }
        const struct sink_module *module = load(&kinds[i], reason, reason_size);
        if (!module || (module->check && !module->check(config, reason, reason_size))) {
            return false;
        }
    }
    return check_notifiers(config, reason, reason_size);
}

static struct sink *make_of_module(const struct sink_module *module,
                                   const struct sinks_options *options, char *reason,
                                   size_t reason_size)
{
    const struct sink_environment environment = {
        .config = options->config,
        .clock = options->clock,
        .base = options->base,
        .notify = options->notify,
        .context = options->context,
    };
    return module->new (&environment, reason, reason_size);
}

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
        const struct sink_module *module = kind->module ? load(kind, reason, reason_size) : NULL;
        struct sink *sink = module       ? make_of_module(module, options, reason, reason_size)
                            : kind->make ? kind->make(options, i, reason, reason_size)
                                         : NULL;
        if (!sink) {
            return false;
        }
        sinks->modules[sinks->count] = module;
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
    for (size_t i = 0; made && i < KINDS; i++) {
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
    for (size_t i = 0; i < sinks->count; i++) {
        if (sinks->modules[i] && sinks->modules[i]->configure) {
            sinks->modules[i]->configure(sinks->items[i], config);
        }
        if (sinks->items[i]->ops->notifier) {
            notifier_configure(sinks->items[i], config);
        }
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
        if (figures.failing && !sinks->items[i]->ops->aside) {
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
