/* SPDX-License-Identifier: MIT
 *
 * An aligned table of text for people: columns as wide as their widest cell, text to the left and
 * numbers to the right. Where it is wider than the terminal, the widest columns of text are cut and
 * end in `…`. Control characters are shown as `?`, for what senders choose must not steer a
 * terminal. One thread.
 */
#ifndef TOOLS_SIGMACTL_COLUMNS_H
#define TOOLS_SIGMACTL_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define COLUMNS_MAX 64

struct columns {
    size_t columns;
    bool numeric[COLUMNS_MAX];
    char **cells; /* row by row, the heading first; owned */
    size_t count;
    size_t capacity;
    bool failed; /* memory ran out */
};

/* Appends a cell, rows from left to right; the text is copied. The first `columns` cells are the
 * heading. */
void columns_add(struct columns *table, const char *text);

/* Writes it, at most `width` characters a line (0 = no bound). */
void columns_print(const struct columns *table, size_t width, FILE *out);

void columns_deinit(struct columns *table);

/* Characters a line of the terminal that standard output is; 0 when it is none. */
size_t columns_terminal_width(void);

#endif
