/* SPDX-License-Identifier: MIT
 *
 * How many values each tag key has over all series, and which metric has most series with it: what
 * tells of a key that makes series explode. A fixed number of keys; distinct values are counted in
 * a bitmap (linear counting, Whang, Vander-Zanden and Taylor 1990), within 2 % up to 100,000 of
 * them. One thread.
 */
#ifndef SERVER_REPORT_TAG_KEYS_H
#define SERVER_REPORT_TAG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/report/points.h"

#define TAG_KEYS_MAX 64
#define TAG_KEY_BYTES 64
#define TAG_KEY_BITS 32768

struct tag_key {
    char key[TAG_KEY_BYTES]; /* cut at the end */
    char metric[128];        /* the metric that most series with it have, cut */
    uint64_t metric_lead;    /* by how many it leads (Boyer and Moore's majority vote) */
    uint64_t hash;
    uint64_t series;            /* that have the key */
    uint64_t counters;          /* of these */
    uint32_t began[POINTS_MAX]; /* series whose first sample is in that point */
    uint64_t bits[TAG_KEY_BITS / 64];
};

struct tag_keys {
    struct tag_key *items; /* TAG_KEYS_MAX of them once there is one; owned */
    size_t count;
    uint64_t series;   /* that were looked at */
    uint64_t left_out; /* keys of series for which there was no room */
};

void tag_keys_deinit(struct tag_keys *keys);

/* Counts a series; `tags` as the tags column of CSV has them, without its quotes. `first` is the
 * point with its first sample, POINTS_MAX where that is not known. False without memory. */
bool tag_keys_add(struct tag_keys *keys, const char *metric, size_t metric_length, const char *tags,
                  size_t tags_length, bool counter, size_t first);

/* About how many values a key has. */
double tag_key_values(const struct tag_key *key);

/* The key that comes behind another one, or first where that is NULL, by how many values they
 * have; NULL behind the last. */
const struct tag_key *tag_keys_next(const struct tag_keys *keys, const struct tag_key *behind);

/* A metric that at least a quarter of its series are of; NULL where none is known. */
const char *tag_key_metric(const struct tag_key *key);

/* The point from which on the key has grown beyond a tenth of its series: the first at which a
 * later tenth of them began; POINTS_MAX where they were there from the beginning or that is not
 * known. */
size_t tag_key_since(const struct tag_key *key, size_t points);

#endif
