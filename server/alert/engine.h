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
 * calls are the flusher's, but for alert_engine_new() and alert_engine_free().
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

/* Reads what was saved, before the first window; false where a line is none of ours (the others are
 * taken). Alerts of rules that are gone are left out, which is logged of those that fire. */
bool alert_engine_load(struct alert_engine *engine, double wall_offset_s, const char *text,
                       size_t length);

#endif
