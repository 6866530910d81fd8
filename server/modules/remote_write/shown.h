/* SPDX-License-Identifier: MIT
 *
 * The series that the receiver knows: which were in the latest window, with their labels as bytes,
 * so that the end of one can be told when it is nowhere else any more. A series is known by 128
 * bits of hash of its name and labels. One thread at a time.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_SHOWN_H
#define SERVER_MODULES_REMOTE_WRITE_SHOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/index.h"

struct shown_series {
    struct shown_series *next;
    uint64_t key[2];
    uint32_t round; /* the latest in which it was seen */
    bool histogram;
    uint32_t length;
    char labels[]; /* fields of a TimeSeries */
};

struct shown {
    struct index index;
    struct shown_series *first;
    size_t count; /* of all */
    size_t seen;  /* of this round */
    uint32_t round;
};

struct shown_key {
    uint64_t half[2];
};

/* False without memory. */
bool shown_init(struct shown *shown);
void shown_deinit(struct shown *shown);

struct shown_key shown_key_make(const char *name, size_t name_length, const char *labels,
                                size_t labels_length);

void shown_begin(struct shown *shown);

/* The series, which counts as seen in this round from here on; NULL when it is new. */
struct shown_series *shown_find(struct shown *shown, const struct shown_key *key);

/* Enters a series that is not in. NULL without memory. */
struct shown_series *shown_add(struct shown *shown, const struct shown_key *key, const char *labels,
                               size_t length, bool histogram);

/* Takes out those that were not seen in this round and calls end() for each before it is freed. */
typedef void shown_end(void *context, const struct shown_series *series);
void shown_sweep(struct shown *shown, shown_end *end, void *context);

#endif
