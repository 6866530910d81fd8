/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/number.h"
#include "proto/statsd.h"
#include "proto/tags.h"
#include "proto/text.h"
#include "server/core/require.h"

static const char *const kind_names[CSV_KINDS] = {"counters", "gauges", "timers", "sets",
                                                  "anomalies"};

static const char *const kind_columns[CSV_KINDS] = {
    "count,rate",
    "value",
    "type,count,rate,sum,mean,min,max,stddev",
    "unique",
    "statistic,value,mean,stddev,lower,upper,type,severity,state,reason",
};

/* Bytes that a word of ours (a type, a statistic, a severity) may take. */
#define WORD_BYTES_MAX 32

/* What the rows of one call have in common, and where the next byte goes. */
struct line {
    struct buffer *out;
    char *at;
    size_t stamp_length;
    char stamp[NUMBER_TEXT_MAX];
    struct buffer tags; /* scratch */
};

const char *csv_kind_name(enum csv_kind kind)
{
    REQUIRE(kind < CSV_KINDS);
    return kind_names[kind];
}

void csv_rows_header(enum csv_kind kind, const double *percents, size_t percent_count,
                     struct buffer *out)
{
    REQUIRE(kind < CSV_KINDS);
    buffer_append_text(out, CSV_HEADER_BEGIN);
    buffer_append_text(out, kind_columns[kind]);
    for (size_t i = 0; kind == CSV_TIMERS && i < percent_count; i++) {
        buffer_append_text(out, ",p");
        buffer_append_number(out, percents[i]);
    }
    buffer_append(out, "\n", 1);
}

size_t csv_rows_count(enum csv_kind kind, const struct snapshot *snapshot)
{
    switch (kind) {
    case CSV_COUNTERS:
        return snapshot->counter_count;
    case CSV_GAUGES:
        return snapshot->gauge_count;
    case CSV_TIMERS:
        return snapshot->timer_count;
    case CSV_SETS:
        return snapshot->set_count;
    case CSV_ANOMALIES:
        return snapshot->anomaly_count;
    case CSV_KINDS:
        break;
    }
    REQUIRE(kind < CSV_KINDS);
    return 0;
}

int64_t csv_rows_stamp_ms(const struct snapshot *snapshot)
{
    return llround(snapshot->timestamp * 1000);
}

static void format_stamp(struct line *line, const struct snapshot *snapshot)
{
    int64_t stamp_ms = csv_rows_stamp_ms(snapshot);
    int64_t seconds = stamp_ms / 1000;
    int64_t rest_ms = stamp_ms % 1000;
    int length;
    if (rest_ms == 0) {
        length = snprintf(line->stamp, sizeof(line->stamp), "%lld,", (long long)seconds);
    } else {
        length = snprintf(line->stamp, sizeof(line->stamp), "%lld.%03lld,", (long long)seconds,
                          (long long)rest_ms);
    }
    REQUIRE(length > 0 && (size_t)length < sizeof(line->stamp));
    line->stamp_length = (size_t)length;
}

static void put_number(struct line *line, double value)
{
    *line->at++ = ',';
    if (isfinite(value)) {
        line->at += number_format(line->at, value);
    }
}

static void put_word(struct line *line, const char *word)
{
    size_t length = strlen(word);
    REQUIRE(length < WORD_BYTES_MAX);
    *line->at++ = ',';
    memcpy(line->at, word, length);
    line->at += length;
}

/* The tags' canonical text in the scratch buffer; its length, or SIZE_MAX without memory. */
static size_t format_tags(struct line *line, const struct identity *identity)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    REQUIRE(identity->tag_count <= IDENTITY_TAGS_MAX);
    identity_tags(identity, tags);
    size_t bytes_max = 0;
    for (size_t i = 0; i < identity->tag_count; i++) {
        bytes_max += 2 * ((size_t)tags[i].key_length + tags[i].value_length) + 2;
    }
    line->tags.length = 0;
    char *room = buffer_room(&line->tags, bytes_max);
    return room ? tags_format_csv(room, tags, identity->tag_count) : SIZE_MAX;
}

/* Starts a row with its stamp, name and tags; false without memory. Room for `fields_bytes_max`
 * bytes is left behind them, and one for the LF. */
static bool begin_row(struct line *line, const struct identity *identity, size_t fields_bytes_max)
{
    size_t tags_length = identity->tag_count > 0 ? format_tags(line, identity) : 0;
    if (tags_length == SIZE_MAX) {
        line->out->failed = true;
        return false;
    }
    size_t quoted_max = 2 * ((size_t)identity->name_length + 1) + 2 * (tags_length + 1);
    line->at = buffer_room(line->out, line->stamp_length + quoted_max + 2 + fields_bytes_max);
    if (!line->at) {
        return false;
    }
    memcpy(line->at, line->stamp, line->stamp_length);
    line->at += line->stamp_length;
    line->at += text_escape_csv(line->at, identity_name(identity), identity->name_length);
    *line->at++ = ',';
    if (tags_length > 0) {
        line->at += text_quote_csv(line->at, line->tags.bytes, tags_length);
    }
    return true;
}

static void end_row(struct line *line)
{
    *line->at++ = '\n';
    line->out->length = (size_t)(line->at - line->out->bytes);
}

static void put_counter(struct line *line, const struct counter_row *row)
{
    if (row->updated && begin_row(line, row->identity, 2 * (NUMBER_TEXT_MAX + 1))) {
        put_number(line, row->count);
        put_number(line, row->rate);
        end_row(line);
    }
}

static void put_gauge(struct line *line, const struct gauge_row *row)
{
    if (begin_row(line, row->identity, NUMBER_TEXT_MAX + 1)) {
        put_number(line, row->value);
        end_row(line);
    }
}

static void put_timer(struct line *line, const struct timer_row *row, size_t percentile_count)
{
    size_t fields_max = WORD_BYTES_MAX + (7 + percentile_count) * (NUMBER_TEXT_MAX + 1);
    if (!row->updated || !begin_row(line, row->identity, fields_max)) {
        return;
    }
    put_word(line, statsd_type_name((enum statsd_type)row->identity->type));
    put_number(line, row->count);
    put_number(line, row->rate);
    put_number(line, row->sum);
    put_number(line, row->mean);
    put_number(line, row->min);
    put_number(line, row->max);
    put_number(line, row->stddev);
    for (size_t i = 0; i < percentile_count; i++) {
        put_number(line, row->percentiles ? row->percentiles[i] : (double)NAN);
    }
    end_row(line);
}

static void put_set(struct line *line, const struct set_row *row)
{
    if (row->updated && begin_row(line, row->identity, NUMBER_TEXT_MAX + 1)) {
        put_number(line, row->unique);
        end_row(line);
    }
}

static void put_anomaly(struct line *line, const struct anomaly_row *row)
{
    size_t reason_length = strnlen(row->reason, sizeof(row->reason));
    size_t fields_max = 4 * WORD_BYTES_MAX + 5 * (NUMBER_TEXT_MAX + 1) + 1 + 2 * reason_length + 2;
    if (!begin_row(line, row->identity, fields_max)) {
        return;
    }
    put_word(line, statistic_name(row->statistic));
    put_number(line, row->value);
    put_number(line, row->mean);
    put_number(line, row->stddev);
    put_number(line, row->lower);
    put_number(line, row->upper);
    put_word(line, anomaly_type_name(row->type));
    put_word(line, anomaly_severity_name(row->severity));
    put_word(line, row->end ? "end" : "start");
    *line->at++ = ',';
    line->at += text_escape_csv(line->at, row->reason, reason_length);
    end_row(line);
}

static void put_row(struct line *line, enum csv_kind kind, const struct snapshot *snapshot,
                    size_t index)
{
    switch (kind) {
    case CSV_COUNTERS:
        put_counter(line, &snapshot->counters[index]);
        break;
    case CSV_GAUGES:
        put_gauge(line, &snapshot->gauges[index]);
        break;
    case CSV_TIMERS:
        put_timer(line, &snapshot->timers[index], snapshot->percentile_count);
        break;
    case CSV_SETS:
        put_set(line, &snapshot->sets[index]);
        break;
    case CSV_ANOMALIES:
        put_anomaly(line, &snapshot->anomalies[index]);
        break;
    case CSV_KINDS:
        break;
    }
}

size_t csv_rows_render(enum csv_kind kind, const struct snapshot *snapshot, size_t from,
                       size_t bytes_max, struct buffer *out)
{
    size_t count = csv_rows_count(kind, snapshot);
    struct line line = {.out = out};
    format_stamp(&line, snapshot);
    size_t index = from;
    while (index < count && out->length < bytes_max && !out->failed) {
        put_row(&line, kind, snapshot, index++);
    }
    buffer_deinit(&line.tags);
    return index;
}
