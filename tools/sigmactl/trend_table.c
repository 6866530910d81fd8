/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/trend_table.h"

#include <math.h>
#include <stdio.h>

#include "server/core/buffer.h"
#include "tools/sigmactl/columns.h"
#include "tools/sigmactl/snapshot_tags.h"
#include "tools/sigmactl/stamp.h"

enum cell { CELL_TEXT, CELL_TAGS, CELL_NUMBER, CELL_PERCENT };

static const struct {
    const char *heading, *member;
    enum cell cell;
} cells[] = {
    {"metric", "name", CELL_TEXT},
    {"tags", "tags", CELL_TAGS},
    {"statistic", "statistic", CELL_TEXT},
    {"windows", "count", CELL_NUMBER},
    {"mean", "mean", CELL_NUMBER},
    {"slope/h", "slope_per_hour", CELL_NUMBER},
    {"robust/h", "robust_slope_per_hour", CELL_NUMBER},
    {"R2", "r_squared", CELL_NUMBER},
    {"change", "change", CELL_PERCENT},
    {"direction", "direction", CELL_TEXT},
    {"assessment", "assessment", CELL_TEXT},
};

#define CELLS (sizeof(cells) / sizeof(cells[0]))

static void append_cell(struct buffer *out, json_t *value, enum cell cell)
{
    if (cell == CELL_TAGS) {
        snapshot_tags_append(out, value);
    } else if (json_is_string(value)) {
        buffer_append_text(out, json_string_value(value));
    } else if (!json_is_number(value)) {
        buffer_append_text(out, "-");
    } else if (cell == CELL_PERCENT) {
        buffer_append_format(out, "%+.1f%%", 100 * json_number_value(value));
    } else {
        buffer_append_format(out, "%.4g", json_number_value(value));
    }
}

static void add_row(struct columns *table, json_t *row)
{
    for (size_t i = 0; i < CELLS; i++) {
        struct buffer text = {0};
        append_cell(&text, json_object_get(row, cells[i].member), cells[i].cell);
        buffer_append(&text, "", 1);
        if (text.failed) {
            table->failed = true;
        } else {
            columns_add(table, text.bytes);
        }
        buffer_deinit(&text);
    }
}

static void print_heading(json_t *document, size_t shown)
{
    char from[STAMP_TEXT_MAX], to[STAMP_TEXT_MAX];
    json_t *begin = json_object_get(document, "from");
    long long series = json_integer_value(json_object_get(document, "series"));
    if (!json_is_number(begin)) {
        printf("no windows yet\n");
        return;
    }
    stamp_format(from, json_number_value(begin));
    stamp_format(to, json_number_value(json_object_get(document, "to")));
    printf("windows that ended from %s to %s, %lld series, %zu lines shown\n", from, to, series,
           shown);
}

bool trend_table_print(json_t *document)
{
    struct columns table = {.columns = CELLS};
    json_t *rows = json_object_get(document, "trends"), *row;
    size_t index;
    for (size_t i = 0; i < CELLS; i++) {
        table.numeric[i] = cells[i].cell == CELL_NUMBER || cells[i].cell == CELL_PERCENT;
        columns_add(&table, cells[i].heading);
    }
    json_array_foreach(rows, index, row)
    {
        add_row(&table, row);
    }
    bool made = !table.failed;
    if (made) {
        print_heading(document, json_array_size(rows));
    }
    if (made && json_array_size(rows) > 0) {
        putchar('\n');
        columns_print(&table, columns_terminal_width(), stdout);
    }
    columns_deinit(&table);
    return made;
}
