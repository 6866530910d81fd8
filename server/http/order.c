/* SPDX-License-Identifier: MIT */
#include "server/http/order.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"
#include "server/core/require.h"
#include "server/http/catalogue.h"

#define KEY_BYTES 8
#define SMALL_RANGE 16
#define ITEMS_AHEAD 8

/* Items partitioned, and places looked for, in a unit of work. */
#define ITEMS_PER_UNIT 64

#define SEED_PIVOT 0x7069766f74

static int compare_families(const void *left, const void *right)
{
    const struct family *a = *(struct family *const *)left;
    const struct family *b = *(struct family *const *)right;
    uint32_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order
                      : (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

/* Names hold no NUL, so that zeros behind the end sort a name before those it begins. */
static uint64_t key_at(const struct family *family, uint32_t depth)
{
    char bytes[KEY_BYTES] = {0};
    if (depth < family->name_length) {
        uint32_t rest = family->name_length - depth;
        memcpy(bytes, family->text + depth, rest < KEY_BYTES ? rest : KEY_BYTES);
    }
    uint64_t key;
    memcpy(&key, bytes, sizeof(key));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    key = __builtin_bswap64(key);
#endif
    return key;
}

static void load_keys(struct order_item *items, const struct order_range *range)
{
    struct order_item *item = items + range->first;
    for (size_t i = 0; i < range->count; i++) {
        if (i + ITEMS_AHEAD < range->count) {
            const struct family *next = item[i + ITEMS_AHEAD].family;
            __builtin_prefetch(next->text + range->depth);
            __builtin_prefetch(next);
        }
        item[i].key = key_at(item[i].family, range->depth);
    }
}

static bool is_before(const struct order_item *a, const struct order_item *b)
{
    return a->key != b->key ? a->key < b->key : compare_families(&a->family, &b->family) < 0;
}

static void sort_small(struct order_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct order_item moving = items[i];
        size_t hole = i;
        while (hole > 0 && is_before(&moving, &items[hole - 1])) {
            items[hole] = items[hole - 1];
            hole--;
        }
        items[hole] = moving;
    }
}

/* The middle of three chosen by the keyed hash: senders name the series and must not be able to
 * choose the pivots as well. */
static uint64_t choose_pivot(const struct order_item *items, const struct order_range *range)
{
    uint64_t keys[3];
    for (uint64_t i = 0; i < 3; i++) {
        size_t where[3] = {range->first, range->count, range->depth};
        uint64_t random = hash_bytes(where, sizeof(where), SEED_PIVOT + i);
        keys[i] = items[range->first + (random >> 8) % range->count].key;
    }
    uint64_t low = keys[0] < keys[1] ? keys[0] : keys[1];
    uint64_t high = keys[0] < keys[1] ? keys[1] : keys[0];
    return keys[2] < low ? low : keys[2] > high ? high : keys[2];
}

static void swap(struct order_item *a, struct order_item *b)
{
    struct order_item item = *a;
    *a = *b;
    *b = item;
}

/* Dijkstra's three-way partition: below, equal and above the pivot, in this order in parts[]. */
static void partition(struct order_item *items, const struct order_range *range,
                      struct order_range parts[3])
{
    uint64_t pivot = choose_pivot(items, range);
    size_t below = range->first;
    size_t above = range->first + range->count;
    for (size_t at = below; at < above;) {
        if (items[at].key < pivot) {
            swap(&items[at++], &items[below++]);
        } else if (items[at].key > pivot) {
            swap(&items[at], &items[--above]);
        } else {
            at++;
        }
    }
    size_t end = range->first + range->count;
    /* Where the last byte is 0 the names have ended, and no two families have one name. */
    bool ended = (pivot & 0xFF) == 0;
    parts[0] = (struct order_range){range->first, below - range->first, range->depth};
    parts[1] = (struct order_range){below, ended ? 0 : above - below, range->depth + KEY_BYTES};
    parts[2] = (struct order_range){above, end - above, range->depth};
}

/* The largest at the bottom. */
static void push_parts(struct order *order, struct order_range parts[3])
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2 - i; j++) {
            if (parts[j].count < parts[j + 1].count) {
                struct order_range range = parts[j];
                parts[j] = parts[j + 1];
                parts[j + 1] = range;
            }
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].count > 1) {
            REQUIRE(order->range_count < ORDER_RANGES_MAX);
            order->ranges[order->range_count++] = parts[i];
        }
    }
}

static void sort_range(struct order *order)
{
    struct order_range range = order->ranges[--order->range_count];
    struct order_range parts[3];
    if (range.count <= SMALL_RANGE) {
        sort_small(order->items + range.first, range.count);
        return;
    }
    partition(order->items, &range, parts);
    load_keys(order->items, &parts[1]);
    push_parts(order, parts);
}

void order_begin(struct order *order, struct family **families, size_t sorted, size_t count)
{
    /* So many new ones are quicker sorted with the rest than merged into it. */
    sorted = count - sorted > sorted / 4 ? 0 : sorted;
    size_t added = count - sorted;
    *order = (struct order){.sorted = sorted, .count = added, .left = added};
    order->items = added > 0 ? malloc(added * sizeof(*order->items)) : NULL;
    if (!order->items) {
        if (added > 0) {
            qsort(families, count, sizeof(struct family *), compare_families);
        }
        return;
    }
    for (size_t i = 0; i < added; i++) {
        order->items[i].family = families[sorted + i];
    }
    order->ranges[order->range_count++] = (struct order_range){0, added, 0};
    load_keys(order->items, &order->ranges[0]);
}

/* The first of the sorted families that comes behind `family`. */
static size_t place_of(struct family *const *sorted, size_t count, struct family *const *family)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (compare_families(&sorted[middle], family) < 0) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

/* From the last one on, so that what is behind a place has been moved already. */
static void merge_last(struct order *order, struct family **families)
{
    struct family *family = order->items[order->left - 1].family;
    size_t at = place_of(families, order->sorted, &family);
    memmove(families + at + order->left, families + at, (order->sorted - at) * sizeof(*families));
    families[at + order->left - 1] = family;
    order->sorted = at;
    order->left--;
}

static void spend(size_t *work, size_t units)
{
    *work -= units < *work ? units : *work;
}

bool order_step(struct order *order, struct family **families, size_t *work)
{
    if (!order->items) {
        return true;
    }
    while (order->range_count > 0 && *work > 0) {
        size_t count = order->ranges[order->range_count - 1].count;
        sort_range(order);
        spend(work, 1 + count / ITEMS_PER_UNIT);
    }
    while (order->range_count == 0 && order->left > 0 && *work > 0) {
        merge_last(order, families);
        spend(work, order->sorted > 0);
    }
    if (order->range_count > 0 || order->left > 0) {
        return false;
    }
    free(order->items);
    order->items = NULL;
    return true;
}
