/* SPDX-License-Identifier: MIT
 *
 * What of a snapshot the catalogue does not know yet: a list of rows a kind, which are asked what
 * they are called, under the budget, and get a family and a series or are refused. The part of the
 * catalogue that gives names; the lists are the catalogue's.
 */
#ifndef SERVER_HTTP_RESOLVE_H
#define SERVER_HTTP_RESOLVE_H

#include "server/http/catalogue.h"

static inline size_t row_count(const struct snapshot *snapshot, enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return snapshot->counter_count;
    case METRIC_GAUGE:
        return snapshot->gauge_count;
    case METRIC_TIMER:
        return snapshot->timer_count;
    default:
        return snapshot->set_count;
    }
}

static inline const struct identity *row_identity(const struct snapshot *snapshot,
                                                  enum metric_kind kind, size_t row)
{
    switch (kind) {
    case METRIC_COUNTER:
        return snapshot->counters[row].identity;
    case METRIC_GAUGE:
        return snapshot->gauges[row].identity;
    case METRIC_TIMER:
        return snapshot->timers[row].identity;
    default:
        return snapshot->sets[row].identity;
    }
}

/* Adds a row to the list. False without memory. */
bool resolve_push(struct catalogue *catalogue, enum metric_kind kind, uint32_t row);

/* When all lists are made: puts them in order and tops the budget up. */
void resolve_begin(struct catalogue *catalogue, const struct snapshot *snapshot);

/* Goes on and takes from *work what that came to. True when the lists are done, and empty. */
bool resolve_step(struct catalogue *catalogue, const struct snapshot *snapshot, size_t *work);

#endif
