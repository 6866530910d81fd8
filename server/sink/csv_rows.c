/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/number.h"
#include "proto/statsd.h"
#include "proto/text.h"
#include "server/core/require.h"
#include "server/sink/csv_alerts.h"
#include "server/sink/csv_events.h"

static const char *const kind_names[CSV_KINDS] = {
    "counters", "gauges", "timers", "histograms", "sets", "anomalies", "alerts", "events",
};

static const char *const kind_columns[CSV_KINDS] = {
    "count,rate",
    "value",
    "type,count,rate,sum,mean,min,max,stddev",
    "le,count",
    "unique",
    "statistic,value,mean,stddev,lower,upper,type,severity,state,reason",
    CSV_ALERTS_COLUMNS,
    CSV_EVENTS_COLUMNS,
};

/* Bytes that a word of ours (a type, a statistic, a severity) may take. */
#define WORD_BYTES_MAX 32

/* Identities lie anywhere in memory: they are fetched so many rows ahead. */
#define ROWS_AHEAD 12
#define CACHE_LINE 64

/* The text of a rate that was written before: a rate has all of a double's digits, and they are
 * most of the work of a row, but only as many rates are about as there are counts. */
struct known_rate {
    double value;
    uint8_t length; /* 0: nothing is known */
    char text[23];
};

#define RATES_BITS 10
#define RATES (1 << RATES_BITS)

/* What the rows of one call have in common, and where the next byte goes. */
struct line {
    struct buffer *out; /* its length is set when rows end, and where it has to grow */
    char *at;
    char *room_end;
    size_t stamp_length;
    char stamp[NUMBER_TEXT_MAX];
    struct known_rate rates[RATES];
};

const char *csv_kind_name(enum csv_kind kind)
{
    REQUIRE(kind < CSV_KINDS);
    return kind_names[kind];
}

unsigned csv_rows_files(bool has_bins)
{
    return ((1U << CSV_KINDS) - 1) & ~(has_bins ? 0U : 1U << CSV_HISTOGRAMS);
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
    case CSV_HISTOGRAMS:
        return snapshot->has_bins ? snapshot->timer_count : 0;
    case CSV_SETS:
        return snapshot->set_count;
    case CSV_ANOMALIES:
        return snapshot->anomaly_count;
    case CSV_ALERTS:
        return snapshot->alerts ? snapshot->alerts->count : 0;
    case CSV_EVENTS:
        return snapshot->event_count;
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
    memset(line->stamp, 0, sizeof(line->stamp));
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

static void put_rate(struct line *line, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    /* 2^64 over the golden ratio: the upper bits of the product depend on all bits. */
    struct known_rate *known =
        &line->rates[bits * UINT64_C(0x9e3779b97f4a7c15) >> (64 - RATES_BITS)];
    if (known->length > 0 && known->value == value) {
        *line->at = ',';
        memcpy(line->at + 1, known->text, sizeof(known->text));
        line->at += 1 + known->length;
        return;
    }
    const char *text = line->at + 1;
    put_number(line, value);
    size_t length = (size_t)(line->at - text);
    if (length <= sizeof(known->text)) {
        known->value = value;
        known->length = (uint8_t)length;
        memcpy(known->text, text, sizeof(known->text));
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

/* Names are short: copying them by sixteens, the last of which may overlap the one before, is
 * quicker than a call. */
static char *put_short(char *at, const char *bytes, size_t length)
{
    if (length < 16) {
        memcpy(at, bytes, length);
        return at + length;
    }
    for (size_t i = 0; i < length - 16; i += 16) {
        memcpy(at + i, bytes + i, 16);
    }
    memcpy(at + length - 16, bytes + length - 16, 16);
    return at + length;
}

static size_t length_of(const struct line *line)
{
    return (size_t)(line->at - line->out->bytes);
}

/* False without memory. */
static bool make_room(struct line *line, size_t bytes)
{
    line->out->length = length_of(line);
    char *room = buffer_room(line->out, bytes);
    if (!room) {
        return false;
    }
    line->at = room;
    line->room_end = line->out->bytes + line->out->capacity;
    return true;
}

/* Starts a row with its stamp, name and tags; false without memory. Room for `fields_bytes_max`
 * bytes is left behind them, and one for the LF. */
static bool begin_row(struct line *line, const struct identity *identity, size_t fields_bytes_max)
{
    size_t bytes = sizeof(line->stamp) + identity->csv_length + 1 + fields_bytes_max;
    if ((size_t)(line->room_end - line->at) < bytes && !make_room(line, bytes)) {
        return false;
    }
    memcpy(line->at, line->stamp, sizeof(line->stamp));
    line->at = put_short(line->at + line->stamp_length, identity->bytes, identity->csv_length);
    return true;
}

static void end_row(struct line *line)
{
    *line->at++ = '\n';
}

static void put_counter(struct line *line, const struct counter_row *row, bool idle)
{
    if ((row->updated || idle) && begin_row(line, row->identity, 2 * (NUMBER_TEXT_MAX + 1))) {
        put_number(line, row->count);
        put_rate(line, row->rate);
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

static void put_timer(struct line *line, const struct timer_row *row, size_t percentile_count,
                      bool idle)
{
    size_t fields_max = WORD_BYTES_MAX + (7 + percentile_count) * (NUMBER_TEXT_MAX + 1);
    if (!(row->updated || idle) || !begin_row(line, row->identity, fields_max)) {
        return;
    }
    put_word(line, statsd_type_name((enum statsd_type)row->identity->type));
    put_number(line, row->count);
    put_rate(line, row->rate);
    put_number(line, row->sum);
    put_number(line, row->mean);
    put_number(line, row->min);
    put_number(line, row->max);
    put_number(line, row->stddev);
    for (size_t i = 0; i < percentile_count; i++) {
        double known = row->percentiles ? row->percentiles[i] : (double)NAN;
        put_number(line, row->updated ? known : 0);
    }
    end_row(line);
}

/* Bins add up, as the buckets of Prometheus do. */
static void put_bins(struct line *line, const struct timer_row *row)
{
    double count = 0;
    for (size_t i = 0; row->details && i < row->details->bin_count; i++) {
        const struct histogram_bin *bin = &row->details->bins[i];
        if (!begin_row(line, row->identity, 2 * (NUMBER_TEXT_MAX + 1))) {
            return;
        }
        if (isinf(bin->bound)) {
            put_word(line, "+Inf");
        } else {
            put_number(line, bin->bound);
        }
        count += bin->count;
        put_number(line, count);
        end_row(line);
    }
}

static void put_set(struct line *line, const struct set_row *row, bool idle)
{
    if ((row->updated || idle) && begin_row(line, row->identity, NUMBER_TEXT_MAX + 1)) {
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

static void fetch(const struct identity *identity)
{
    __builtin_prefetch(identity);
    __builtin_prefetch((const char *)identity + CACHE_LINE);
}

/* Defines NAME(), which renders the rows of one kind as csv_rows_render() does. */
#define RENDER(name, rows, ...)                                                          \
    static size_t name(struct line *line, const struct snapshot *snapshot, size_t index, \
                       size_t count, size_t bytes_max)                                   \
    {                                                                                    \
        while (index < count && length_of(line) < bytes_max && !line->out->failed) {     \
            if (index + ROWS_AHEAD < count) {                                            \
                fetch(snapshot->rows[index + ROWS_AHEAD].identity);                      \
            }                                                                            \
            __VA_ARGS__;                                                                 \
            index++;                                                                     \
        }                                                                                \
        return index;                                                                    \
    }
RENDER(render_counters, counters,
       put_counter(line, &snapshot->counters[index], snapshot->idle_is_zero))
RENDER(render_gauges, gauges, put_gauge(line, &snapshot->gauges[index]))
RENDER(render_timers, timers,
       put_timer(line, &snapshot->timers[index], snapshot->percentile_count,
                 snapshot->idle_is_zero))
RENDER(render_histograms, timers, put_bins(line, &snapshot->timers[index]))
RENDER(render_sets, sets, put_set(line, &snapshot->sets[index], snapshot->idle_is_zero))
RENDER(render_anomalies, anomalies, put_anomaly(line, &snapshot->anomalies[index]))

typedef size_t render_rows(struct line *line, const struct snapshot *snapshot, size_t index,
                           size_t count, size_t bytes_max);

size_t csv_rows_render(enum csv_kind kind, const struct snapshot *snapshot, size_t from,
                       size_t bytes_max, struct buffer *out)
{
    static render_rows *const renders[CSV_KINDS] = {
        [CSV_COUNTERS] = render_counters,   [CSV_GAUGES] = render_gauges,
        [CSV_TIMERS] = render_timers,       [CSV_SETS] = render_sets,
        [CSV_ANOMALIES] = render_anomalies, [CSV_HISTOGRAMS] = render_histograms,
    };
    struct line line;
    memset(line.rates, 0, sizeof(line.rates));
    format_stamp(&line, snapshot);
    if (kind == CSV_ALERTS) {
        return csv_alerts_render(snapshot, line.stamp, from, bytes_max, out);
    }
    if (kind == CSV_EVENTS) {
        return csv_events_render(snapshot, line.stamp, from, bytes_max, out);
    }
    line.out = out;
    line.at = buffer_room(out, 1);
    if (!line.at) {
        return from;
    }
    line.room_end = out->bytes + out->capacity;
    size_t next = renders[kind](&line, snapshot, from, csv_rows_count(kind, snapshot), bytes_max);
    out->length = length_of(&line);
    return next;
}
