/* SPDX-License-Identifier: MIT
 *
 * What makes a series one series: its name, its canonical tags and its type. An identity is made
 * once, when a name is first seen, and never changes. The registry owns it; whoever holds a
 * snapshot may read every identity the snapshot points to, for as long as the snapshot is held.
 *
 * Name and tags are kept as the two fields that stand in CSV files, so that no flush has to escape
 * them again. Where nothing is escaped, which is nearly always, these bytes are the name and the
 * tags as well; where something is, the plain bytes follow.
 */
#ifndef SERVER_METRICS_IDENTITY_H
#define SERVER_METRICS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/statsd.h"
#include "proto/tags.h"

/* ms, h and d share the arithmetic of timers and hence a kind. */
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_TIMER, METRIC_SET, METRIC_KINDS };

enum metric_kind metric_kind_of(enum statsd_type type);
const char *metric_kind_name(enum metric_kind kind); /* "counter", "gauge", "timer", "set" */

/* Where a series is kept, in one number: its kind, and its index among those of its kind. */
#define PLACE_KIND_SHIFT 30
#define PLACE_INDEX_MASK ((UINT32_C(1) << PLACE_KIND_SHIFT) - 1)

static inline uint32_t place_make(enum metric_kind kind, uint32_t index)
{
    return (uint32_t)kind << PLACE_KIND_SHIFT | index;
}

static inline enum metric_kind place_kind(uint32_t place)
{
    return (enum metric_kind)(place >> PLACE_KIND_SHIFT);
}

static inline uint32_t place_index(uint32_t place)
{
    return place & PLACE_INDEX_MASK;
}

/* With a name of up to 37 bytes that needs no escaping, and without tags, it is one cache line. */
struct identity {
    uint32_t line;       /* where the registry keeps it */
    uint32_t index;      /* among the series of its kind: small, dense, reused after expiry */
    uint32_t generation; /* differs between the series that used the same index one after another */
    uint32_t bytes_length; /* of all that is in `bytes` */
    uint32_t csv_length;   /* `bytes` begins with so many of `name,tags` */
    uint16_t name_length;
    uint16_t tag_count;
    uint8_t type : 4; /* enum statsd_type */
    uint8_t kind : 4; /* enum metric_kind */
    bool escaped : 1; /* the CSV text is not the plain one, which stands behind it */
    bool own : 1;     /* the server's own figure, whose name it keeps; set before senders come */
    char bytes[];     /* CSV text, plain text where it differs, two lengths a tag */
};

static inline const char *identity_name(const struct identity *identity)
{
    return identity->bytes + (identity->escaped ? identity->csv_length : 0);
}

/* Writes identity->tag_count tags in canonical order, pointing into the identity, to `tags`. */
void identity_tags(const struct identity *identity, struct tag *tags);

/* The largest tag_count there can be (limits.max_tags is bounded by it, metrics.tags included). */
#define IDENTITY_TAGS_MAX 512

/* Room that identity_init() may need for these parts. */
size_t identity_bytes_max(size_t name_length, const struct tag *tags, size_t tag_count);

/* Fills `identity`, which has identity_bytes_max() room; line, index and generation are left to
 * the caller. */
void identity_init(struct identity *identity, enum statsd_type type, const char *name,
                   size_t name_length, const struct tag *tags, size_t tag_count);

/* The bytes that it takes: so many may be copied elsewhere. */
static inline size_t identity_bytes(const struct identity *identity)
{
    return offsetof(struct identity, bytes) + identity->bytes_length;
}

static inline uint32_t identity_place(const struct identity *identity)
{
    return place_make((enum metric_kind)identity->kind, identity->index);
}

/* Hash and equality of the canonical parts; `seed` is the process's own. */
uint64_t identity_hash(const struct identity *identity, uint64_t seed);
int identity_equal(const struct identity *a, const struct identity *b);

#endif
