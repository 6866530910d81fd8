/* SPDX-License-Identifier: MIT */
#include "proto/quick_line.h"

#include <math.h>

#include "proto/line_index.h"
#include "proto/metric_line.h"
#include "proto/name_tags.h"
#include "proto/number.h"
#include "proto/number_short.h"
#include "proto/scan.h"

#define INLINE inline __attribute__((always_inline))

/* Types by the last byte of how they are written; 128 is added for a type of two bytes. Each is its
 * number plus one, and 0 is none. */
static const uint8_t types[256] = {
    ['c'] = STATSD_COUNTER + 1,      ['g'] = STATSD_GAUGE + 1, ['h'] = STATSD_HISTOGRAM + 1,
    ['d'] = STATSD_DISTRIBUTION + 1, ['s'] = STATSD_SET + 1,   [128 + 's'] = STATSD_TIMER + 1,
};

/* A datagram. Lines at its edge, which are the one that no LF ends and those that begin with its
 * first bytes, are read by code that looks out for the end and the begin; the compiler makes of the
 * same functions code for the other lines, where all reads lie inside anyway. */
struct source {
    const char *bytes;
    uint32_t length;
    enum statsd_dialect dialect;
    bool extended;       /* the dialect knows containers */
    uint16_t tags_style; /* of tags behind `|#` */
    bool edge;
};

/* The byte at a mark, or in front of one; the end of the datagram ends its last line as LF does. */
static INLINE char byte_at(const struct source *source, uint32_t at)
{
    return source->edge && at >= source->length ? '\n' : source->bytes[at];
}

/* Reads the type between the '|' at `bar` and the mark at `end`, in arithmetic because types come
 * in no order that a CPU could predict. Returns the type plus one, or 0. */
static INLINE unsigned read_type(const char *bytes, uint32_t bar, uint32_t end)
{
    unsigned two = bytes[end - 2] == 'm';
    return end - bar == 2 + two ? types[two << 7 | (unsigned char)bytes[end - 1]] : 0;
}

/* What number_short() does not read. NaN where it is no number. */
static __attribute__((noinline)) double read_long_number(const char *text, size_t length)
{
    double value = 0;
    return number_parse(text, length, &value) ? value + 0.0 : (double)NAN;
}

static INLINE bool is_sign(char byte)
{
    return byte == '-' || byte == '+';
}

/* Reads all of [from, end), which is not empty, as a number. */
static INLINE bool read_number(const struct source *source, uint32_t from, uint32_t end,
                               double *value)
{
    const char *bytes = source->bytes;
    uint32_t length = end - from - is_sign(bytes[from]);
    if (length - 1 < NUMBER_SHORT_BYTES && (!source->edge || end >= NUMBER_SHORT_BYTES) &&
        number_short(bytes + end, length, bytes[from] == '-', value)) {
        return true;
    }
    *value = read_long_number(bytes + from, end - from);
    return !isnan(*value);
}

/* Reads all of [from, end), which may be empty, as a rate. Most are written as 0.1 or alike. */
static INLINE bool read_rate(const struct source *source, uint32_t from, uint32_t end, double *rate)
{
    static const double tenths[10] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
    const char *text = source->bytes + from;
    if (end - from == 3 && text[0] == '0' && text[1] == '.' && text[2] >= '1' && text[2] <= '9') {
        *rate = tenths[text[2] - '0'];
        return true;
    }
    double value = 0;
    bool read = end > from && read_number(source, from, end, &value) && value > 0 && value <= 1;
    *rate = value;
    return read;
}

/* Whether a section that begins with `first` follows the mark at `bar`, which may end the line. */
static INLINE bool begins(const struct source *source, uint32_t bar, char first)
{
    return byte_at(source, bar) == '|' && byte_at(source, bar + 1) == first;
}

/* Reads the sections that begin at mark[-1]. Returns the mark behind the one that ends the line, or
 * NULL when the line is not plain or is to be refused. Lines that end with a CR are left alone
 * because a dialect may trim it. */
static INLINE const uint32_t *read_sections(const struct source *source, const uint32_t *mark,
                                            struct statsd_item *item)
{
    uint32_t bar = mark[-1];
    if (begins(source, bar, '@')) {
        uint32_t from = bar + 2;
        bar = *mark++;
        if (!read_rate(source, from, bar, &item->rate)) {
            return NULL;
        }
    }
    if (begins(source, bar, '#')) {
        uint32_t from = bar + 2;
        bar = *mark++;
        item->tags = scan_span(from, bar);
        item->tags_style = source->tags_style;
    }
    if (begins(source, bar, 'c') && source->extended && byte_at(source, bar + 2) == ':') {
        uint32_t from = bar + 3;
        bar = *mark++;
        if (bar == from) {
            return NULL;
        }
    }
    return byte_at(source, bar) == '\n' && source->bytes[bar - 1] != '\r' ? mark : NULL;
}

/* Takes the line apart that begins at `start`, has the ':' behind its name at `colon` and its next
 * mark at mark[1]. Returns as read_sections() does. A mark that is no LF has another one behind it
 * in its line. Names with '_' in front may be events or service checks; a signed timer may be to be
 * refused. */
static INLINE const uint32_t *read_from(const struct source *source, const uint32_t *mark,
                                        uint32_t start, uint32_t colon, struct statsd_item *item)
{
    const char *bytes = source->bytes;
    if (colon == start || bytes[start] == '_') {
        return NULL;
    }
    uint32_t from = colon + 1;
    uint32_t bar = mark[1];
    if (byte_at(source, bar) != '|' || bar == from) {
        return NULL;
    }
    uint32_t end = mark[2];
    mark += 3;
    unsigned type = read_type(bytes, bar, end);
    struct span member = {0};
    double value = 0;
    if (type == STATSD_SET + 1) {
        member = scan_span(from, bar);
    } else if (type == 0 || (is_sign(bytes[from]) && type == STATSD_TIMER + 1) ||
               !read_number(source, from, bar, &value)) {
        return NULL;
    }
    *item = (struct statsd_item){
        .kind = STATSD_SAMPLE,
        .type = (uint8_t)(type - 1),
        .delta = is_sign(bytes[from]) && type == STATSD_GAUGE + 1,
        .name = scan_span(start, colon),
        .text = member,
        .value = value,
        .rate = 1,
    };
    if (byte_at(source, end) != '\n') {
        mark = read_sections(source, mark, item);
    }
    return mark;
}

/* The same, and the first mark has to be that ':'. */
static INLINE const uint32_t *read_plain(const struct source *source, const uint32_t *mark,
                                         uint32_t start, struct statsd_item *item)
{
    uint32_t colon = mark[0];
    return byte_at(source, colon) == ':' ? read_from(source, mark, start, colon, item) : NULL;
}

/* The same where the first mark may begin tags in the name. There too the mark behind it is the '|'
 * in front of the type. */
static INLINE const uint32_t *read_named(const struct source *source, const uint32_t *mark,
                                         uint32_t start, struct statsd_item *item)
{
    uint32_t first = mark[0];
    char byte = byte_at(source, first);
    if (byte != ',' && byte != '[' && byte != '#' && byte != ';') {
        return NULL;
    }
    uint32_t colon = scan_for(source->bytes, first, mark[1], ':');
    struct name_tags found;
    if (colon == mark[1] ||
        !name_tags_find(source->dialect, source->bytes, start, first, colon, &found)) {
        return NULL;
    }
    const uint32_t *behind = read_from(source, mark, start, colon, item);
    if (!behind || (found.style != TAGS_COLON && item->tags.offset > 0)) {
        return NULL;
    }
    item->name = found.name;
    if (found.style != TAGS_COLON) {
        item->tags = found.tags;
        item->tags_style = (uint16_t)found.style;
    }
    return behind;
}

/* Reads lines until `marks_end`, or one that is not of this kind: with a name that may hold tags,
 * or plain. */
static INLINE size_t read_lines(struct statsd_parser *parser, bool edge, bool named,
                                const uint32_t *marks_end, struct statsd_item *items,
                                size_t capacity)
{
    const struct source source = {.bytes = parser->bytes,
                                  .length = parser->length,
                                  .dialect = parser->dialect,
                                  .extended = !statsd_dialect_is_strict(parser->dialect),
                                  .tags_style = (uint16_t)metric_line_tags_style(parser->dialect),
                                  .edge = edge};
    const uint32_t *mark = parser->index.marks + parser->index.at;
    uint32_t start = parser->next;
    size_t count = 0;
    while (count < capacity && mark < marks_end) {
        const uint32_t *behind = named ? read_named(&source, mark, start, &items[count])
                                       : read_plain(&source, mark, start, &items[count]);
        if (!behind) {
            break;
        }
        items[count++].line = scan_span(start, behind[-1]);
        start = behind[-1] + (!edge || behind[-1] < source.length);
        mark = behind;
    }
    parser->next = start;
    parser->index.at = (uint32_t)(mark - parser->index.marks);
    parser->tally.lines += count;
    parser->tally.lines_accepted += count;
    return count;
}

/* Apart from the others, whose code is to stay as short as it can be. */
static __attribute__((noinline)) size_t read_named_lines(struct statsd_parser *parser, bool edge,
                                                         const uint32_t *marks_end,
                                                         struct statsd_item *items, size_t capacity)
{
    return edge ? read_lines(parser, true, true, marks_end, items, capacity)
                : read_lines(parser, false, true, marks_end, items, capacity);
}

void quick_line_reset(struct statsd_parser *parser)
{
    parser->index.at = 0;
    parser->index.count = 0;
}

/* Marks the lines that begin at `next`, as many as end within a window. The datagram's end ends a
 * line too. False when not even one does. */
static bool refill(struct statsd_parser *parser)
{
    uint32_t start = parser->next;
    uint32_t rest = parser->length - start;
    uint32_t end = start + (rest < STATSD_WINDOW_BYTES ? rest : STATSD_WINDOW_BYTES);
    uint32_t *marks = parser->index.marks;
    size_t count = line_index_fill(parser->path, parser->bytes, start, end, marks);
    size_t whole = count;
    while (whole > 0 && parser->bytes[marks[whole - 1]] != '\n') {
        whole--;
    }
    if (end < parser->length) {
        count = whole;
    } else if (parser->bytes[end - 1] != '\n') {
        marks[count++] = end;
    }
    parser->index.at = 0;
    parser->index.whole = (uint32_t)whole;
    parser->index.count = (uint32_t)count;
    return count > 0;
}

size_t quick_line_read(struct statsd_parser *parser, struct statsd_item *items, size_t capacity)
{
    if (parser->index.at == parser->index.count && !refill(parser)) {
        return 0;
    }
    const uint32_t *marks = parser->index.marks;
    bool edge = parser->next < NUMBER_SHORT_BYTES || parser->index.at >= parser->index.whole;
    const uint32_t *end = marks + (edge ? parser->index.at + 1 : parser->index.whole);
    size_t count = edge ? read_lines(parser, true, false, end, items, capacity)
                        : read_lines(parser, false, false, end, items, capacity);
    return count > 0 ? count : read_named_lines(parser, edge, end, items, capacity);
}

void quick_line_skip(struct statsd_parser *parser)
{
    while (parser->index.at < parser->index.count &&
           parser->index.marks[parser->index.at] < parser->next) {
        parser->index.at++;
    }
}
