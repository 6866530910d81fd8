/* SPDX-License-Identifier: MIT
 *
 * The series of a snapshot in the formats of /metrics: families in order of their names, each with
 * HELP and TYPE. Rendered once a snapshot and format that is asked for, compressed once where
 * somebody takes it so, and shared between scrapes. A million series take a second, so that all is
 * done in steps, between which an event loop can serve others. It does not hold the server's own
 * figures (own_figures.h) and knows nothing of HTTP. Bucket bounds and timer_type are those of the
 * configuration it was made with: they are what snapshots have until the server is started again.
 *
 * One thread at a time; the bodies it gives out may be kept for longer than the exposition.
 */
#ifndef SERVER_HTTP_EXPOSITION_H
#define SERVER_HTTP_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/core/mapping.h"
#include "server/http/body.h"
#include "server/http/format.h"
#include "server/http/gzip.h"
#include "server/metrics/snapshot.h"

struct exposition;

/* `totals` tells that timer rows have their total_sketch: without it the rules of a mapping cannot
 * make histograms, and summaries are shown in their place. NULL without memory. */
struct exposition *exposition_new(const struct config *config, bool totals);
void exposition_free(struct exposition *exposition);

/* Names everything by other rules, which are taken over; `mapper` may be all zero, for none. What
 * was rendered before does not count any more. */
void exposition_map(struct exposition *exposition, struct mapper mapper);

/* Begins to render a snapshot, of which it takes a reference of its own, unless something is under
 * way or a body as new is there. The body of this format of before is gone from then on. */
void exposition_begin(struct exposition *exposition, const struct snapshot *snapshot,
                      enum format format);

/* Begins to compress the body, unless something is under way. True when that is done, be it in vain
 * for want of memory, or there is no body. */
bool exposition_pack(struct exposition *exposition, enum format format);

/* Goes on with what is under way by `work` units, each about a microsecond. True when nothing is
 * left to do. */
bool exposition_step(struct exposition *exposition, size_t work);

bool exposition_is_busy(const struct exposition *exposition);

/* Whether a snapshot of this sequence, or a later one, was rendered, be it in vain for want of
 * memory, and is still there. */
bool exposition_has(const struct exposition *exposition, uint64_t sequence, enum format format);

/* The body, the caller's reference; NULL where there is none or memory was out. */
struct body *exposition_body(const struct exposition *exposition, enum format format);

/* The body as the last part of a gzip file, until the next call that is not const; NULL where it is
 * not compressed. */
const struct gzip_part *exposition_packed(const struct exposition *exposition, enum format format);

/* Gives up bodies that take megabytes, unless something is under way. */
void exposition_trim(struct exposition *exposition);

/* The body for a snapshot at once, the caller's reference; the one of the call before when the
 * sequence is the same. NULL without memory. */
struct body *exposition_render(struct exposition *exposition, const struct snapshot *snapshot,
                               enum format format);

/* How many StatsD series were refused, because their name belongs to another type; since the start.
 */
uint64_t exposition_conflicts(const struct exposition *exposition);

/* How many StatsD series wait for the rules of the mapping to be asked, the budget for which is
 * spent; and how often a regular expression was given up for its cost, since the rules were read.
 */
size_t exposition_waiting(const struct exposition *exposition);
uint64_t exposition_limited(const struct exposition *exposition);

#endif
