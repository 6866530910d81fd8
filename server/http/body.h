/* SPDX-License-Identifier: MIT
 *
 * The bytes of an answer: immutable, shared by reference count between the cache of a page and
 * every request that is still being written. The count is atomic, so that the last reference may go
 * on any thread; nothing else is.
 */
#ifndef SERVER_HTTP_BODY_H
#define SERVER_HTTP_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"

struct evbuffer;

struct body {
    char *bytes;
    size_t length;
    _Atomic uint32_t references;
};

/* Takes over what the buffer holds and leaves it empty. One reference, the caller's. NULL, with the
 * bytes freed, when the buffer has failed or memory is out. */
struct body *body_new(struct buffer *buffer);

struct body *body_ref(struct body *body);
void body_unref(struct body *body); /* NULL is allowed */

/* Gives up the caller's reference and, when it was the only one, lets `buffer`, which must be
 * empty, have the memory to write the next body into. NULL is allowed. */
void body_recycle(struct body *body, struct buffer *buffer);

/* Appends the bytes to `out` without copying; `out` holds a reference until they are sent. False
 * without memory. */
bool body_add(struct body *body, struct evbuffer *out);

#endif
