/* SPDX-License-Identifier: MIT */
#include "proto/dogstatsd.h"

#include "proto/scan.h"

/* One bit a section, to refuse the same one twice. */
enum section {
    SECTION_TIMESTAMP = 1 << 0,
    SECTION_HOST = 1 << 1,
    SECTION_TAGS = 1 << 2,
    SECTION_CONTAINER = 1 << 3,
    SECTION_EXTERNAL_DATA = 1 << 4,
    SECTION_CARDINALITY = 1 << 5,
    SECTION_AGGREGATION_KEY = 1 << 6,
    SECTION_PRIORITY = 1 << 7,
    SECTION_SOURCE_TYPE = 1 << 8,
    SECTION_ALERT_TYPE = 1 << 9,
    SECTION_MESSAGE = 1 << 10,
    SECTIONS_COMMON = SECTION_TIMESTAMP | SECTION_HOST | SECTION_TAGS | SECTION_CONTAINER |
                      SECTION_EXTERNAL_DATA | SECTION_CARDINALITY,
    SECTIONS_EVENT = SECTIONS_COMMON | SECTION_AGGREGATION_KEY | SECTION_PRIORITY |
                     SECTION_SOURCE_TYPE | SECTION_ALERT_TYPE,
    SECTIONS_SERVICE_CHECK = SECTIONS_COMMON | SECTION_MESSAGE,
};

static const struct {
    const char *prefix;
    unsigned section;
} prefixes[] = {
    {"d:", SECTION_TIMESTAMP},     {"h:", SECTION_HOST},
    {"#", SECTION_TAGS},           {"c:", SECTION_CONTAINER},
    {"e:", SECTION_EXTERNAL_DATA}, {"card:", SECTION_CARDINALITY},
    {"p:", SECTION_PRIORITY},      {"k:", SECTION_AGGREGATION_KEY},
    {"s:", SECTION_SOURCE_TYPE},   {"t:", SECTION_ALERT_TYPE},
    {"m:", SECTION_MESSAGE},
};

static const char *const priorities[] = {"normal", "low"};
static const char *const alert_types[] = {"error", "warning", "info", "success"};

/* The section that [*from, end) is, with *from moved behind its prefix; 0 when there is none such.
 */
static unsigned find_section(const char *bytes, uint32_t *from, uint32_t end)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (scan_begins(bytes, *from, end, prefixes[i].prefix)) {
            *from += (uint32_t)strlen(prefixes[i].prefix);
            return prefixes[i].section;
        }
    }
    return 0;
}

static bool is_one_of(const char *bytes, struct span text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (scan_equals(bytes, text.offset, text.offset + text.length, words[i])) {
            return true;
        }
    }
    return false;
}

/* Keeps the body of one section in the item. False when the body is not one of the values allowed.
 */
static bool keep_section(const char *bytes, unsigned section, struct span body,
                         struct statsd_item *item, struct statsd_details *details,
                         uint32_t *skipped)
{
    switch (section) {
    case SECTION_TIMESTAMP:
        return scan_digits(bytes, body.offset, body.offset + body.length, &item->timestamp);
    case SECTION_HOST:
        details->host = body;
        return true;
    case SECTION_TAGS:
        item->tags = body;
        return true;
    case SECTION_CONTAINER:
        details->container = body;
        return true;
    case SECTION_AGGREGATION_KEY:
        details->aggregation_key = body;
        return true;
    case SECTION_PRIORITY:
        details->priority = body;
        return is_one_of(bytes, body, priorities, sizeof priorities / sizeof priorities[0]);
    case SECTION_SOURCE_TYPE:
        details->source_type = body;
        return true;
    case SECTION_ALERT_TYPE:
        details->alert_type = body;
        return is_one_of(bytes, body, alert_types, sizeof alert_types / sizeof alert_types[0]);
    case SECTION_MESSAGE:
        item->text = body;
        return true;
    default:
        ++*skipped;
        return true;
    }
}

/* Reads `|section|section...` in [from, end). The message of a service check ends the line. */
static bool read_sections(const char *bytes, uint32_t from, uint32_t end, unsigned allowed,
                          struct statsd_item *item, struct statsd_details *details,
                          uint32_t *skipped)
{
    unsigned seen = 0;
    while (from < end) {
        uint32_t body = from + 1;
        uint32_t stop = scan_for(bytes, body, end, '|');
        unsigned section = find_section(bytes, &body, stop) & allowed;
        if (bytes[from] != '|' || section == 0 || (seen & (section | SECTION_MESSAGE)) != 0 ||
            !keep_section(bytes, section, scan_span(body, stop), item, details, skipped)) {
            return false;
        }
        seen |= section;
        from = stop;
    }
    return true;
}

bool dogstatsd_is_event(const char *bytes, struct span line)
{
    return scan_begins(bytes, line.offset, line.offset + line.length, "_e{");
}

bool dogstatsd_is_service_check(const char *bytes, struct span line)
{
    return scan_begins(bytes, line.offset, line.offset + line.length, "_sc|");
}

bool dogstatsd_read_event(const char *bytes, struct span line, struct statsd_item *item,
                          struct statsd_details *details, uint32_t *skipped)
{
    uint32_t end = line.offset + line.length;
    uint32_t header = line.offset + (uint32_t)strlen("_e{");
    uint32_t brace = scan_for(bytes, header, end, '}');
    uint32_t comma = scan_for(bytes, header, brace, ',');
    int64_t title_length = 0;
    int64_t text_length = 0;
    if (!scan_begins(bytes, brace, end, "}:") ||
        !scan_digits(bytes, header, comma, &title_length) ||
        !scan_digits(bytes, comma + 1, brace, &text_length) || title_length == 0 ||
        text_length == 0) {
        return false;
    }
    uint32_t title = brace + 2;
    if (title_length + 1 + text_length > (int64_t)(end - title)) {
        return false;
    }
    uint32_t bar = title + (uint32_t)title_length;
    uint32_t text_end = bar + 1 + (uint32_t)text_length;
    item->kind = STATSD_EVENT;
    item->name = scan_span(title, bar);
    item->text = scan_span(bar + 1, text_end);
    return bytes[bar] == '|' &&
           read_sections(bytes, text_end, end, SECTIONS_EVENT, item, details, skipped);
}

bool dogstatsd_read_service_check(const char *bytes, struct span line, struct statsd_item *item,
                                  struct statsd_details *details, uint32_t *skipped)
{
    uint32_t end = line.offset + line.length;
    uint32_t name = line.offset + (uint32_t)strlen("_sc|");
    uint32_t bar = scan_for(bytes, name, end, '|');
    if (bar == name || end - bar < 2 || bytes[bar + 1] < '0' || bytes[bar + 1] > '3') {
        return false;
    }
    item->kind = STATSD_SERVICE_CHECK;
    item->name = scan_span(name, bar);
    item->status = (uint8_t)(bytes[bar + 1] - '0');
    return read_sections(bytes, bar + 2, end, SECTIONS_SERVICE_CHECK, item, details, skipped);
}
