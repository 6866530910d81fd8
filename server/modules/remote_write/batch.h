/* SPDX-License-Identifier: MIT
 *
 * A request's worth of series, as the snappy-compressed WriteRequest that is sent. A WriteRequest
 * is its series one after the other, so that a batch is cut in two without knowing what they hold.
 * Batches do not change once they are made. No locking.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_BATCH_H
#define SERVER_MODULES_REMOTE_WRITE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"

/* Before compression; receivers refuse more than some megabytes. A single series may pass it. */
#define BATCH_BYTES_MAX ((size_t)1 << 20)

struct batch {
    struct batch *next;
    uint64_t window;
    size_t series;
    size_t length;
    char bytes[];
};

struct batch_list {
    struct batch *first, *last;
    size_t bytes; /* of memory */
};

static inline size_t batch_memory(const struct batch *batch)
{
    return sizeof(*batch) + batch->length;
}

void batch_list_append(struct batch_list *list, struct batch *batch);
void batch_list_free(struct batch_list *list);

/* Compresses; NULL without memory. */
struct batch *batch_new(uint64_t window, size_t series, const char *raw, size_t length);

/* What was compressed, into `raw`. False without memory. */
bool batch_unpack(const struct batch *batch, struct buffer *raw);

/* Cuts it in two, of two series and more; the batch stays as it is. False without memory. */
bool batch_halve(const struct batch *batch, struct batch *halves[2]);

/* Appends the name of the first series, the value of `__name__`. */
void batch_append_name(const struct batch *batch, struct buffer *out);

/* Gathers series into batches of at most `series_max`. */
struct batch_maker {
    struct batch_list made;
    struct buffer raw;
    uint64_t window;
    size_t series, series_max;
    bool failed; /* memory was out */
};

void batch_maker_begin(struct batch_maker *maker, uint64_t window);

/* The buffer behind which one series is appended as a field of the WriteRequest; then it is added.
 */
struct buffer *batch_maker_buffer(struct batch_maker *maker);
void batch_maker_add(struct batch_maker *maker);

/* Closes the last one. The list is the caller's. False where memory was out; the list is empty
 * then.
 */
bool batch_maker_end(struct batch_maker *maker, struct batch_list *made);
void batch_maker_deinit(struct batch_maker *maker);

#endif
