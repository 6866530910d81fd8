/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"
#include "config/units.h"
#include "proto/number.h"
#include "tools/sigmactl/csv_series.h"
#include "tools/sigmactl/stamp.h"

#define WHERE_MAX 96
#define COUNT_MAX 1e15
#define THRESHOLD_MAX 10.0

static const char version_key[] = "sigmad_baseline";

static const char *const root_keys[] = {version_key, "threshold", "series", NULL};
static const char *const entry_keys[] = {"kind",     "metric", "tags",      "type",   "statistic",
                                         "better",   "pinned", "threshold", "target", "warning",
                                         "critical", "mean",   "variance",  "runs",   "windows",
                                         "history",  NULL};
static const char *const run_keys[] = {"time", "mean", "stddev", "windows", "effective", NULL};

/* Which object is read, and where faults go. */
struct place {
    const char *path;
    FILE *out;
    unsigned *faults;
    json_t *object;
    char where[WHERE_MAX]; /* "series[3]." */
};

__attribute__((format(printf, 3, 4))) static void
tell_fault(const struct place *place, const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(place->out, "%s: %s%s: ", place->path, place->where, key);
    vfprintf(place->out, format, arguments);
    fputc('\n', place->out);
    va_end(arguments);
    (*place->faults)++;
}

static const char *nearest(const char *key, const char *const *known)
{
    const char *best = known[0];
    for (; *known; known++) {
        best = suggest_distance(key, *known) < suggest_distance(key, best) ? *known : best;
    }
    return best;
}

static void check_keys(const struct place *place, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach(place->object, key, value)
    {
        const char *found = nearest(key, known);
        if (strcmp(found, key) != 0) {
            tell_fault(place, key, "there is no such key; the nearest one is `%s`", found);
        }
    }
}

/* Any finite number from `low` to `high`; `fallback` with a fault where it is none. */
static double read_number(const struct place *place, const char *key, double low, double high)
{
    json_t *value = json_object_get(place->object, key);
    double number = json_number_value(value);
    if (!value) {
        tell_fault(place, key, "is missing");
    } else if (!json_is_number(value)) {
        tell_fault(place, key, "is not a number");
    } else if (!(number >= low && number <= high)) {
        tell_fault(place, key, "%g is not between %g and %g", number, low, high);
    } else {
        return number;
    }
    return low;
}

static uint64_t read_count(const struct place *place, const char *key, double low)
{
    double number = read_number(place, key, low, COUNT_MAX);
    if (number != floor(number)) {
        tell_fault(place, key, "%g is not a whole number", number);
        number = low;
    }
    return (uint64_t)number;
}

/* "" with a fault where it is missing and `required`, or no text. */
static const char *read_text(const struct place *place, const char *key, bool required)
{
    json_t *value = json_object_get(place->object, key);
    if (value ? !json_is_string(value) : required) {
        tell_fault(place, key, value ? "is not a text" : "is missing");
    }
    return json_is_string(value) ? json_string_value(value) : "";
}

/* A limit: NaN where it is missing and may be. */
static double read_limit(const struct place *place, const char *key, enum better better)
{
    if (better == BETTER_UNKNOWN) {
        if (json_object_get(place->object, key)) {
            tell_fault(place, key, "has no meaning where better is none");
        }
        return (double)NAN;
    }
    return read_number(place, key, -STATISTICS_VALUE_MAX, STATISTICS_VALUE_MAX);
}

/* NaN where there is none. */
static double read_threshold(const struct place *place)
{
    json_t *value = json_object_get(place->object, "threshold");
    const char *text = json_string_value(value);
    double threshold = (double)NAN;
    if (value && (!text || !units_parse_percent(text, &threshold) || !(threshold > 0) ||
                  threshold > THRESHOLD_MAX)) {
        tell_fault(place, "threshold",
                   "is not a percentage such as \"5%%\", above 0 and up to %g%%",
                   100 * THRESHOLD_MAX);
    }
    return threshold;
}

static enum better read_better(const struct place *place)
{
    enum better better = BETTER_UNKNOWN;
    const char *text = read_text(place, "better", true);
    if (text[0] != '\0' && !baseline_better_by_name(text, &better)) {
        tell_fault(place, "better", "`%s` is none of lower, higher, none", text);
    }
    return better;
}

static bool read_pinned(const struct place *place)
{
    json_t *value = json_object_get(place->object, "pinned");
    if (value && !json_is_boolean(value)) {
        tell_fault(place, "pinned", "is neither true nor false");
    }
    return json_is_true(value);
}

static enum csv_kind read_kind(const struct place *place)
{
    const char *text = read_text(place, "kind", true);
    for (int i = 0; i < CSV_KINDS; i++) {
        bool has_figures = CSV_SERIES_KINDS & 1U << i;
        if (has_figures && strcmp(text, csv_kind_name((enum csv_kind)i)) == 0) {
            return (enum csv_kind)i;
        }
    }
    if (text[0] != '\0') {
        tell_fault(place, "kind", "`%s` is none of counters, gauges, timers, sets", text);
    }
    return CSV_KINDS;
}

static void read_run(const struct place *place, struct baseline_run *run)
{
    const char *time = read_text(place, "time", true);
    check_keys(place, run_keys);
    if (time[0] != '\0' && !stamp_parse(time, &run->time)) {
        tell_fault(place, "time", "`%s` is no time such as 2026-11-28T07:00:00Z", time);
    }
    run->centre.mean = read_number(place, "mean", -STATISTICS_VALUE_MAX, STATISTICS_VALUE_MAX);
    run->centre.stddev = read_number(place, "stddev", 0, STATISTICS_VALUE_MAX);
    run->centre.count = (size_t)read_count(place, "windows", 1);
    run->centre.effective = read_number(place, "effective", 0, COUNT_MAX);
    if (!(run->centre.effective > 0) || run->centre.effective > (double)run->centre.count) {
        tell_fault(place, "effective", "is not above 0 and up to windows");
    }
}

/* The place of a member of an array; an empty object stands for one that is none. */
static struct place step_into(const struct place *place, const char *key, size_t index,
                              json_t *value)
{
    struct place inner = *place;
    int length =
        snprintf(inner.where, sizeof(inner.where), "%.40s%.20s[%zu]", place->where, key, index);
    inner.object = value;
    if (!json_is_object(value)) {
        tell_fault(&inner, "", "is not an object");
        inner.object = NULL;
    }
    snprintf(inner.where + length, sizeof(inner.where) - (size_t)length, ".");
    return inner;
}

static void read_history(const struct place *place, struct baseline_entry *entry)
{
    json_t *runs = json_object_get(place->object, "history");
    json_t *value;
    size_t index, count = json_array_size(runs);
    if (!json_is_array(runs) || count > BASELINE_HISTORY_MAX || count > entry->runs) {
        tell_fault(place, "history", "is not a list of up to %d runs, nor of more than `runs`",
                   BASELINE_HISTORY_MAX);
        return;
    }
    entry->history = calloc(count > 0 ? count : 1, sizeof(*entry->history));
    json_array_foreach(runs, index, value)
    {
        struct place inner = step_into(place, "history", index, value);
        if (entry->history && inner.object) {
            read_run(&inner, &entry->history[entry->history_count++]);
        }
    }
    if (!entry->history) {
        tell_fault(place, "history", "out of memory");
    }
}

static void check_limits(const struct place *place, const struct baseline_entry *entry)
{
    double side = entry->better == BETTER_HIGHER ? -1 : 1;
    if (entry->better != BETTER_UNKNOWN && !(side * entry->target <= side * entry->warning &&
                                             side * entry->warning <= side * entry->critical)) {
        tell_fault(place, "target", "with %s better, target, warning and critical are not in order",
                   baseline_better_name(entry->better));
    }
    if (!entry->pinned && entry->history_count == 0) {
        tell_fault(place, "history", "is empty, so that only a pinned target can be held against");
    }
}

static void read_entry(const struct place *place, struct baseline_entry *entry)
{
    const struct baseline_key key = {
        read_kind(place), read_text(place, "metric", true), read_text(place, "tags", true),
        read_text(place, "type", false), read_text(place, "statistic", true)};
    check_keys(place, entry_keys);
    if (!baseline_entry_init(entry, &key, read_better(place))) {
        tell_fault(place, "metric", "out of memory");
        return;
    }
    entry->pinned = read_pinned(place);
    entry->threshold = read_threshold(place);
    entry->target = read_number(place, "target", -STATISTICS_VALUE_MAX, STATISTICS_VALUE_MAX);
    entry->warning = read_limit(place, "warning", entry->better);
    entry->critical = read_limit(place, "critical", entry->better);
    entry->mean = read_number(place, "mean", -STATISTICS_VALUE_MAX, STATISTICS_VALUE_MAX);
    entry->variance =
        read_number(place, "variance", 0, STATISTICS_VALUE_MAX * STATISTICS_VALUE_MAX);
    entry->runs = read_count(place, "runs", 0);
    entry->windows = read_count(place, "windows", 0);
    read_history(place, entry);
    check_limits(place, entry);
}

static void read_series(const struct place *place, struct baseline_file *file)
{
    json_t *series = json_object_get(place->object, "series");
    json_t *value;
    size_t index;
    if (!json_is_array(series)) {
        tell_fault(place, "series", series ? "is not a list" : "is missing");
    }
    json_array_foreach(series, index, value)
    {
        struct place inner = step_into(place, "series", index, value);
        struct baseline_entry *entry = inner.object ? baseline_file_append(file) : NULL;
        if (entry) {
            read_entry(&inner, entry);
        } else if (inner.object) {
            tell_fault(&inner, "", "out of memory");
        }
    }
}

static void check_twins(const struct place *place, const struct baseline_file *file)
{
    for (size_t i = 1; i < file->count; i++) {
        const struct baseline_key *key = &file->entries[i].key;
        if (baseline_key_compare(key, &file->entries[i - 1].key) == 0) {
            tell_fault(place, "series", "%s %s{%s} %s stands there twice", csv_kind_name(key->kind),
                       key->metric, key->tags, key->statistic);
        }
    }
}

/* False with the fault told: of another version nothing else is looked at. */
static bool check_version(const struct place *place)
{
    json_t *version = json_object_get(place->object, version_key);
    if (!json_is_object(place->object) || !version) {
        tell_fault(place, version_key, "is missing: this is no baseline file");
        return false;
    }
    if (json_integer_value(version) != BASELINE_FILE_VERSION) {
        char *text = json_dumps(version, JSON_ENCODE_ANY);
        tell_fault(place, version_key, "the file is of version %.40s, and this sigmactl reads %d",
                   text ? text : "?", BASELINE_FILE_VERSION);
        free(text);
        return false;
    }
    return true;
}

unsigned baseline_json_read(json_t *root, struct baseline_file *file, const char *path,
                            FILE *faults)
{
    unsigned count = 0;
    const struct place place = {.path = path, .out = faults, .faults = &count, .object = root};
    if (!check_version(&place)) {
        return count;
    }
    check_keys(&place, root_keys);
    double threshold = read_threshold(&place);
    file->threshold = isnan(threshold) ? BASELINE_THRESHOLD : threshold;
    read_series(&place, file);
    if (count == 0) {
        baseline_file_sort(file);
        check_twins(&place, file);
    }
    return count;
}

static json_t *make_threshold(double threshold)
{
    char number[NUMBER_TEXT_MAX];
    number_format(number, nearbyint(threshold * 1e12) / 1e10);
    return json_sprintf("%s%%", number);
}

static json_t *make_run(const struct baseline_run *run)
{
    char time[STAMP_TEXT_MAX];
    stamp_format(time, run->time);
    return json_pack("{s:s, s:f, s:f, s:I, s:f}", "time", time, "mean", run->centre.mean, "stddev",
                     run->centre.stddev, "windows", (json_int_t)run->centre.count, "effective",
                     run->centre.effective);
}

static json_t *make_history(const struct baseline_entry *entry)
{
    json_t *history = json_array();
    for (size_t i = 0; i < entry->history_count; i++) {
        if (json_array_append_new(history, make_run(&entry->history[i])) != 0) {
            json_decref(history);
            return NULL;
        }
    }
    return history;
}

static json_t *make_entry(const struct baseline_entry *entry)
{
    const struct baseline_key *key = &entry->key;
    bool limited = entry->better != BETTER_UNKNOWN;
    return json_pack(
        "{s:s, s:s, s:s, s:s*, s:s, s:s, s:o*, s:o*, s:f, s:o*, s:o*, s:f, s:f, s:I, s:I, s:o}",
        "kind", csv_kind_name(key->kind), "metric", key->metric, "tags", key->tags, "type",
        key->type[0] != '\0' ? key->type : NULL, "statistic", key->statistic, "better",
        baseline_better_name(entry->better), "pinned", entry->pinned ? json_true() : NULL,
        "threshold", isnan(entry->threshold) ? NULL : make_threshold(entry->threshold), "target",
        entry->target, "warning", limited ? json_real(entry->warning) : NULL, "critical",
        limited ? json_real(entry->critical) : NULL, "mean", entry->mean, "variance",
        entry->variance, "runs", (json_int_t)entry->runs, "windows", (json_int_t)entry->windows,
        "history", make_history(entry));
}

json_t *baseline_json_make(const struct baseline_file *file)
{
    json_t *series = json_array();
    for (size_t i = 0; i < file->count; i++) {
        if (json_array_append_new(series, make_entry(&file->entries[i])) != 0) {
            json_decref(series);
            return NULL;
        }
    }
    return json_pack("{s:i, s:o, s:o}", version_key, BASELINE_FILE_VERSION, "threshold",
                     make_threshold(file->threshold), "series", series);
}
