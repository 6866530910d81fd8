/* SPDX-License-Identifier: MIT */
#include "proto/name_tags.h"

#include "proto/scan.h"

/* What may begin a block, each by a bit. */
static const uint8_t marks[256] = {[','] = 1, ['['] = 2, ['#'] = 4, [';'] = 8};

/* The mark that begins a block in this dialect; NUL where it knows none, or any of them. */
static char mark_of(enum statsd_dialect dialect)
{
    switch (dialect) {
    case STATSD_INFLUXDB:
        return ',';
    case STATSD_SIGNALFX:
        return '[';
    case STATSD_LIBRATO:
        return '#';
    case STATSD_GRAPHITE:
        return ';';
    default:
        return '\0';
    }
}

/* Reads the name [start, end) with its block behind the mark at `at`. False when a '[' is not
 * closed: then there is none. */
static bool split(const char *bytes, uint32_t start, uint32_t at, uint32_t end,
                  struct name_tags *found)
{
    bool bracket = bytes[at] == '[';
    uint32_t stop = bracket ? scan_for(bytes, at + 1, end, ']') : end;
    if (bracket && stop == end) {
        return false;
    }
    found->tags = scan_span(at + 1, stop);
    found->style = bytes[at] == ';' ? TAGS_SEMICOLON : TAGS_EQUALS;
    found->name = scan_span(start, at);
    if (bracket && stop + 1 < end) {
        found->name = scan_span(start, end);
        found->style = TAGS_INSIDE;
    }
    return true;
}

/* Whether [at, end) is `key=value` parted by `separator`, and nothing else. */
static bool is_block(const char *bytes, uint32_t at, uint32_t end, char separator)
{
    for (;;) {
        uint32_t part = at;
        while (at < end && bytes[at] != '=' && bytes[at] != separator) {
            at++;
        }
        if (at == part || at == end || bytes[at] != '=') {
            return false;
        }
        uint32_t value = ++at;
        while (at < end && bytes[at] != separator) {
            at++;
        }
        if (at == value) {
            return false;
        }
        if (at++ == end) {
            return true;
        }
    }
}

/* Any dialect's block. Only the first of each mark is tried, which bounds the time. */
static bool find_any(const char *bytes, uint32_t start, uint32_t first, uint32_t end,
                     struct name_tags *found)
{
    if (scan_for(bytes, first, end, '=') == end) {
        return false;
    }
    unsigned tried = 0;
    for (uint32_t at = first; at < end; at++) {
        unsigned mark = marks[(unsigned char)bytes[at]];
        if (__builtin_expect((mark & ~tried) == 0, 1)) {
            continue;
        }
        struct name_tags candidate;
        if (split(bytes, start, at, end, &candidate) &&
            is_block(bytes, at + 1, at + 1 + candidate.tags.length, bytes[at] == ';' ? ';' : ',')) {
            *found = candidate;
            return true;
        }
        tried |= mark;
    }
    return false;
}

static bool find_own(enum statsd_dialect dialect, const char *bytes, uint32_t start, uint32_t first,
                     uint32_t end, struct name_tags *found)
{
    char mark = mark_of(dialect);
    uint32_t at = mark ? scan_for(bytes, first, end, mark) : end;
    return at < end && split(bytes, start, at, end, found);
}

bool name_tags_find(enum statsd_dialect dialect, const char *bytes, uint32_t start, uint32_t first,
                    uint32_t end, struct name_tags *found)
{
    bool has_block = dialect == STATSD_AUTO ? find_any(bytes, start, first, end, found)
                                            : find_own(dialect, bytes, start, first, end, found);
    if (!has_block) {
        *found = (struct name_tags){.name = scan_span(start, end)};
    } else if (found->tags.length == 0 && found->style != TAGS_INSIDE) {
        found->tags = (struct span){0};
        found->style = TAGS_COLON;
    }
    return found->name.length > 0;
}

void name_tags_resolve(enum tags_style style, struct name_tags_text *text, char *scratch)
{
    if (style == TAGS_INSIDE) {
        size_t before = (size_t)(text->tags - text->name) - 1;
        size_t behind = before + text->tags_length + 2;
        memcpy(scratch, text->name, before);
        memcpy(scratch + before, text->name + behind, text->name_length - behind);
        text->name = scratch;
        text->name_length -= text->tags_length + 2;
    } else if (style == TAGS_COLON_CLEAN) {
        for (size_t i = 0; i < text->tags_length; i++) {
            scratch[i] = text->tags[i];
            if (scratch[i] == ';') {
                scratch[i] = '_';
            }
        }
        text->tags = scratch;
    }
}
