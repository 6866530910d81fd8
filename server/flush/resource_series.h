/* SPDX-License-Identifier: MIT
 *
 * The resources of the server and its host as series of the registry, so that every output,
 * detector and alert has them like what senders send. At the close of a window the system is asked
 * and the answers go into the open window. Names and units are node_exporter's where it has one;
 * what it has not, the used ratios, begins as its neighbours do.
 *
 * The names of the server's own (process_*, sigmad_*) are made before any sender can use them and
 * are marked (identity->own): /metrics shows those figures as of the scrape, and not twice. A
 * sender's samples of the very same series are overwritten, which is counted and logged.
 *
 * Flusher only; resource_series_new() before the first worker is started.
 */
#ifndef SERVER_FLUSH_RESOURCE_SERIES_H
#define SERVER_FLUSH_RESOURCE_SERIES_H

#include <stdint.h>

#include "config/config.h"
#include "server/core/pool.h"
#include "server/metrics/figures.h"
#include "server/metrics/registry.h"

struct resource_series;

struct resource_options {
    const struct config *config; /* read during the call only, but for the keys of [resources] */
    struct registry *registry;
    const struct pool *pool;
    /* Totals of what came in, for the kernel's drops; may be NULL. */
    void (*ingest)(void *context, struct ingest_figures *figures);
    void *context;
};

/* Makes the server's series. NULL without memory. With neither resources.server nor resources.host
 * there are none, and resource_series_add() does nothing. */
struct resource_series *resource_series_new(const struct resource_options *options);
void resource_series_free(struct resource_series *series);

/* Puts the present figures into the open window, which has lasted `seconds` and ends at `now_ns`
 * (monotonic). */
void resource_series_add(struct resource_series *series, uint64_t now_ns, double seconds);

#endif
