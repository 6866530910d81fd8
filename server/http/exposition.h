/* SPDX-License-Identifier: MIT
 *
 * The series of a snapshot in the Prometheus text format 0.0.4: families in order of their names,
 * each with HELP and TYPE. Rendered once a snapshot and shared between scrapes. It does not hold
 * the server's own figures (own_figures.h) and knows nothing of HTTP. Bucket bounds and timer_type
 * are those of the configuration it was made with: they are what snapshots have until the server is
 * started again.
 *
 * One thread at a time; the bodies it gives out may be kept for longer than the exposition.
 */
#ifndef SERVER_HTTP_EXPOSITION_H
#define SERVER_HTTP_EXPOSITION_H

#include <stdint.h>

#include "config/config.h"
#include "server/http/body.h"
#include "server/metrics/snapshot.h"

struct exposition;

/* NULL without memory. */
struct exposition *exposition_new(const struct config *config);
void exposition_free(struct exposition *exposition);

/* The body for a snapshot, the caller's reference; the one of the call before when the sequence is
 * the same. NULL without memory. */
struct body *exposition_render(struct exposition *exposition, const struct snapshot *snapshot);

/* How many StatsD series were refused, because their name belongs to another type; since the start.
 */
uint64_t exposition_conflicts(const struct exposition *exposition);

#endif
