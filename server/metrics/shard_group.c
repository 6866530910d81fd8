/* SPDX-License-Identifier: MIT */
#include "server/metrics/shard_group.h"

#include <math.h>

#include "server/core/hash.h"
#include "server/metrics/figures.h"

#define MEMBER_SEED UINT64_C(0x5e7)

/* Sums of up to 1e8 counts, and squares of up to 1e8 timer values, stay finite within these. */
#define COUNT_MAX 1e300
#define TIMER_MAX 1e150

static bool has_rate(const struct statsd_item *item)
{
    return item->type != STATSD_GAUGE && item->type != STATSD_SET;
}

static unsigned check(const struct shard *shard, const struct statsd_item *item)
{
    uint64_t block = item->tags_style == TAGS_INSIDE ? (uint64_t)item->tags.length + 2 : 0;
    if (item->name.length - block > shard->name_bytes_max) {
        return LOSS_NAME_TOO_LONG;
    }
    if (item->tags.length > shard->tag_bytes_max) {
        return LOSS_TAGS_TOO_LONG;
    }
    if (!has_rate(item)) {
        return 0;
    }
    if (item->rate < shard->rate_min) {
        return LOSS_RATE_BELOW_MINIMUM;
    }
    double bound = item->type == STATSD_COUNTER ? COUNT_MAX * item->rate : TIMER_MAX;
    bool large = fabs(item->value) > bound || 1 / item->rate > COUNT_MAX;
    return large ? LOSS_OUT_OF_RANGE : 0;
}

unsigned shard_group_add(struct shard_group *group, const struct shard *shard, const char *datagram,
                         const struct statsd_item *item)
{
    unsigned loss = check(shard, item);
    if (loss) {
        return loss;
    }
    struct shard_entry *entry = &group->entries[group->count++];
    entry->key = spelling_key(datagram, item);
    entry->datagram = datagram;
    entry->weight = 1 / item->rate;
    entry->delta = item->delta;
    if (item->type == STATSD_SET) {
        entry->text = item->text;
    } else {
        entry->value = item->type == STATSD_COUNTER ? item->value / item->rate : item->value;
    }
    spellings_prefetch(&shard->spellings, &entry->key);
    return 0;
}

/* Of the cell that a sample of this kind and index id writes first. Inlined by force: gcc 12 takes
 * a function that does nothing but prefetch for one without effects, and leaves its calls out. */
static inline __attribute__((always_inline)) void prefetch_cell(const struct slice *slice,
                                                                uint32_t place)
{
    uint32_t index = place_index(place), at = index % SLICE_CHUNK;
    switch (place_kind(place)) {
    case METRIC_COUNTER:
        __builtin_prefetch(&slice_counters(slice, index)->increments[at], 1);
        break;
    case METRIC_GAUGE:
        __builtin_prefetch(&slice_gauges(slice, index)->value[at], 1);
        __builtin_prefetch(&slice_gauges(slice, index)->stamp[at], 1);
        break;
    case METRIC_TIMER:
        __builtin_prefetch(&slice_timers(slice, index)->timers[at], 1);
        break;
    default:
        __builtin_prefetch(&slice_sets(slice, index)->sets[at], 1);
        break;
    }
}

/* Settles where the sample leads. An entry before it may have brought the name meanwhile. */
static unsigned settle(struct shard_entry *entry, struct shard *shard, uint64_t stamp_ns)
{
    if (__builtin_expect(entry->guessed && spellings_confirm(&shard->spellings, entry->line,
                                                             &entry->key, &entry->place),
                         1)) {
        return 0;
    }
    if (spellings_find(&shard->spellings, &entry->key, &entry->place)) {
        return 0;
    }
    if (shard->exemplars && entry->key.tags_length > 0) {
        double value = spelling_type(&entry->key) == STATSD_SET ? 0 : entry->value;
        return shard_admit_traced(shard, &entry->key, value, stamp_ns, &entry->place);
    }
    return shard_admit(shard, &entry->key, &entry->place);
}

/* Adds what needs one cell only; of the others the memory behind the cell is fetched. */
static unsigned add_or_prefetch(const struct shard_entry *entry, const struct shard *shard,
                                uint64_t stamp_ns)
{
    const struct slice *slice = shard->open;
    uint32_t index = place_index(entry->place), at = index % SLICE_CHUNK;
    switch (place_kind(entry->place)) {
    case METRIC_COUNTER:
        return slice_add_counter(shard->open, index, entry->value) ? 0 : LOSS_MEMORY_LIMIT;
    case METRIC_GAUGE:
        slice_add_gauge(shard->open, index, entry->value, entry->delta, stamp_ns);
        return 0;
    case METRIC_TIMER:
        __builtin_prefetch(slice_timers(slice, index)->timers[at].sketch, 1);
        return 0;
    default:
        __builtin_prefetch(slice_sets(slice, index)->sets[at], 1);
        return 0;
    }
}

static unsigned add_rest(const struct shard_entry *entry, struct shard *shard)
{
    uint32_t index = place_index(entry->place);
    enum metric_kind kind = place_kind(entry->place);
    bool added = true;
    if (kind == METRIC_TIMER) {
        added = slice_add_timer(shard->open, index, entry->value, entry->weight, shard->cache);
    } else if (kind == METRIC_SET) {
        uint64_t hash =
            hash_bytes(entry->datagram + entry->text.offset, entry->text.length, MEMBER_SEED);
        added = slice_add_member(shard->open, index, hash, shard->cache);
    }
    return added ? 0 : LOSS_MEMORY_LIMIT;
}

void shard_group_store(struct shard_group *group, struct shard *shard, uint64_t stamp_ns)
{
    struct shard_entry *end = group->entries + group->count;
    for (struct shard_entry *entry = group->entries; entry < end; entry++) {
        entry->guessed = spellings_guess(&shard->spellings, &entry->key, &entry->line);
    }
    for (struct shard_entry *entry = group->entries; entry < end; entry++) {
        entry->loss = (uint16_t)settle(entry, shard, stamp_ns);
        if (entry->loss == 0) {
            prefetch_cell(shard->open, entry->place);
        }
    }
    for (struct shard_entry *entry = group->entries; entry < end; entry++) {
        if (entry->loss == 0) {
            entry->loss = (uint16_t)add_or_prefetch(entry, shard, stamp_ns);
        }
    }
    for (struct shard_entry *entry = group->entries; entry < end; entry++) {
        if (entry->loss == 0) {
            entry->loss = (uint16_t)add_rest(entry, shard);
        }
    }
}

unsigned shard_store(struct shard *shard, const char *datagram, const struct statsd_item *item,
                     uint64_t stamp_ns)
{
    struct shard_group group;
    group.count = 0;
    unsigned loss = shard_group_add(&group, shard, datagram, item);
    if (loss == 0) {
        shard_group_store(&group, shard, stamp_ns);
        loss = group.entries[0].loss;
    }
    return loss;
}
