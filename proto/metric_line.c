/* SPDX-License-Identifier: MIT */
#include "proto/metric_line.h"

#include "proto/name_tags.h"
#include "proto/number.h"
#include "proto/scan.h"

bool metric_line_type(const char *text, size_t length, enum statsd_type *type)
{
    if (length == 2 && text[0] == 'm' && text[1] == 's') {
        *type = STATSD_TIMER;
        return true;
    }
    switch (length == 1 ? text[0] : '\0') {
    case 'c':
        *type = STATSD_COUNTER;
        return true;
    case 'g':
        *type = STATSD_GAUGE;
        return true;
    case 'h':
        *type = STATSD_HISTOGRAM;
        return true;
    case 'd':
        *type = STATSD_DISTRIBUTION;
        return true;
    case 's':
        *type = STATSD_SET;
        return true;
    default:
        return false;
    }
}

/* Where the type that begins at `from` ends: at '|' or at the ':' of the next group. A '#' means
 * that the bar in front of the tags was forgotten; what follows are tags then and no further group.
 */
static uint32_t type_end(const char *bytes, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        if (bytes[i] == '|' || bytes[i] == ':') {
            return i;
        }
        if (bytes[i] == '#') {
            return end;
        }
    }
    return end;
}

static uint32_t group_section_end(const char *bytes, uint32_t from, uint32_t end)
{
    while (from < end && bytes[from] != '|' && bytes[from] != ':') {
        from++;
    }
    return from;
}

/* Whether the section at `from` belongs to the whole line. Etsy splits at ':' whatever a section
 * holds, but for its tags. */
static bool begins_tail(const struct statsd_parser *parser, uint32_t from, uint32_t end)
{
    if (from == end) {
        return false;
    }
    char first = parser->bytes[from];
    if (statsd_dialect_is_strict(parser->dialect)) {
        return first == '#';
    }
    return first != '@' && first != '|' && first != ':';
}

/* The place of the '|' in front of the tail of the groups in [from, end), or `end`. */
static uint32_t find_tail(const struct statsd_parser *parser, uint32_t from, uint32_t end)
{
    const char *bytes = parser->bytes;
    while (from < end) {
        from = scan_for(bytes, from, end, '|');
        if (from == end) {
            break;
        }
        from = type_end(bytes, from + 1, end);
        while (from < end && bytes[from] == '|') {
            if (begins_tail(parser, from + 1, end)) {
                return from;
            }
            from = group_section_end(bytes, from + 1, end);
        }
        from += from < end;
    }
    return end;
}

/* Reads the text behind '@'. */
static bool read_rate(const char *bytes, uint32_t from, uint32_t end, double *rate)
{
    double value = 0;
    if (!number_parse(bytes + from, end - from, &value) || !(value > 0 && value <= 1)) {
        return false;
    }
    *rate = value;
    return true;
}

static bool is_container(const char *bytes, uint32_t from, uint32_t end)
{
    return end - from > 2 && bytes[from] == 'c' && bytes[from + 1] == ':';
}

static enum statsd_reason read_tail_section(struct statsd_parser *parser, uint32_t from,
                                            uint32_t end, bool *tagged)
{
    const char *bytes = parser->bytes;
    char first = from < end ? bytes[from] : '\0';
    if (first == '#') {
        if (*tagged || parser->at.tags_style != TAGS_COLON) {
            return STATSD_BAD_SECTION;
        }
        *tagged = true;
        parser->at.tags = scan_span(from + 1, end);
        parser->at.tags_style = (uint8_t)metric_line_tags_style(parser->dialect);
    } else if (first == '@') {
        if (parser->at.tail_rate > 0) {
            return STATSD_BAD_SECTION;
        }
        if (!read_rate(bytes, from + 1, end, &parser->at.tail_rate)) {
            return STATSD_BAD_RATE;
        }
    } else if (!is_container(bytes, from, end)) {
        int64_t timestamp = 0;
        if (first == 'T' && scan_digits(bytes, from + 1, end, &timestamp) && timestamp > 0) {
            parser->at.timestamp = timestamp;
        } else {
            parser->at.skipped++;
        }
    }
    return STATSD_OK;
}

static enum statsd_reason read_tail(struct statsd_parser *parser, uint32_t from, uint32_t end)
{
    bool tagged = false;
    while (from < end) {
        uint32_t stop = scan_for(parser->bytes, from + 1, end, '|');
        enum statsd_reason reason = read_tail_section(parser, from + 1, stop, &tagged);
        if (reason == STATSD_OK && statsd_dialect_is_strict(parser->dialect) && stop < end) {
            reason = STATSD_BAD_SECTION;
        }
        if (reason != STATSD_OK) {
            return reason;
        }
        from = stop;
    }
    return STATSD_OK;
}

/* The last one counts where there are several. */
struct span metric_line_container(const struct statsd_parser *parser, struct span line)
{
    const char *bytes = parser->bytes;
    uint32_t end = line.offset + line.length;
    uint32_t colon = scan_for(bytes, line.offset, end, ':');
    uint32_t from = find_tail(parser, colon + 1, end);
    struct span container = {0};
    while (from < end) {
        uint32_t stop = scan_for(bytes, from + 1, end, '|');
        if (is_container(bytes, from + 1, stop)) {
            container = scan_span(from + 3, stop);
        }
        from = stop;
    }
    return container;
}

enum statsd_reason metric_line_open(struct statsd_parser *parser, struct span line)
{
    const char *bytes = parser->bytes;
    uint32_t end = line.offset + line.length;
    uint32_t colon = scan_for(bytes, line.offset, end, ':');
    if (colon == end) {
        return STATSD_NO_COLON;
    }
    if (colon == line.offset) {
        return STATSD_EMPTY_NAME;
    }
    if (scan_for(bytes, line.offset, colon, '|') < colon ||
        scan_for(bytes, line.offset, colon, '\0') < colon) {
        return STATSD_BAD_NAME;
    }
    struct name_tags found;
    if (!name_tags_find(parser->dialect, bytes, line.offset, line.offset, colon, &found)) {
        return STATSD_EMPTY_NAME;
    }
    memset(&parser->at, 0, sizeof parser->at);
    parser->at.line = line;
    parser->at.name = found.name;
    parser->at.tags = found.tags;
    parser->at.tags_style = (uint8_t)found.style;
    parser->at.next = colon + 1;
    parser->at.end = find_tail(parser, colon + 1, end);
    enum statsd_reason reason = read_tail(parser, parser->at.end, end);
    parser->at.open = reason == STATSD_OK;
    parser->at.more = true;
    return reason;
}

/* Reads the rate and the empty sections of a group, which [*from, end) begins with; *from ends up
 * at the ':' of the next group or at `end`. Goes on to that place after a fault too. */
static enum statsd_reason read_group_sections(const struct statsd_parser *parser, uint32_t *from,
                                              uint32_t end, double *rate, uint32_t *skipped)
{
    const char *bytes = parser->bytes;
    enum statsd_reason reason = STATSD_OK;
    while (*from < end && bytes[*from] == '|') {
        uint32_t start = *from + 1;
        *from = group_section_end(bytes, start, end);
        if (reason != STATSD_OK) {
            continue;
        }
        bool is_rate = start < *from && bytes[start] == '@';
        if (is_rate && *rate > 0) {
            reason = STATSD_BAD_SECTION;
        } else if (is_rate) {
            reason = read_rate(bytes, start + 1, *from, rate) ? STATSD_OK : STATSD_BAD_RATE;
        } else if (statsd_dialect_is_strict(parser->dialect)) {
            reason = STATSD_BAD_SECTION;
        } else {
            ++*skipped;
        }
    }
    return reason;
}

/* The next packed value in [*from, end) that is not empty. False when there is none. */
static bool next_packed(const char *bytes, uint32_t *from, uint32_t end, struct span *value)
{
    while (*from < end) {
        uint32_t stop = scan_for(bytes, *from, end, ':');
        *value = scan_span(*from, stop);
        *from = stop + (stop < end);
        if (value->length > 0) {
            return true;
        }
    }
    return false;
}

/* Reads one number of the current group. Adding 0 turns -0.0 into 0.0, which is what a sender of
 * "-0" means and what every output writes. */
static enum statsd_reason read_value(const struct statsd_parser *parser, struct span text,
                                     double *value)
{
    if (!number_parse(parser->bytes + text.offset, text.length, value)) {
        return STATSD_BAD_VALUE;
    }
    *value += 0.0;
    return parser->at.type == STATSD_TIMER && *value < 0 ? STATSD_NEGATIVE_TIMER : STATSD_OK;
}

/* Whether several values of one type may stand in front of it. */
static bool packs(const struct statsd_parser *parser)
{
    switch (parser->dialect) {
    case STATSD_AUTO:
    case STATSD_DOGSTATSD:
        return true;
    case STATSD_INFLUXDB:
    case STATSD_SIGNALFX:
    case STATSD_LIBRATO:
        return parser->at.type == STATSD_TIMER;
    default:
        return false;
    }
}

/* Checks every value of a group, so that a packed one is refused whole, and makes the first one
 * pending. */
static enum statsd_reason read_values(struct statsd_parser *parser, uint32_t from, uint32_t end)
{
    if (from == end) {
        return STATSD_EMPTY_VALUE;
    }
    if (parser->at.type == STATSD_SET) {
        parser->at.text = scan_span(from, end);
        parser->at.value_next = end;
        return STATSD_OK;
    }
    if (!packs(parser)) {
        parser->at.text = scan_span(from, end);
        parser->at.value_next = end;
        return read_value(parser, parser->at.text, &parser->at.value);
    }
    if (!next_packed(parser->bytes, &from, end, &parser->at.text)) {
        return STATSD_EMPTY_VALUE;
    }
    parser->at.value_next = from;
    enum statsd_reason reason = read_value(parser, parser->at.text, &parser->at.value);
    struct span text;
    while (reason == STATSD_OK && next_packed(parser->bytes, &from, end, &text)) {
        double ignored = 0;
        reason = read_value(parser, text, &ignored);
    }
    return reason;
}

/* The type of a group, in [from, end). */
static bool read_type(const struct statsd_parser *parser, uint32_t from, uint32_t end,
                      enum statsd_type *type)
{
    bool known = metric_line_type(parser->bytes + from, end - from, type);
    if (parser->loose_types &&
        (!known || *type == STATSD_HISTOGRAM || *type == STATSD_DISTRIBUTION)) {
        *type = STATSD_COUNTER;
        return true;
    }
    return known;
}

/* Reads the group at `next`. Whatever comes back, `next` and `more` are moved behind it. */
static enum statsd_reason read_group(struct statsd_parser *parser)
{
    const char *bytes = parser->bytes;
    uint32_t from = parser->at.next;
    uint32_t end = parser->at.end;
    uint32_t bar = scan_for(bytes, from, end, '|');
    if (bar == end) {
        parser->at.more = false;
        return from == end ? STATSD_EMPTY_VALUE : STATSD_NO_TYPE;
    }
    uint32_t stop = type_end(bytes, bar + 1, end);
    enum statsd_type type = STATSD_COUNTER;
    bool typed = read_type(parser, bar + 1, stop, &type);
    bool untyped = stop == bar + 1;
    double rate = 0;
    uint32_t skipped = 0;
    enum statsd_reason reason = read_group_sections(parser, &stop, end, &rate, &skipped);
    parser->at.more = stop < end;
    parser->at.next = stop + (stop < end);
    if (!typed) {
        return untyped ? STATSD_NO_TYPE : STATSD_UNKNOWN_TYPE;
    }
    if (reason == STATSD_OK && !parser->at.more && parser->at.tail_rate > 0) {
        reason = rate > 0 ? STATSD_BAD_SECTION : STATSD_OK;
        rate = parser->at.tail_rate;
    }
    if (reason != STATSD_OK) {
        return reason;
    }
    parser->at.type = (uint8_t)type;
    parser->at.rate = rate > 0 ? rate : 1;
    parser->at.value_end = bar;
    reason = read_values(parser, from, bar);
    if (reason == STATSD_OK) {
        parser->at.pending = true;
        parser->at.skipped += skipped;
    }
    return reason;
}

/* Writes the pending sample and makes the next packed one pending, whose number read_values() has
 * seen. */
static void give_sample(struct statsd_parser *parser, struct statsd_item *item)
{
    uint8_t type = parser->at.type;
    struct span text = parser->at.text;
    char first = parser->bytes[text.offset];
    item->kind = STATSD_SAMPLE;
    item->type = type;
    item->delta = type == STATSD_GAUGE && (first == '+' || first == '-');
    item->name = parser->at.name;
    item->tags = parser->at.tags;
    item->tags_style = parser->at.tags_style;
    item->rate = parser->at.rate;
    if (type == STATSD_SET) {
        item->text = text;
    } else {
        item->value = parser->at.value;
    }
    if (type == STATSD_COUNTER || type == STATSD_GAUGE) {
        item->timestamp = parser->at.timestamp;
    }
    parser->at.accepted = true;
    parser->at.pending = next_packed(parser->bytes, &parser->at.value_next, parser->at.value_end,
                                     &parser->at.text) &&
                         read_value(parser, parser->at.text, &parser->at.value) == STATSD_OK;
}

static void close_line(struct statsd_parser *parser)
{
    struct statsd_tally *tally = &parser->tally;
    parser->at.open = false;
    if (!parser->at.accepted) {
        tally->lines_refused[parser->at.first_refusal]++;
        return;
    }
    tally->lines_accepted++;
    tally->sections_skipped += parser->at.skipped;
    if (parser->at.first_refusal != STATSD_OK) {
        for (size_t i = 0; i < STATSD_REASONS; i++) {
            tally->samples_refused[i] += parser->at.refused[i];
        }
    }
}

void metric_line_read(struct statsd_parser *parser, struct statsd_item *item)
{
    memset(item, 0, sizeof *item);
    item->line = parser->at.line;
    enum statsd_reason reason = parser->at.pending ? STATSD_OK : read_group(parser);
    if (reason == STATSD_OK) {
        give_sample(parser, item);
    } else {
        item->kind = STATSD_REFUSED;
        item->reason = (uint8_t)reason;
        parser->at.refused[reason]++;
        if (parser->at.first_refusal == STATSD_OK) {
            parser->at.first_refusal = (uint8_t)reason;
        }
    }
    if (!parser->at.pending && !parser->at.more) {
        close_line(parser);
    }
}
