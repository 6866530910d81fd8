/* SPDX-License-Identifier: MIT
 *
 * Pieces of text that several kinds of notifications have: times, numbers, one line of what an
 * alert is, places of a template. Pure; appends to the caller's buffer.
 */
#ifndef SERVER_NOTIFY_TEXTS_H
#define SERVER_NOTIFY_TEXTS_H

#include <stdbool.h>

#include "config/template.h"
#include "server/core/buffer.h"
#include "server/notify/notification.h"

/* Room for a time with its NUL. */
#define NOTIFY_TIME_BYTES 32

/* RFC 3339 in UTC with three decimals: 2026-11-28T07:00:00.000Z. What no calendar has becomes the
 * nearest that it has. */
void notify_text_time(char out[NOTIFY_TIME_BYTES], double unix_seconds);

/* A number, or `none` where there is none. */
void notify_text_number(struct buffer *out, double value, const char *none);

/* "slow checkout: api.latency{env=prod}", without braces where there are no tags. */
void notify_text_title(struct buffer *out, const struct notification *notification);

/* How what is filled in is written. */
enum notify_filling {
    NOTIFY_FILL_PLAIN,
    NOTIFY_FILL_LINE, /* control characters become blanks */
    NOTIFY_FILL_JSON  /* as the inside of a JSON string; a missing number is null */
};

/* The template with its places filled in. It has been checked; faults are left out. */
void notify_text_fill(struct buffer *out, const char *template, size_t length,
                      const struct notification *notification, const char *notifier,
                      enum notify_filling filling);

#endif
