/* SPDX-License-Identifier: MIT
 *
 * The alerts: the rules of [alert] held against every series that they are about, at the close of
 * each window. An alert is inactive, then pending while its condition holds, firing when it has
 * held for as many windows as the rule says, and resolved when it no longer does.
 *
 * A window without samples of a series says nothing of it (idle is not zero): an alert stays as it
 * is, until the series has been silent for ALERT_SILENCE_NS or has expired, which resolves it.
 * `absent` is the condition for silence; it survives its series, and fires for a pattern that no
 * series ever matched as well. Durations run on the monotonic clock. Whoever is told that an alert
 * fires is told of its end; within the cooldown the same alert is not told of again, and is if it
 * fires then.
 *
 * Which rules are about a series is found out once, when it is first seen: 24 bytes a series. All
 * calls are the flusher's, but for alert_engine_new(), alert_engine_free() and alert_rings_write().
 */
#ifndef SERVER_ALERT_ENGINE_H
#define SERVER_ALERT_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/metrics/alert.h"
#include "server/metrics/snapshot.h"

#define ALERT_SILENCE_NS (300 * UINT64_C(1000000000))

/* After so many windows without any series a rule is said to match none. */
#define ALERT_UNMATCHED_WINDOWS 30

/* Bytes of rule, condition and names up to which a ring is kept over a restart, so that the file
 * has a bound. */
#define ALERT_RING_TEXTS_MAX 4096

struct alert_engine;

/* NULL without memory. The configuration has to outlive the engine or the next
 * alert_engine_configure(). */
struct alert_engine *alert_engine_new(const struct config *config, uint64_t now_ns);
void alert_engine_free(struct alert_engine *engine); /* NULL is allowed */

/* Takes over the rules of another configuration. Alerts of rules that mean the same go on. Of
 * the others, one that fires is resolved with the next window where a rule of its name is left, and
 * else forgotten, which is logged. */
void alert_engine_configure(struct alert_engine *engine, const struct config *config);

/* Judges a closed window, of which all rows and what lasts of anomalies are there, and returns the
 * alerts after it, a reference of the caller's. NULL where there are no rules and nothing is left
 * of some, or without memory. */
struct alert_set *alert_engine_judge(struct alert_engine *engine, const struct snapshot *snapshot,
                                     uint64_t now_ns);

/* Appends what is to survive a restart, a line each, as of the latest window; `wall_offset_s` is
 * Unix time less monotonic time. */
void alert_engine_save(const struct alert_engine *engine, double wall_offset_s, struct buffer *out);

/* Reads what was saved, before the first window and before rings are; false where a line is none of
 * ours (the others are taken). Alerts of rules that are gone are left out, which is logged of those
 * that fire. */
bool alert_engine_load(struct alert_engine *engine, double wall_offset_s, const char *text,
                       size_t length);

/* The values that conditions of change look back at are ten megabytes for ALERT_INSTANCES_MAX
 * alerts, and a tenth of a second as text. So the flusher only appends references to rings, of
 * which any thread makes lines, a line a ring, and lets go of them: that is to be called once, with
 * NULL where nobody wants the lines. Both fail without memory; nothing is appended then. */
void alert_engine_hold_rings(const struct alert_engine *engine, double wall_offset_s,
                             struct buffer *out);
void alert_rings_write(const struct buffer *held, struct buffer *lines);

/* Reads such lines, as alert_engine_load() does. Values from after now, by clocks that were set
 * back, and from before all that a condition may look at are left out. */
bool alert_engine_load_rings(struct alert_engine *engine, double wall_offset_s, const char *text,
                             size_t length);

#endif
