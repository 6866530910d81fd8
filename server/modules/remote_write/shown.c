/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/shown.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"

bool shown_init(struct shown *shown)
{
    *shown = (struct shown){0};
    return index_init(&shown->index);
}

void shown_deinit(struct shown *shown)
{
    for (struct shown_series *series = shown->first, *next; series; series = next) {
        next = series->next;
        free(series);
    }
    index_deinit(&shown->index);
}

struct shown_key shown_key_make(const char *name, size_t name_length, const char *labels,
                                size_t labels_length)
{
    struct shown_key key;
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t of_name = hash_bytes(name, name_length, half + 1);
        key.half[half] = hash_bytes(labels, labels_length, of_name);
    }
    return key;
}

void shown_begin(struct shown *shown)
{
    shown->round++;
    shown->seen = 0;
}

static bool matches(const struct shown_series *series, const struct shown_key *key)
{
    return series->key[0] == key->half[0] && series->key[1] == key->half[1];
}

struct shown_series *shown_find(struct shown *shown, const struct shown_key *key)
{
    struct table_slot *slot = index_first(&shown->index, table_hash(key->half[0]));
    for (; slot; slot = index_next(&shown->index, slot)) {
        struct shown_series *series = index_at(&shown->index, slot);
        if (matches(series, key)) {
            shown->seen += series->round != shown->round;
            series->round = shown->round;
            return series;
        }
    }
    return NULL;
}

struct shown_series *shown_add(struct shown *shown, const struct shown_key *key, const char *labels,
                               size_t length, bool histogram)
{
    struct shown_series *series = malloc(sizeof(*series) + length);
    if (!series || !index_insert(&shown->index, table_hash(key->half[0]), series)) {
        free(series);
        return NULL;
    }
    series->key[0] = key->half[0];
    series->key[1] = key->half[1];
    series->round = shown->round;
    series->histogram = histogram;
    series->length = (uint32_t)length;
    memcpy(series->labels, labels, length);
    series->next = shown->first;
    shown->first = series;
    shown->count++;
    shown->seen++;
    return series;
}

void shown_sweep(struct shown *shown, shown_end *end, void *context)
{
    struct shown_series **link = &shown->first;
    while (*link && shown->seen < shown->count) {
        struct shown_series *series = *link;
        if (series->round == shown->round) {
            link = &series->next;
            continue;
        }
        *link = series->next;
        end(context, series);
        index_remove(&shown->index, table_hash(series->key[0]), series);
        free(series);
        shown->count--;
    }
}
