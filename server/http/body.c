/* SPDX-License-Identifier: MIT */
#include "server/http/body.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "server/core/require.h"

struct body *body_new(struct buffer *buffer)
{
    struct body *body = buffer->failed ? NULL : malloc(sizeof(*body));
    if (!body) {
        buffer_deinit(buffer);
        return NULL;
    }
    /* Rendering doubles its buffer; what was not needed goes back. */
    char *fitting = buffer->length > 0 ? realloc(buffer->bytes, buffer->length) : NULL;
    body->bytes = fitting ? fitting : buffer->bytes;
    body->length = buffer->length;
    atomic_init(&body->references, 1);
    buffer_init(buffer);
    return body;
}

struct body *body_ref(struct body *body)
{
    atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);
    return body;
}

void body_unref(struct body *body)
{
    if (!body) {
        return;
    }
    uint32_t before = atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel);
    REQUIRE(before > 0);
    if (before == 1) {
        free(body->bytes);
        free(body);
    }
}

/* Nobody can take a reference in between: whoever has one could only hand on the caller's. */
void body_recycle(struct body *body, struct buffer *buffer)
{
    if (body && atomic_load_explicit(&body->references, memory_order_acquire) == 1) {
        *buffer = (struct buffer){.bytes = body->bytes, .capacity = body->length};
        body->bytes = NULL;
    }
    body_unref(body);
}

static void sent(const void *bytes, size_t length, void *context)
{
    (void)bytes;
    (void)length;
    body_unref(context);
}

bool body_add(struct body *body, struct evbuffer *out)
{
    if (body->length == 0) {
        return true;
    }
    if (evbuffer_add_reference(out, body->bytes, body->length, sent, body_ref(body)) != 0) {
        body_unref(body);
        return false;
    }
    return true;
}
