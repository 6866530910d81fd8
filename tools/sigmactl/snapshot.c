/* SPDX-License-Identifier: MIT
 *
 * sigmactl snapshot: the last closed window of a running server, as indented JSON or as tables.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "server/core/buffer.h"
#include "tools/sigmactl/columns.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/http_fetch.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/snapshot_tags.h"

#define SNAPSHOT_PATH "/api/v1/snapshot"
#define TIMEOUT_S 10

enum cell { CELL_NAME, CELL_TAGS, CELL_TEXT, CELL_NUMBER };

struct column {
    const char *member;
    enum cell cell;
};

/* One kind of series: the snapshot's array, and the members that make the columns. */
struct section {
    const char *member;
    const char *heading;
    bool percentiles;
    struct column columns[10];
};

static const struct section sections[] = {
    {"counters",
     "counter",
     false,
     {{"name", CELL_NAME},
      {"tags", CELL_TAGS},
      {"count", CELL_NUMBER},
      {"rate", CELL_NUMBER},
      {"total", CELL_NUMBER}}},
    {"gauges", "gauge", false, {{"name", CELL_NAME}, {"tags", CELL_TAGS}, {"value", CELL_NUMBER}}},
    {"timers",
     "timer",
     true,
     {{"name", CELL_NAME},
      {"tags", CELL_TAGS},
      {"type", CELL_TEXT},
      {"count", CELL_NUMBER},
      {"rate", CELL_NUMBER},
      {"mean", CELL_NUMBER},
      {"min", CELL_NUMBER},
      {"max", CELL_NUMBER}}},
    {"sets", "set", false, {{"name", CELL_NAME}, {"tags", CELL_TAGS}, {"unique", CELL_NUMBER}}},
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define COLUMNS (sizeof(sections[0].columns) / sizeof(sections[0].columns[0]))

/* Six significant digits, but whole numbers in full; a missing figure is a dash. */
static void append_number(struct buffer *out, const json_t *value)
{
    double number = json_number_value(value);
    if (!json_is_number(value)) {
        buffer_append_text(out, "-");
    } else if (number == (double)(long long)number) {
        buffer_append_number(out, number);
    } else {
        buffer_append_format(out, "%.6g", number);
    }
}

static void add_cell(struct columns *table, json_t *value, enum cell cell)
{
    struct buffer text = {0};
    if (cell == CELL_NUMBER) {
        append_number(&text, value);
    } else if (cell == CELL_TAGS) {
        snapshot_tags_append(&text, value);
    } else if (json_is_string(value)) {
        buffer_append_text(&text, json_string_value(value));
    }
    buffer_append(&text, "", 1);
    if (text.failed) {
        table->failed = true;
    } else {
        columns_add(table, text.bytes);
    }
    buffer_deinit(&text);
}

static void add_heading(struct columns *table, const struct section *section, json_t *percentiles)
{
    const char *key;
    json_t *value;
    for (size_t i = 0; i < COLUMNS && section->columns[i].member; i++) {
        const struct column *column = &section->columns[i];
        table->numeric[table->columns++] = column->cell == CELL_NUMBER;
        columns_add(table, column->cell == CELL_NAME ? section->heading : column->member);
    }
    json_object_foreach(percentiles, key, value)
    {
        char label[64];
        if (table->columns < COLUMNS_MAX) {
            snprintf(label, sizeof(label), "p%s", key);
            table->numeric[table->columns++] = true;
            columns_add(table, label);
        }
    }
}

/* The percentile columns are those of the first timer; all have the same. */
static void add_row(struct columns *table, const struct section *section, json_t *percentiles,
                    json_t *row)
{
    const char *key;
    json_t *value;
    size_t columns = 0;
    for (; columns < COLUMNS && section->columns[columns].member; columns++) {
        const struct column *column = &section->columns[columns];
        add_cell(table, json_object_get(row, column->member), column->cell);
    }
    json_t *own = json_object_get(row, "percentiles");
    json_object_foreach(percentiles, key, value)
    {
        if (columns++ < table->columns) {
            add_cell(table, json_object_get(own, key), CELL_NUMBER);
        }
    }
}

/* False without memory. */
static bool print_section(const struct section *section, json_t *rows, size_t width)
{
    struct columns table = {0};
    json_t *row;
    size_t index;
    json_t *percentiles =
        section->percentiles ? json_object_get(json_array_get(rows, 0), "percentiles") : NULL;
    add_heading(&table, section, percentiles);
    json_array_foreach(rows, index, row)
    {
        add_row(&table, section, percentiles, row);
    }
    bool made = !table.failed;
    if (made) {
        columns_print(&table, width, stdout);
    }
    columns_deinit(&table);
    return made;
}

static bool print_tables(json_t *snapshot)
{
    size_t width = columns_terminal_width();
    double window = json_number_value(json_object_get(snapshot, "window_seconds"));
    char timestamp[NUMBER_TEXT_MAX];
    number_format(timestamp, json_number_value(json_object_get(snapshot, "timestamp")));
    printf("window of %g s that ended at %s\n", window, timestamp);
    for (size_t i = 0; i < SECTIONS; i++) {
        json_t *rows = json_object_get(snapshot, sections[i].member);
        if (json_array_size(rows) == 0) {
            continue;
        }
        putchar('\n');
        if (!print_section(&sections[i], rows, width)) {
            return false;
        }
    }
    return true;
}

static bool print_indented(json_t *snapshot)
{
    struct buffer out = {0};
    json_print(&out, snapshot, 0);
    buffer_append_text(&out, "\n");
    bool printed = !out.failed;
    if (printed) {
        fwrite(out.bytes, 1, out.length, stdout);
    }
    buffer_deinit(&out);
    return printed;
}

static int print_snapshot(const struct http_reply *reply, bool tables)
{
    json_error_t error;
    json_t *snapshot = json_loadb(reply->body, reply->length, JSON_ALLOW_NUL, &error);
    if (!json_is_object(snapshot)) {
        fprintf(stderr, "sigmactl snapshot: the answer is no snapshot: %s\n",
                snapshot ? "not a JSON object" : error.text);
        json_decref(snapshot);
        return STATUS_FAILED;
    }
    bool printed = tables ? print_tables(snapshot) : print_indented(snapshot);
    json_decref(snapshot);
    if (!printed) {
        fprintf(stderr, "sigmactl snapshot: out of memory\n");
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

static int fetch_and_print(const struct endpoint *server, bool tables)
{
    struct http_reply reply;
    if (!http_fetch("snapshot", server, SNAPSHOT_PATH, TIMEOUT_S, &reply)) {
        return STATUS_FAILED;
    }
    int status = print_snapshot(&reply, tables);
    http_reply_deinit(&reply);
    return status;
}

int command_snapshot(int argc, char **argv)
{
    struct endpoint server = {ENDPOINT_TCP, "127.0.0.1", OPTIONS_HTTP_PORT};
    bool tables = false;
    const struct option_entry entries[] = {
        {"from", "HOST:PORT", "the server's HTTP address (default 127.0.0.1:9102)", OPTION_SERVER,
         &server, 0, 0},
        {"table", NULL, "aligned tables of counters, gauges, timers and sets", OPTION_FLAG, &tables,
         0, 0},
    };
    const struct options options = {
        .command = "snapshot",
        .operands = "",
        .summary =
            "Prints the last closed window of a running server: the series updated in it and the\n"
            "live gauges, as JSON or as tables.",
        .example = "sigmactl snapshot --from localhost:9102 --table",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    if (!options_parse_only(&options, argc, argv, &status)) {
        return status;
    }
    return fetch_and_print(&server, tables);
}
