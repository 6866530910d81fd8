/* SPDX-License-Identifier: MIT
 *
 * A growing array with a bound.
 */
#include "server/detect/rows.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

void rows_deinit(struct rows *rows)
{
    free(rows->items);
    *rows = (struct rows){0};
}

bool rows_reserve(struct rows *rows, size_t room)
{
    size_t needed = rows->count + room;
    if (needed <= rows->capacity) {
        return true;
    }
    if (needed > ROWS_MAX) {
        return false;
    }
    size_t capacity = rows->capacity * 2 > needed ? rows->capacity * 2 : needed;
    struct anomaly_row *items = realloc(rows->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    rows->items = items;
    rows->capacity = capacity;
    return true;
}

void rows_add(struct rows *rows, const struct anomaly_row *row)
{
    REQUIRE(rows->count < rows->capacity);
    rows->items[rows->count++] = *row;
}

void rows_next_window(struct rows *rows)
{
    size_t left = rows->count - rows->delivered;
    if (left > 0) {
        memmove(rows->items, rows->items + rows->delivered, left * sizeof(*rows->items));
    }
    rows->count = left;
    rows->delivered = 0;
}
