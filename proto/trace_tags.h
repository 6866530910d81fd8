/* SPDX-License-Identifier: MIT
 *
 * The tags trace_id and span_id, which tell one request from another rather than one series from
 * another: taking them out of a text of tags. Pure functions over the caller's buffers.
 */
#ifndef PROTO_TRACE_TAGS_H
#define PROTO_TRACE_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/tags.h"

/* OpenMetrics 1.0 allows the labels of an exemplar 128 characters in all, names included: so many
 * are left for the two values. */
#define TRACE_IDS_MAX (128 - sizeof("trace_id") - sizeof("span_id") + 2)

/* Points into the text that was sent; an id that was not sent has length 0. */
struct trace_ids {
    const char *trace, *span;
    size_t trace_length, span_length;
};

/* Copies the text without the two tags to `out`, which must hold `length` bytes. Returns the bytes
 * written; `length` when there was no such tag. Of several the last counts. The other tags keep
 * their bytes and order. */
size_t trace_tags_cut(enum tags_style style, const char *text, size_t length, char *out,
                      struct trace_ids *ids);

/* Whether they can be shown: at least one, of printable ASCII that nothing has to be escaped in,
 * TRACE_IDS_MAX at most together. */
bool trace_ids_can_be_shown(const struct trace_ids *ids);

#endif
