/* SPDX-License-Identifier: MIT
 *
 * The exact phase is a hash table with linear probing of the hashes themselves; 0 is a free slot,
 * and a hash of 0 is taken for 1. It is at most three quarters full.
 */
#include "server/metrics/set.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "server/core/pool_share.h"
#include "server/core/require.h"
#include "server/metrics/hyperloglog.h"

#define SLOTS_FIRST 4

/* Those of SET_EXACT_MEMBERS. */
#define SLOTS_MAX 512

/* The most members that a set of the pool's share may have: 64 MiB. */
#define SHARED_MEMBERS_MAX (UINT32_C(3) << 21)

struct set {
    uint32_t slot_count; /* a power of two; 0 once it is a HyperLogLog */
    uint32_t member_count;
    union {
        uint64_t slot; /* the first of slot_count */
        uint8_t *registers;
    };
};

static bool is_exact(const struct set *set)
{
    return set->slot_count > 0;
}

static size_t exact_bytes(unsigned slot_count)
{
    return offsetof(struct set, slot) + slot_count * sizeof(uint64_t);
}

static uint64_t *slots_of(const struct set *set)
{
    return (uint64_t *)((uintptr_t)set + offsetof(struct set, slot));
}

/* Larger ones than others may have are of the pool's share. */
static struct set *exact_new(unsigned slot_count, struct pool_cache *cache)
{
    size_t bytes = exact_bytes(slot_count);
    struct set *set =
        slot_count > SLOTS_MAX ? pool_share_take(cache, bytes) : pool_take(cache, bytes);
    if (set) {
        memset(set, 0, bytes);
        set->slot_count = slot_count;
    }
    return set;
}

static void exact_free(struct set *set, struct pool_cache *cache)
{
    if (set->slot_count > SLOTS_MAX) {
        pool_share_give(cache, set, exact_bytes(set->slot_count));
    } else {
        pool_give(cache, set, exact_bytes(set->slot_count));
    }
}

static struct set *estimate_new(struct pool_cache *cache)
{
    struct set *set = pool_take(cache, sizeof *set);
    uint8_t *registers = pool_take(cache, HYPERLOGLOG_REGISTERS);
    if (!set || !registers) {
        pool_give(cache, set, sizeof *set);
        pool_give(cache, registers, HYPERLOGLOG_REGISTERS);
        return NULL;
    }
    memset(registers, 0, HYPERLOGLOG_REGISTERS);
    *set = (struct set){.registers = registers};
    return set;
}

void set_free(struct set **set, struct pool_cache *cache)
{
    if (!*set) {
        return;
    }
    if (is_exact(*set)) {
        exact_free(*set, cache);
    } else {
        pool_give(cache, (*set)->registers, HYPERLOGLOG_REGISTERS);
        pool_give(cache, *set, sizeof **set);
    }
    *set = NULL;
}

/* The slot of a member, or the free one where it belongs. */
static uint64_t *slot_find(const struct set *set, uint64_t member)
{
    uint64_t *slots = slots_of(set);
    unsigned mask = set->slot_count - 1U;
    unsigned at = (unsigned)member & mask;
    while (slots[at] != 0 && slots[at] != member) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static bool contains(const struct set *set, uint64_t member)
{
    return set && *slot_find(set, member) == member;
}

/* There must be room. */
static void insert(struct set *set, uint64_t member)
{
    uint64_t *slot = slot_find(set, member);
    set->member_count += *slot == 0;
    *slot = member;
}

static void exact_insert_all(struct set *into, const struct set *from)
{
    for (unsigned i = 0; i < from->slot_count; i++) {
        if (slots_of(from)[i] != 0) {
            insert(into, slots_of(from)[i]);
        }
    }
}

static void estimate_add_all(struct set *into, const struct set *from)
{
    for (unsigned i = 0; i < from->slot_count; i++) {
        if (slots_of(from)[i] != 0) {
            hyperloglog_add(into->registers, slots_of(from)[i]);
        }
    }
}

/* Room for `count` members in all. */
static bool exact_reserve(struct set **set, unsigned count, struct pool_cache *cache)
{
    unsigned slot_count = *set ? (*set)->slot_count : SLOTS_FIRST;
    if (*set && 4 * count <= 3 * slot_count) {
        return true;
    }
    while (4 * count > 3 * slot_count) {
        slot_count *= 2;
    }
    struct set *grown = exact_new(slot_count, cache);
    if (!grown) {
        return false;
    }
    if (*set) {
        exact_insert_all(grown, *set);
    }
    set_free(set, cache);
    *set = grown;
    return true;
}

static bool may_be_exact(unsigned count, const struct pool_cache *cache)
{
    return count <= SET_EXACT_MEMBERS || (count <= SHARED_MEMBERS_MAX && pool_share_is_open(cache));
}

/* A HyperLogLog of the members of two exact sets, of which one may be NULL, in place of the first.
 */
static bool estimate_replace(struct set **set, const struct set *other, struct pool_cache *cache)
{
    struct set *estimate = estimate_new(cache);
    if (!estimate) {
        return false;
    }
    estimate_add_all(estimate, *set);
    if (other) {
        estimate_add_all(estimate, other);
    }
    set_free(set, cache);
    *set = estimate;
    return true;
}

bool set_add(struct set **set, uint64_t hash, struct pool_cache *cache)
{
    uint64_t member = hash ? hash : 1;
    if (!*set || is_exact(*set)) {
        unsigned count = *set ? (*set)->member_count : 0;
        if (contains(*set, member)) {
            return true;
        }
        if (may_be_exact(count + 1, cache) && exact_reserve(set, count + 1, cache)) {
            insert(*set, member);
            return true;
        }
        if (count < SET_EXACT_MEMBERS) {
            return false;
        }
        if (!estimate_replace(set, NULL, cache)) {
            return false;
        }
    }
    hyperloglog_add((*set)->registers, member);
    return true;
}

static bool merge_exact(struct set **into, const struct set *from, struct pool_cache *cache)
{
    unsigned count = *into ? (*into)->member_count : 0;
    for (unsigned i = 0; i < from->slot_count; i++) {
        uint64_t member = slots_of(from)[i];
        count += member != 0 && !contains(*into, member);
    }
    if (may_be_exact(count, cache) && exact_reserve(into, count, cache)) {
        exact_insert_all(*into, from);
        return true;
    }
    return count > SET_EXACT_MEMBERS && estimate_replace(into, from, cache);
}

static bool merge_into_copy(struct set **into, const struct set *from, struct pool_cache *cache)
{
    struct set *copy = estimate_new(cache);
    if (!copy) {
        return false;
    }
    memcpy(copy->registers, from->registers, HYPERLOGLOG_REGISTERS);
    if (*into) {
        estimate_add_all(copy, *into);
    }
    set_free(into, cache);
    *into = copy;
    return true;
}

bool set_merge(struct set **into, const struct set *from, struct pool_cache *cache)
{
    REQUIRE(!from || *into != from);
    if (!from) {
        return true;
    }
    if (!*into || is_exact(*into)) {
        return is_exact(from) ? merge_exact(into, from, cache) : merge_into_copy(into, from, cache);
    }
    if (is_exact(from)) {
        estimate_add_all(*into, from);
    } else {
        hyperloglog_merge((*into)->registers, from->registers);
    }
    return true;
}

double set_unique(const struct set *set)
{
    if (!set) {
        return 0;
    }
    if (is_exact(set)) {
        return set->member_count;
    }
    /* It was left exact for more members than these. */
    return fmax(round(hyperloglog_estimate(set->registers)), SET_EXACT_MEMBERS + 1);
}
