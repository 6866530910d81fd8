/* SPDX-License-Identifier: MIT
 *
 * Names and labels in the Prometheus exposition: what a StatsD name, type and tags become.
 * Functions of their arguments alone; they append to the caller's buffer, whose `failed` tells that
 * memory was out. Whatever bytes come in, what goes out is legal in the text format 0.0.4.
 */
#ifndef SERVER_HTTP_PROM_NAME_H
#define SERVER_HTTP_PROM_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/statsd.h"
#include "proto/tags.h"
#include "server/core/buffer.h"
#include "server/core/mapping.h"
#include "server/metrics/identity.h"

/* Tags of a series, and labels of the rule that maps it. */
#define PROM_LABELS_MAX (IDENTITY_TAGS_MAX + MAPPING_LABELS_MAX)

/* What may share a family. ms timers are in seconds and so never with h and d, which are as sent,
 * but where there is a mapping, or statsd_exporter's rules give the names: there all three are
 * observers. */
enum prom_kind {
    PROM_COUNTER,
    PROM_GAUGE,
    PROM_SET,
    PROM_SECONDS,
    PROM_PLAIN,
    PROM_OBSERVER,
    PROM_KINDS
};
enum prom_kind prom_kind_of(enum statsd_type type);

/* True for the kinds that are shown as summaries or histograms. */
static inline bool prom_kind_is_timer(enum prom_kind kind)
{
    return kind >= PROM_SECONDS;
}

/* Appends the name of the family of a metric: illegal characters become '_' (one for each character
 * of UTF-8), counters end in `_total`, ms timers in `_seconds`, neither doubled; what would begin
 * with `sigmad_` or `process_` begins with `user_`. */
void prom_append_name(struct buffer *out, enum statsd_type type, const char *name, size_t length);

/* The same by statsd_exporter's rules, which know no type: what is not of [a-zA-Z0-9_] becomes '_',
 * a run of dashes one. `user_` as above. */
void prom_append_plain_name(struct buffer *out, const char *name, size_t length);

/* Where the name of a gauge or set belongs to a family of another kind: appends `_gauge` or `_set`
 * to `out`, which holds the name. False, with nothing appended, for other kinds, and where the name
 * ends so already. */
bool prom_append_alternative(struct buffer *out, enum prom_kind kind);

/* Appends `key="value",key2="value2"`, sorted by key, without braces. A tag without value is
 * "true"; values of keys that are or become equal are sorted, freed of repeats and joined by comma.
 * At most PROM_LABELS_MAX tags. */
void prom_append_labels(struct buffer *out, const struct tag *tags, size_t count);

/* The same where only the first `sent` are tags and the rest are labels of a mapping, whose value
 * may be empty. */
void prom_append_mapped_labels(struct buffer *out, const struct tag *tags, size_t sent,
                               size_t count);

/* Appends the inside of a label value: escaped. Each byte that is not part of well-formed UTF-8
 * becomes U+FFFD, and so do NUL and CR, for which the format has no escape and at which readers may
 * stop. */
void prom_append_value(struct buffer *out, const char *value, size_t length);

/* Appends a metric's name as it stands in the text of a HELP line, escaped likewise. */
void prom_append_help(struct buffer *out, const char *name, size_t length);

/* What the text of a HELP line calls a type: "counter". */
const char *prom_type_word(enum statsd_type type);

/* Appends percent / 100 as a label value: 99.9 becomes 0.999, without binary dust. */
void prom_append_quantile(struct buffer *out, double percent);

#endif
