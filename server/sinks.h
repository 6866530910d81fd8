/* SPDX-License-Identifier: MIT
 *
 * The outputs of closed windows: which of them the configuration asks for, and how each is made. A
 * new one is a line in the table of sinks.c. Main thread, but for sinks_submit().
 */
#ifndef SERVER_SINKS_H
#define SERVER_SINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/sink/sink.h"

struct event_base;
struct sink_module;

#define SINKS_MAX 48

/* All zero is none. */
struct sinks {
    struct sink *items[SINKS_MAX];
    const struct sink_module *modules[SINKS_MAX]; /* of each; NULL = it is in no module */
    size_t count;
    struct sink *csv; /* one of them, or NULL */
};

struct sinks_options {
    const struct config *config;
    const struct clock *clock;
    struct event_base *base; /* of the network sinks */
    sink_notify *notify;
    void *context;
};

/* Whether one of them reads timer_row.total_sketch. */
bool sinks_want_totals(const struct config *config);

/* False with the reason where sinks_make() would refuse what is configured; opens nothing. */
bool sinks_check(const struct config *config, char *reason, size_t reason_size);

/* False with the reason when one cannot be made; those before it stay, to be stopped. */
bool sinks_make(struct sinks *sinks, const struct sinks_options *options, char *reason,
                size_t reason_size);

/* Flusher's thread. */
void sinks_submit(struct sinks *sinks, const struct snapshot *snapshot);

/* Takes over what may change while running. */
void sinks_configure(struct sinks *sinks, const struct config *config);

void sinks_reopen(struct sinks *sinks);

/* False, with the reason, while one fails. */
bool sinks_ready(const struct sinks *sinks, char *reason, size_t reason_size);

/* Stops all, each within `deadline_ms`, the last made first; none is left. False where one had to
 * leave something unwritten. */
bool sinks_stop(struct sinks *sinks, uint64_t deadline_ms);

#endif
