/* SPDX-License-Identifier: MIT
 *
 * Brings the families of a catalogue into the order of their names, a piece of work at a time, so
 * that a million new names do not hold up the event loop. Multikey quicksort (Bentley, Sedgewick
 * 1997) with the next eight bytes of each name cached beside its pointer (Rantala's variant): what
 * is compared lies together, and a name is fetched once for every eight bytes that it shares with
 * others. Few new families are sorted alone and merged in from the back.
 *
 * The thread of the catalogue.
 */
#ifndef SERVER_HTTP_ORDER_H
#define SERVER_HTTP_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct family;

struct order_item {
    uint64_t key; /* eight bytes of the name, the first one highest */
    struct family *family;
};

struct order_range {
    size_t first, count;
    uint32_t depth; /* so many bytes are equal; the keys are those behind them */
};

/* Of three parts the smallest is sorted first, so that the ranges that wait halve in size. */
#define ORDER_RANGES_MAX 96

struct order {
    struct order_item *items; /* NULL: nothing is being sorted */
    size_t count;
    struct order_range ranges[ORDER_RANGES_MAX];
    size_t range_count;
    size_t sorted; /* families before them that were in order already; those not merged past yet */
    size_t left;   /* items that have not found their place yet */
};

/* Starts to sort families[sorted] to families[count - 1] into those before them, which are in
 * order. Without memory it is done at once, the slow way. */
void order_begin(struct order *order, struct family **families, size_t sorted, size_t count);

/* Does some of it and takes from *work what that came to (about a microsecond a unit). True when
 * all is in order; until then the array must not be touched. */
bool order_step(struct order *order, struct family **families, size_t *work);

#endif
