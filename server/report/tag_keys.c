/* SPDX-License-Identifier: MIT */
#include "server/report/tag_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"

void tag_keys_deinit(struct tag_keys *keys)
{
    free(keys->items);
    *keys = (struct tag_keys){0};
}

static void copy_cut(char *out, size_t size, const char *text, size_t length)
{
    length = length < size ? length : size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
}

/* NULL where there is no room. */
static struct tag_key *find_key(struct tag_keys *keys, const char *key, size_t length)
{
    uint64_t hash = hash_bytes(key, length, 1);
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i].hash == hash) {
            return &keys->items[i];
        }
    }
    if (keys->count == TAG_KEYS_MAX) {
        return NULL;
    }
    struct tag_key *made = &keys->items[keys->count++];
    *made = (struct tag_key){.hash = hash};
    copy_cut(made->key, sizeof(made->key), key, length);
    return made;
}

/* Boyer and Moore's, 1981. */
static void vote(struct tag_key *key, const char *metric, size_t length)
{
    size_t cut = length < sizeof(key->metric) ? length : sizeof(key->metric) - 1;
    bool same = strlen(key->metric) == cut && memcmp(key->metric, metric, cut) == 0;
    if (key->metric_lead == 0) {
        copy_cut(key->metric, sizeof(key->metric), metric, length);
        key->metric_lead = 1;
    } else {
        key->metric_lead += same ? 1 : UINT64_MAX;
    }
}

/* The length up to an unescaped `stop`, or all. */
static size_t part_length(const char *text, size_t length, char stop)
{
    size_t at = 0;
    while (at < length && text[at] != stop) {
        at += text[at] == '\\' ? 2 : 1;
    }
    return at < length ? at : length;
}

bool tag_keys_add(struct tag_keys *keys, const char *metric, size_t metric_length, const char *tags,
                  size_t tags_length, bool counter, size_t first)
{
    keys->series++;
    while (tags_length > 0) {
        if (!keys->items) {
            keys->items = calloc(TAG_KEYS_MAX, sizeof(*keys->items));
        }
        if (!keys->items) {
            return false;
        }
        size_t whole = part_length(tags, tags_length, ';');
        size_t name = part_length(tags, whole, '=');
        struct tag_key *key = find_key(keys, tags, name);
        if (key) {
            uint64_t bit = hash_bytes(tags + name, whole - name, 2) % TAG_KEY_BITS;
            key->bits[bit / 64] |= UINT64_C(1) << bit % 64;
            key->series++;
            key->counters += counter;
            if (first < POINTS_MAX) {
                key->began[first]++;
            }
            vote(key, metric, metric_length);
        } else {
            keys->left_out++;
        }
        tags += whole < tags_length ? whole + 1 : whole;
        tags_length -= whole < tags_length ? whole + 1 : whole;
    }
    return true;
}

double tag_key_values(const struct tag_key *key)
{
    uint64_t set = 0;
    for (size_t i = 0; i < TAG_KEY_BITS / 64; i++) {
        set += (uint64_t)__builtin_popcountll(key->bits[i]);
    }
    double empty = (double)(TAG_KEY_BITS - set);
    return -TAG_KEY_BITS * log(fmax(empty, 0.5) / TAG_KEY_BITS);
}

static bool is_before(const struct tag_key *a, const struct tag_key *b)
{
    double more = tag_key_values(a) - tag_key_values(b);
    return more > 0 || (more >= 0 && a < b);
}

const struct tag_key *tag_keys_next(const struct tag_keys *keys, const struct tag_key *behind)
{
    const struct tag_key *next = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct tag_key *key = &keys->items[i];
        bool left = !behind || is_before(behind, key);
        next = left && (!next || is_before(key, next)) ? key : next;
    }
    return next;
}

/* The vote counts others against a candidate, so that its lead is a lower bound of its series. */
const char *tag_key_metric(const struct tag_key *key)
{
    return 4 * key->metric_lead >= key->series ? key->metric : NULL;
}

size_t tag_key_since(const struct tag_key *key, size_t points)
{
    uint64_t known = 0, before;
    for (size_t i = 0; i < points; i++) {
        known += key->began[i];
    }
    before = key->began[0];
    for (size_t i = 1; i < points; i++) {
        before += key->began[i];
        if (key->began[i] > 0 && (before - key->began[0]) * 10 >= known) {
            return i;
        }
    }
    return POINTS_MAX;
}
