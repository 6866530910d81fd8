/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/columns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2
#define TEXT_LEAST 8 /* a column of text is not cut below this */

/* Length of the character at `text`, whose bytes are well-formed UTF-8 or taken one by one. */
static size_t character_length(const char *text)
{
    size_t length = 1;
    while (((unsigned char)text[length] & 0xc0) == 0x80) {
        length++;
    }
    return length;
}

static bool is_control(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    return first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0);
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text += character_length(text)) {
        count++;
    }
    return count;
}

void columns_add(struct columns *table, const char *text)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity > 0 ? 2 * table->capacity : 256;
        char **cells = realloc(table->cells, capacity * sizeof(*cells));
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char *copy = strdup(text);
    if (!copy) {
        table->failed = true;
        return;
    }
    table->cells[table->count++] = copy;
}

static void measure(const struct columns *table, size_t widths[COLUMNS_MAX])
{
    memset(widths, 0, COLUMNS_MAX * sizeof(*widths));
    for (size_t i = 0; i < table->count; i++) {
        size_t length = count_characters(table->cells[i]);
        size_t *width = &widths[i % table->columns];
        *width = length > *width ? length : *width;
    }
}

/* Takes one character at a time from the widest column of text, until it fits or nothing is left to
 * cut. */
static void fit(const struct columns *table, size_t widths[COLUMNS_MAX], size_t width)
{
    size_t total = (table->columns - 1) * GAP;
    for (size_t i = 0; i < table->columns; i++) {
        total += widths[i];
    }
    while (total > width) {
        size_t widest = table->columns;
        for (size_t i = 0; i < table->columns; i++) {
            bool wider = widest == table->columns || widths[i] > widths[widest];
            if (!table->numeric[i] && widths[i] > TEXT_LEAST && wider) {
                widest = i;
            }
        }
        if (widest == table->columns) {
            return;
        }
        widths[widest]--;
        total--;
    }
}

static void print_spaces(size_t count, FILE *out)
{
    fprintf(out, "%*s", (int)count, "");
}

static void print_cell(const char *text, size_t width, bool numeric, bool last, FILE *out)
{
    size_t length = count_characters(text);
    size_t shown = length <= width ? length : width - 1;
    if (numeric && length < width) {
        print_spaces(width - length, out);
    }
    for (size_t i = 0; i < shown; i++) {
        size_t bytes = character_length(text);
        if (is_control(text)) {
            fputc('?', out);
        } else {
            fwrite(text, 1, bytes, out);
        }
        text += bytes;
    }
    if (shown < length) {
        fputs("…", out);
    }
    if (!numeric && length < width && !last) {
        print_spaces(width - length, out);
    }
}

void columns_print(const struct columns *table, size_t width, FILE *out)
{
    size_t widths[COLUMNS_MAX];
    measure(table, widths);
    if (width > 0) {
        fit(table, widths, width);
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        bool last = column + 1 == table->columns;
        print_cell(table->cells[i], widths[column], table->numeric[column], last, out);
        if (last) {
            fputc('\n', out);
        } else {
            print_spaces(GAP, out);
        }
    }
}

void columns_deinit(struct columns *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    table->cells = NULL;
    table->count = 0;
    table->capacity = 0;
}

size_t columns_terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
