/* SPDX-License-Identifier: MIT
 *
 * The rows of a window as they are found. Room is reserved ahead, so that adding never fails: who
 * starts something reserves the row of its end as well. Grows with use up to ROWS_MAX and is kept
 * for the next window.
 *
 * One thread at a time. All zero is empty.
 */
#ifndef SERVER_DETECT_ROWS_H
#define SERVER_DETECT_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/metrics/snapshot.h"

#define ROWS_MAX 131072

struct rows {
    struct anomaly_row *items;
    size_t count;
    size_t capacity;
    size_t delivered; /* the first so many were handed out */
};

void rows_deinit(struct rows *rows);

/* Room for `room` rows more. False at the bound or without memory. */
bool rows_reserve(struct rows *rows, size_t room);

/* The caller has reserved. */
void rows_add(struct rows *rows, const struct anomaly_row *row);

/* Drops what was delivered; rows added since then stay. */
void rows_next_window(struct rows *rows);

#endif
