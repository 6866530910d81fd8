/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_print.h"

#include <math.h>
#include <string.h>

#include "server/report/words.h"
#include "tools/sigmactl/columns.h"
#include "tools/sigmactl/json_text.h"

#define CELL_MAX 64

static const char *const headings[] = {
    "state", "series", "tags", "statistic", "baseline", "run", "change", "by chance", "windows",
};

#define COLUMNS (sizeof(headings) / sizeof(headings[0]))
#define FIRST_FIGURE 4

struct row {
    const char *texts[FIRST_FIGURE];
    char figures[COLUMNS - FIRST_FIGURE][CELL_MAX];
};

/* Statistics that need nobody's eye. */
static bool is_quiet(enum baseline_state state)
{
    return state == BASELINE_OK || state == BASELINE_NOISY;
}

static void format_figure(char out[CELL_MAX], double value)
{
    if (isfinite(value)) {
        snprintf(out, CELL_MAX, "%.5g", value);
    } else {
        snprintf(out, CELL_MAX, "-");
    }
}

static void format_change(char out[CELL_MAX], double change)
{
    if (isnan(change)) {
        snprintf(out, CELL_MAX, "-");
    } else if (isinf(change)) {
        snprintf(out, CELL_MAX, "from 0");
    } else {
        snprintf(out, CELL_MAX, "%+.1f%%", 100 * change);
    }
}

static void format_chance(char out[CELL_MAX], double chance)
{
    if (isnan(chance)) {
        snprintf(out, CELL_MAX, "-");
    } else if (chance < 1e-4) {
        snprintf(out, CELL_MAX, "< 0.01%%");
    } else {
        snprintf(out, CELL_MAX, "%.*f%%", chance < 0.1 ? 2 : 0, 100 * chance);
    }
}

static void fill_row(const struct baseline_judgement *judgement, struct row *row)
{
    const struct baseline_key *key = judgement->key;
    const struct baseline_measure *measure = judgement->measure;
    bool measured = measure && !measure->few;
    row->texts[0] = baseline_state_name(judgement->state);
    row->texts[1] = key->metric;
    row->texts[2] = key->tags;
    row->texts[3] = key->statistic;
    format_figure(row->figures[0], judgement->entry ? judgement->entry->target : (double)NAN);
    format_figure(row->figures[1], measured ? measure->run.centre.mean : (double)NAN);
    format_change(row->figures[2], judgement->change);
    format_chance(row->figures[3], judgement->chance);
    snprintf(row->figures[4], CELL_MAX, "%zu", measure ? measure->windows : 0);
}

bool baseline_print_table(const struct baseline_check *check, bool all, FILE *out)
{
    struct columns table = {.columns = COLUMNS};
    struct row row;
    for (size_t i = 0; i < COLUMNS; i++) {
        table.numeric[i] = i >= FIRST_FIGURE;
        columns_add(&table, headings[i]);
    }
    for (size_t i = 0; i < check->count; i++) {
        if (!all && is_quiet(check->items[i].state)) {
            continue;
        }
        fill_row(&check->items[i], &row);
        for (size_t j = 0; j < COLUMNS; j++) {
            columns_add(&table, j < FIRST_FIGURE ? row.texts[j] : row.figures[j - FIRST_FIGURE]);
        }
    }
    bool made = !table.failed;
    if (made && table.count > COLUMNS) {
        columns_print(&table, columns_terminal_width(), out);
    }
    columns_deinit(&table);
    return made;
}

void baseline_print_summary(const struct baseline_check *check, struct buffer *out)
{
    buffer_append_format(out, "checked %zu of %zu statistics:", baseline_check_judged(check),
                         check->count);
    const char *separator = " ";
    for (int i = 0; i < BASELINE_STATES; i++) {
        if (check->states[i] > 0) {
            buffer_append_format(out, "%s%zu %s", separator, check->states[i],
                                 baseline_state_name((enum baseline_state)i));
            separator = ", ";
        }
    }
    if (check->count == 0) {
        buffer_append_text(out, " there are none");
    }
}

static void put_markdown_row(const struct baseline_judgement *judgement, struct buffer *out)
{
    struct row row;
    fill_row(judgement, &row);
    for (size_t i = 0; i < COLUMNS; i++) {
        buffer_append_text(out, "| ");
        if (i == 0 || i >= FIRST_FIGURE) {
            buffer_append_text(out, i == 0 ? row.texts[0] : row.figures[i - FIRST_FIGURE]);
        } else if (row.texts[i][0] != '\0') {
            words_put_code(out, row.texts[i], strlen(row.texts[i]));
        }
        buffer_append_text(out, " ");
    }
    buffer_append_text(out, "|\n");
}

void baseline_print_markdown(const struct baseline_check *check, const char *verdict, bool all,
                             struct buffer *out)
{
    size_t shown = 0;
    buffer_append_format(out, "## Baseline check: %s\n\n", verdict);
    baseline_print_summary(check, out);
    buffer_append_text(out, ".\n");
    for (size_t i = 0; i < check->count; i++) {
        if (!all && is_quiet(check->items[i].state)) {
            continue;
        }
        for (size_t j = 0; shown == 0 && j < COLUMNS; j++) {
            buffer_append_format(out, "%s %s |", j == 0 ? "\n|" : "", headings[j]);
        }
        buffer_append_text(out, shown++ == 0 ? "\n|---|---|---|---|--:|--:|--:|--:|--:|\n" : "");
        put_markdown_row(&check->items[i], out);
    }
}

/* JSON has no infinity and no NaN. */
static json_t *make_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *make_judgement(const struct baseline_judgement *judgement)
{
    const struct baseline_key *key = judgement->key;
    const struct baseline_entry *entry = judgement->entry;
    const struct baseline_measure *measure = judgement->measure;
    bool measured = measure && !measure->few;
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "state",
                     baseline_state_name(judgement->state), "kind", csv_kind_name(key->kind),
                     "metric", json_text(key->metric, strlen(key->metric)), "tags",
                     json_text(key->tags, strlen(key->tags)), "type", key->type, "statistic",
                     key->statistic, "target", make_number(entry ? entry->target : (double)NAN),
                     "warning", make_number(entry ? entry->warning : (double)NAN), "critical",
                     make_number(entry ? entry->critical : (double)NAN), "run",
                     make_number(measured ? measure->run.centre.mean : (double)NAN), "change",
                     make_number(judgement->change), "chance", make_number(judgement->chance),
                     "windows", (json_int_t)(measure ? measure->windows : 0));
}

json_t *baseline_print_json(const struct baseline_check *check, const char *verdict)
{
    json_t *states = json_object();
    json_t *items = json_array();
    bool made = states && items;
    for (int i = 0; made && i < BASELINE_STATES; i++) {
        made = json_object_set_new(states, baseline_state_name((enum baseline_state)i),
                                   json_integer((json_int_t)check->states[i])) == 0;
    }
    for (size_t i = 0; made && i < check->count; i++) {
        made = json_array_append_new(items, make_judgement(&check->items[i])) == 0;
    }
    if (!made) {
        json_decref(states);
        json_decref(items);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:o, s:o}", "verdict", verdict, "checked",
                     (json_int_t)baseline_check_judged(check), "states", states, "statistics",
                     items);
}
