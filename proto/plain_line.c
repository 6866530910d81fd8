/* SPDX-License-Identifier: MIT */
#include "proto/plain_line.h"

#include <endian.h>
#include <string.h>

#include "proto/metric_line.h"
#include "proto/number.h"
#include "proto/number_scan.h"
#include "proto/scan.h"

/* Marks the top bit of each byte of `word` that equals `byte`; only the lowest mark is exact
 * (Hacker's Delight, 6-1), which is the one that is looked at. */
static inline uint64_t mark_bytes(uint64_t word, char byte)
{
    uint64_t difference = word ^ (UINT64_C(0x0101010101010101) * (unsigned char)byte);
    return (difference - UINT64_C(0x0101010101010101)) & ~difference & UINT64_C(0x8080808080808080);
}

/* The first place in [from, end) that holds one of the four bytes of `stops`, or `end`. */
static inline uint32_t run_end(const char *bytes, uint32_t from, uint32_t end, const char stops[4])
{
    while (end - from >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes + from, sizeof word);
        word = le64toh(word);
        uint64_t marks = mark_bytes(word, stops[0]) | mark_bytes(word, stops[1]) |
                         mark_bytes(word, stops[2]) | mark_bytes(word, stops[3]);
        if (marks != 0) {
            return from + (uint32_t)__builtin_ctzll(marks) / 8;
        }
        from += (uint32_t)sizeof word;
    }
    while (from < end && bytes[from] != stops[0] && bytes[from] != stops[1] &&
           bytes[from] != stops[2] && bytes[from] != stops[3]) {
        from++;
    }
    return from;
}

/* The '|' behind the one value that begins at `from`, or `end` when the line has no such. */
static uint32_t value_end(const char *bytes, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end && bytes[i] != '\n' && bytes[i] != ':'; i++) {
        if (bytes[i] == '|') {
            return i;
        }
    }
    return end;
}

/* Reads the type that begins at `from`. Returns where it ends, or 0 when there is none. */
static uint32_t read_type(const char *bytes, uint32_t from, uint32_t end, uint8_t *type)
{
    uint32_t stop = from + 1;
    if (from < end && bytes[from] == 'm') {
        stop++;
    }
    enum statsd_type found = STATSD_COUNTER;
    if (stop > end || !metric_line_type(bytes + from, stop - from, &found)) {
        return 0;
    }
    *type = (uint8_t)found;
    return stop;
}

/* Reads `|@rate` and `|#tags`, either or both, in this order, behind the type. Returns the place
 * behind them; who calls sees whether the line ends there. A CR stops the tags because a dialect
 * may trim it. */
static uint32_t read_sections(const char *bytes, uint32_t from, uint32_t end,
                              struct statsd_item *item)
{
    if (end - from > 2 && bytes[from] == '|' && bytes[from + 1] == '@') {
        double rate = 0;
        uint32_t start = from + 2;
        uint32_t length = (uint32_t)number_scan(bytes + start, end - start, &rate);
        if (length == 0 || !(rate > 0 && rate <= 1)) {
            return from;
        }
        item->rate = rate;
        from = start + length;
    }
    if (end - from > 1 && bytes[from] == '|' && bytes[from + 1] == '#') {
        uint32_t start = from + 2;
        from = run_end(bytes, start, end, "|\n\r\r");
        item->tags = scan_span(start, from);
    }
    return from;
}

/* Takes a line apart. Returns where it ends; 0 when it is not plain or is to be refused. Names with
 * '_' in front may be events or service checks. */
static uint32_t split_line(const char *bytes, uint32_t start, uint32_t end,
                           struct statsd_item *item)
{
    uint32_t colon = run_end(bytes, start, end, ":|\n\0");
    if (colon == end || bytes[colon] != ':' || colon == start || bytes[start] == '_') {
        return 0;
    }
    uint32_t from = colon + 1;
    double value = 0;
    uint32_t bar = from + (uint32_t)number_scan(bytes + from, end - from, &value);
    bool scanned = bar > from && bar < end && bytes[bar] == '|';
    if (!scanned) {
        bar = value_end(bytes, from, end);
    }
    uint32_t stop = bar > from && bar < end ? read_type(bytes, bar + 1, end, &item->type) : 0;
    if (stop == 0) {
        return 0;
    }
    item->name = scan_span(start, colon);
    if (item->type == STATSD_SET) {
        item->text = scan_span(from, bar);
    } else if ((!scanned && !number_parse(bytes + from, bar - from, &value)) ||
               (item->type == STATSD_TIMER && value < 0)) {
        return 0;
    } else {
        item->value = value + 0.0;
        item->delta = item->type == STATSD_GAUGE && (bytes[from] == '+' || bytes[from] == '-');
    }
    stop = read_sections(bytes, stop, end, item);
    return stop == end || bytes[stop] == '\n' ? stop : 0;
}

bool plain_line_read(struct statsd_parser *parser, struct statsd_item *item)
{
    memset(item, 0, sizeof *item);
    item->kind = STATSD_SAMPLE;
    item->rate = 1;
    uint32_t stop = split_line(parser->bytes, parser->next, parser->length, item);
    if (stop == 0) {
        return false;
    }
    item->line = scan_span(parser->next, stop);
    parser->next = stop + (stop < parser->length);
    parser->tally.lines++;
    parser->tally.lines_accepted++;
    return true;
}
