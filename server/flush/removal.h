/* SPDX-License-Identifier: MIT
 *
 * Series that somebody wants gone, by name: the question that flusher_remove() takes, and its
 * answer in the words of etsy statsd. Tags are not looked at: a name stands for all its series of
 * the kind.
 */
#ifndef SERVER_FLUSH_REMOVAL_H
#define SERVER_FLUSH_REMOVAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/flush/expire.h"

/* Each name is looked for among all series. */
#define REMOVAL_NAMES_MAX 64
/* Bytes of an answer; what lies beyond is told as a number. */
#define REMOVAL_ANSWER_MAX ((size_t)1 << 20)

struct removal {
    struct removal *next;
    enum metric_kind kind;
    size_t count;
    char *names[REMOVAL_NAMES_MAX]; /* exact, or `prefix.*` */
    char *text;                     /* that they point into */
    struct buffer answer; /* `deleted: NAME` or `metric NAME not found`, a line each; `failed` where
                             memory ran out: then some may be left */
    _Atomic bool done;    /* set last, by the flusher */
};

/* Copies the names, at most REMOVAL_NAMES_MAX. NULL without memory. */
struct removal *removal_new(enum metric_kind kind, char *const *names, size_t count);

/* NULL is allowed. */
void removal_free(struct removal *removal);

/* Flusher, between two windows. */
void removal_run(struct removal *removal, const struct expire_options *options);

#endif
