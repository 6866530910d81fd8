/* SPDX-License-Identifier: MIT
 *
 * How a series is called in Graphite: `NAME` and `;key=value…`, apart, because what a figure is
 * called stands between them. Pure.
 *
 * A name is cleaned as etsy statsd cleans it (stats.js, sanitizeKeyName): a run of blanks becomes
 * `_`, `/` becomes `-`, and what is not a letter, a digit or one of `_-.;=` is dropped; from a `;`
 * on it is tags. With profile etsy the tags are cleaned so too. Otherwise they keep what Graphite
 * takes, which is all but blanks, `;`, and in keys `=!^`, which become `_`; `~` may not come first
 * in a value; several values of a key are joined by comma, and a tag without one is `true`, since
 * Graphite refuses a line whose tag is empty.
 */
#ifndef SERVER_SINK_GRAPHITE_PATH_H
#define SERVER_SINK_GRAPHITE_PATH_H

#include "server/core/buffer.h"
#include "server/metrics/identity.h"

/* All zero is empty. Reused from one series to the next. */
struct graphite_path {
    struct buffer name;
    struct buffer tags;
};

/* False without memory. */
bool graphite_path_make(struct graphite_path *path, const struct identity *identity,
                        bool etsy_tags);

void graphite_path_deinit(struct graphite_path *path);

#endif
