/* SPDX-License-Identifier: MIT */
#include "server/sink/exec_lines.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "server/sink/csv_rows.h"
#include "server/sink/exec_json.h"
#include "server/sink/graphite_path.h"

struct lines {
    struct buffer *out;
    const struct snapshot *snapshot;
    struct graphite_path path; /* of which the tags are used */
    const struct identity *identity;
    const char *prefix;
};

/* "timers.NAME" ".upper" ";tags|value|stamp\n" */
static void put(struct lines *lines, const char *statistic, double value)
{
    struct buffer *out = lines->out;
    if (!isfinite(value)) {
        return;
    }
    buffer_append_text(out, lines->prefix);
    buffer_append(out, identity_name(lines->identity), lines->identity->name_length);
    buffer_append_text(out, statistic);
    buffer_append(out, lines->path.tags.bytes, lines->path.tags.length);
    buffer_append(out, "|", 1);
    buffer_append_number(out, value);
    buffer_append_format(out, "|%lld\n", llround(lines->snapshot->timestamp));
}

static void begin(struct lines *lines, const char *prefix, const struct identity *identity)
{
    lines->prefix = prefix;
    lines->identity = identity;
    if (!graphite_path_make(&lines->path, identity, false)) {
        lines->out->failed = true;
    }
}

/* "99.9" is p99_9: a dot would be one more step of a path. */
static void put_percentile(struct lines *lines, double percent, double value)
{
    struct buffer name = {0};
    buffer_append_text(&name, ".p");
    buffer_append_number(&name, percent);
    buffer_append(&name, "", 1);
    if (name.failed) {
        lines->out->failed = true;
    } else {
        char *point = strchr(name.bytes + 2, '.');
        if (point) {
            *point = '_';
        }
        put(lines, name.bytes, value);
    }
    buffer_deinit(&name);
}

static double median_of(const struct timer_row *row, const struct snapshot *snapshot)
{
    for (size_t i = 0; !row->details && row->percentiles && i < snapshot->percentile_count; i++) {
        if (snapshot->percents[i] == 50) {
            return row->percentiles[i];
        }
    }
    return row->details ? row->details->median : (double)NAN;
}

static void put_timer(struct lines *lines, const struct timer_row *row)
{
    const struct snapshot *snapshot = lines->snapshot;
    double seconds = row->rate > 0 ? row->count / row->rate : snapshot->window_seconds;
    begin(lines, "timers.", row->identity);
    put(lines, ".sum", row->sum);
    put(lines, ".mean", row->mean);
    put(lines, ".lower", row->min);
    put(lines, ".upper", row->max);
    put(lines, ".count", row->count);
    put(lines, ".stdev", row->count > 1 ? row->stddev * sqrt(row->count / (row->count - 1)) : 0);
    put(lines, ".median", median_of(row, snapshot));
    for (size_t i = 0; row->percentiles && i < snapshot->percentile_count; i++) {
        put_percentile(lines, snapshot->percents[i], row->percentiles[i]);
    }
    put(lines, ".rate", seconds > 0 ? row->sum / seconds : 0);
    put(lines, ".sample_rate", row->rate);
}

static void render_statsite(const struct snapshot *snapshot, struct buffer *out)
{
    struct lines lines = {.out = out, .snapshot = snapshot};
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        if (snapshot->counters[i].updated) {
            begin(&lines, "counts.", snapshot->counters[i].identity);
            put(&lines, "", snapshot->counters[i].count);
        }
    }
    for (size_t i = 0; i < snapshot->gauge_count; i++) {
        begin(&lines, "gauges.", snapshot->gauges[i].identity);
        put(&lines, "", snapshot->gauges[i].value);
    }
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        if (snapshot->timers[i].updated) {
            put_timer(&lines, &snapshot->timers[i]);
        }
    }
    for (size_t i = 0; i < snapshot->set_count; i++) {
        if (snapshot->sets[i].updated) {
            begin(&lines, "sets.", snapshot->sets[i].identity);
            put(&lines, "", snapshot->sets[i].unique);
        }
    }
    graphite_path_deinit(&lines.path);
}

static void render_csv(const struct snapshot *snapshot, struct buffer *out)
{
    unsigned files = csv_rows_files(snapshot->has_bins);
    for (int kind = 0; kind < CSV_KINDS; kind++) {
        if (files & 1U << kind && csv_rows_count((enum csv_kind)kind, snapshot) > 0) {
            csv_rows_header((enum csv_kind)kind, snapshot->percents, snapshot->percentile_count,
                            out);
            csv_rows_render((enum csv_kind)kind, snapshot, 0, SIZE_MAX, out);
        }
    }
}

void exec_lines_render(enum config_exec_format format, const struct snapshot *snapshot,
                       struct buffer *out)
{
    switch (format) {
    case EXEC_STATSITE:
        render_statsite(snapshot, out);
        break;
    case EXEC_JSON:
        exec_json_render(snapshot, out);
        break;
    case EXEC_CSV:
        render_csv(snapshot, out);
        break;
    }
}
