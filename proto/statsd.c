/* SPDX-License-Identifier: MIT */
#include "proto/statsd.h"

#include <string.h>

#include "proto/dogstatsd.h"
#include "proto/line_index.h"
#include "proto/metric_line.h"
#include "proto/quick_line.h"
#include "proto/scan.h"
#include "proto/text.h"

static const char *const type_names[STATSD_TYPES] = {
    [STATSD_COUNTER] = "c",   [STATSD_GAUGE] = "g",        [STATSD_TIMER] = "ms",
    [STATSD_HISTOGRAM] = "h", [STATSD_DISTRIBUTION] = "d", [STATSD_SET] = "s",
};

static const char *const reason_names[STATSD_REASONS] = {
    [STATSD_OK] = "ok",
    [STATSD_NO_COLON] = "no_colon",
    [STATSD_EMPTY_NAME] = "empty_name",
    [STATSD_BAD_NAME] = "bad_name",
    [STATSD_BAD_UTF8] = "bad_utf8",
    [STATSD_NO_TYPE] = "no_type",
    [STATSD_UNKNOWN_TYPE] = "unknown_type",
    [STATSD_EMPTY_VALUE] = "empty_value",
    [STATSD_BAD_VALUE] = "bad_value",
    [STATSD_NEGATIVE_TIMER] = "negative_timer",
    [STATSD_BAD_RATE] = "bad_rate",
    [STATSD_BAD_SECTION] = "bad_section",
    [STATSD_BAD_EVENT] = "bad_event",
    [STATSD_BAD_SERVICE_CHECK] = "bad_service_check",
    [STATSD_LINE_TOO_LONG] = "line_too_long",
    [STATSD_LINE_CUT] = "line_cut",
};

static const char *const dialect_names[STATSD_DIALECTS] = {
    [STATSD_AUTO] = "auto",           [STATSD_ETSY] = "etsy",
    [STATSD_DOGSTATSD] = "dogstatsd", [STATSD_INFLUXDB] = "influxdb",
    [STATSD_SIGNALFX] = "signalfx",   [STATSD_LIBRATO] = "librato",
    [STATSD_GRAPHITE] = "graphite",
};

static const char *const path_names[STATSD_PATHS] = {
    [STATSD_PATH_COMPLETE] = "complete",
    [STATSD_PATH_PORTABLE] = "portable",
    [STATSD_PATH_AVX2] = "avx2",
    [STATSD_PATH_AVX512] = "avx512",
};

const char *statsd_path_name(enum statsd_path path)
{
    return path_names[path];
}

const char *statsd_type_name(enum statsd_type type)
{
    return type_names[type];
}

const char *statsd_reason_name(enum statsd_reason reason)
{
    return reason_names[reason];
}

bool statsd_dialect_by_name(const char *name, enum statsd_dialect *dialect)
{
    for (int i = 0; i < STATSD_DIALECTS; i++) {
        if (strcmp(name, dialect_names[i]) == 0) {
            *dialect = (enum statsd_dialect)i;
            return true;
        }
    }
    return false;
}

void statsd_parser_init(struct statsd_parser *parser, enum statsd_dialect dialect)
{
    memset(parser, 0, sizeof *parser);
    parser->dialect = dialect;
    parser->path = line_index_fastest();
}

void statsd_parser_loosen_types(struct statsd_parser *parser)
{
    parser->loose_types = true;
}

bool statsd_parser_select(struct statsd_parser *parser, enum statsd_path path)
{
    if (path != STATSD_PATH_COMPLETE && !line_index_supports(path)) {
        return false;
    }
    parser->path = path;
    return true;
}

void statsd_parser_feed(struct statsd_parser *parser, const char *datagram, uint32_t length)
{
    parser->bytes = datagram;
    parser->length = length;
    parser->next = 0;
    parser->at.open = false;
    quick_line_reset(parser);
}

/* Takes the next line off the datagram, without its LF and, where the dialect trims it, the CR in
 * front of it: the DogStatsD agent does, etsy reads it as part of the type. */
static struct span take_line(struct statsd_parser *parser)
{
    uint32_t start = parser->next;
    uint32_t end = scan_for(parser->bytes, start, parser->length, '\n');
    parser->next = end < parser->length ? end + 1 : end;
    if (end > start && parser->bytes[end - 1] == '\r' &&
        (parser->loose_types || !statsd_dialect_is_strict(parser->dialect))) {
        end--;
    }
    return scan_span(start, end);
}

static void refuse_line(struct statsd_parser *parser, struct span line, enum statsd_reason reason,
                        struct statsd_item *item)
{
    parser->tally.lines_refused[reason]++;
    memset(item, 0, sizeof *item);
    item->kind = STATSD_REFUSED;
    item->reason = (uint8_t)reason;
    item->line = line;
}

/* An event or a service check, whichever `read` reads. */
static void read_dogstatsd_line(struct statsd_parser *parser, struct span line,
                                dogstatsd_read *read, enum statsd_reason reason,
                                struct statsd_item *item)
{
    uint32_t skipped = 0;
    struct statsd_details details;
    memset(item, 0, sizeof *item);
    item->line = line;
    if (!read(parser->bytes, line, item, &details, &skipped)) {
        refuse_line(parser, line, reason, item);
        return;
    }
    parser->tally.lines_accepted++;
    parser->tally.sections_skipped += skipped;
}

/* Reads the next line up to its first item. False when the line was empty. */
static bool read_line(struct statsd_parser *parser, struct statsd_item *item)
{
    struct span line = take_line(parser);
    const char *text = parser->bytes + line.offset;
    if (line.length == 0) {
        return false;
    }
    parser->tally.lines++;
    if (!text_is_utf8(text, line.length)) {
        refuse_line(parser, line, STATSD_BAD_UTF8, item);
        return true;
    }
    bool extended = !statsd_dialect_is_strict(parser->dialect);
    if (extended && dogstatsd_is_event(parser->bytes, line)) {
        read_dogstatsd_line(parser, line, dogstatsd_read_event, STATSD_BAD_EVENT, item);
        return true;
    }
    if (extended && dogstatsd_is_service_check(parser->bytes, line)) {
        read_dogstatsd_line(parser, line, dogstatsd_read_service_check, STATSD_BAD_SERVICE_CHECK,
                            item);
        return true;
    }
    enum statsd_reason reason = metric_line_open(parser, line);
    if (reason != STATSD_OK) {
        refuse_line(parser, line, reason, item);
    } else {
        metric_line_read(parser, item);
    }
    return true;
}

/* Of the types that plain lines have. */
static void loosen(struct statsd_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].type == STATSD_HISTOGRAM || items[i].type == STATSD_DISTRIBUTION) {
            items[i].type = STATSD_COUNTER;
        }
    }
}

/* Reads a run of plain lines, or else the next line up to its first item. Returns how many items,
 * which may be none: 0 does not mean that there are no more. */
static size_t read_lines(struct statsd_parser *parser, struct statsd_item *items, size_t capacity)
{
    if (parser->path == STATSD_PATH_COMPLETE) {
        return read_line(parser, items);
    }
    size_t count = quick_line_read(parser, items, capacity);
    if (parser->loose_types) {
        loosen(items, count);
    }
    if (count == 0) {
        count = read_line(parser, items);
        quick_line_skip(parser);
    }
    return count;
}

size_t statsd_parser_read(struct statsd_parser *parser, struct statsd_item *items, size_t capacity)
{
    size_t count = 0;
    while (count < capacity) {
        if (parser->at.open) {
            metric_line_read(parser, &items[count++]);
        } else if (parser->next == parser->length) {
            break;
        } else {
            count += read_lines(parser, &items[count], capacity - count);
        }
    }
    return count;
}

void statsd_parser_details(const struct statsd_parser *parser, const struct statsd_item *item,
                           struct statsd_details *details)
{
    struct statsd_item again;
    uint32_t skipped = 0;
    memset(details, 0, sizeof *details);
    if (item->kind == STATSD_EVENT) {
        dogstatsd_read_event(parser->bytes, item->line, &again, details, &skipped);
    } else if (item->kind == STATSD_SERVICE_CHECK) {
        dogstatsd_read_service_check(parser->bytes, item->line, &again, details, &skipped);
    } else {
        details->container = metric_line_container(parser, item->line);
    }
}
