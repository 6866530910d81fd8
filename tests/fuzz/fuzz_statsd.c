/* SPDX-License-Identifier: MIT
 *
 * The StatsD parser on any bytes, in every dialect: spans lie inside their line and lines inside
 * the datagram and in order, the tally adds up, values are finite, rates are in (0, 1], reading one
 * item at a time gives what reading many gives, and every path answers as the complete one does.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "proto/name_tags.h"
#include "proto/statsd.h"
#include "proto/tags.h"
#include "server/core/require.h"

#define CAPACITY 7
#define TAGS_MAX 64
#define SCRATCH_MAX 65536

static void check_span(struct span span, struct span line)
{
    REQUIRE(span.length == 0 ||
            (span.offset >= line.offset &&
             (uint64_t)span.offset + span.length <= (uint64_t)line.offset + line.length));
}

static void check_sample(const struct statsd_item *item, const char *bytes)
{
    REQUIRE(item->type < STATSD_TYPES);
    REQUIRE(item->name.length > 0);
    REQUIRE(memchr(bytes + item->name.offset, '|', item->name.length) == NULL);
    REQUIRE(isfinite(item->value) && !(item->value == 0 && signbit(item->value)));
    REQUIRE(item->rate > 0 && item->rate <= 1);
    REQUIRE(item->timestamp >= 0);
    REQUIRE(item->type != STATSD_TIMER || item->value >= 0);
    REQUIRE((item->type == STATSD_SET) == (item->text.length > 0));
    REQUIRE(item->type == STATSD_GAUGE || !item->delta);
    struct tag tags[TAGS_MAX];
    REQUIRE(item->tags_style < TAGS_STYLES);
    REQUIRE(item->tags_style == TAGS_COLON || item->tags.offset > 0);
    char scratch[SCRATCH_MAX];
    struct name_tags_text text = {bytes + item->name.offset, bytes + item->tags.offset,
                                  item->name.length, item->tags.length};
    if (text.name_length + text.tags_length > sizeof scratch) {
        return;
    }
    name_tags_resolve((enum tags_style)item->tags_style, &text, scratch);
    REQUIRE(text.name_length > 0);
    int count =
        tags_parse((enum tags_style)item->tags_style, text.tags, text.tags_length, tags, TAGS_MAX);
    REQUIRE(count >= -1 && count <= TAGS_MAX);
}

static void check_details(const struct statsd_parser *parser, const struct statsd_item *item)
{
    struct statsd_details details;
    statsd_parser_details(parser, item, &details);
    const struct span spans[] = {details.container,       details.host,
                                 details.priority,        details.alert_type,
                                 details.aggregation_key, details.source_type};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        check_span(spans[i], item->line);
    }
}

static void check_item(const struct statsd_item *item, const char *bytes, uint32_t length)
{
    REQUIRE((uint64_t)item->line.offset + item->line.length <= length && item->line.length > 0);
    const struct span spans[] = {item->name, item->tags, item->text};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        check_span(spans[i], item->line);
    }
    switch ((enum statsd_kind)item->kind) {
    case STATSD_SAMPLE:
        check_sample(item, bytes);
        break;
    case STATSD_EVENT:
        REQUIRE(item->name.length > 0 && item->text.length > 0);
        break;
    case STATSD_SERVICE_CHECK:
        REQUIRE(item->name.length > 0 && item->status <= 3);
        break;
    case STATSD_REFUSED:
        REQUIRE(item->reason > STATSD_OK && item->reason < STATSD_REASONS);
        break;
    }
}

static void check_tally(const struct statsd_tally *tally)
{
    uint64_t refused = 0;
    for (size_t i = 0; i < STATSD_REASONS; i++) {
        refused += tally->lines_refused[i];
    }
    REQUIRE(tally->lines == tally->lines_accepted + refused);
    REQUIRE(tally->lines_refused[STATSD_OK] == 0 && tally->samples_refused[STATSD_OK] == 0);
}

/* Reads the next item of a parser that is asked for one at a time. */
static void check_same(struct statsd_parser *single, const struct statsd_item *item)
{
    struct statsd_item other;
    REQUIRE(statsd_parser_read(single, &other, 1) == 1);
    REQUIRE(memcmp(&other, item, sizeof other) == 0);
}

static void check_path(enum statsd_dialect dialect, enum statsd_path path, const char *bytes,
                       uint32_t length)
{
    struct statsd_parser bulk;
    struct statsd_parser single;
    struct statsd_parser complete;
    struct statsd_item items[CAPACITY];
    statsd_parser_init(&bulk, dialect);
    statsd_parser_init(&single, dialect);
    statsd_parser_init(&complete, dialect);
    if (!statsd_parser_select(&bulk, path) || !statsd_parser_select(&single, path)) {
        return;
    }
    REQUIRE(statsd_parser_select(&complete, STATSD_PATH_COMPLETE));
    statsd_parser_feed(&bulk, bytes, length);
    statsd_parser_feed(&single, bytes, length);
    statsd_parser_feed(&complete, bytes, length);
    uint32_t line = 0;
    for (size_t count; (count = statsd_parser_read(&bulk, items, CAPACITY)) > 0;) {
        REQUIRE(count <= CAPACITY);
        for (size_t i = 0; i < count; i++) {
            REQUIRE(items[i].line.offset >= line);
            line = items[i].line.offset;
            check_item(&items[i], bytes, length);
            if (items[i].kind != STATSD_REFUSED) {
                check_details(&bulk, &items[i]);
            }
            check_same(&single, &items[i]);
            check_same(&complete, &items[i]);
        }
    }
    REQUIRE(statsd_parser_read(&single, items, 1) == 0);
    REQUIRE(statsd_parser_read(&complete, items, 1) == 0);
    REQUIRE(memcmp(&bulk.tally, &single.tally, sizeof bulk.tally) == 0);
    REQUIRE(memcmp(&bulk.tally, &complete.tally, sizeof bulk.tally) == 0);
    check_tally(&bulk.tally);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int dialect = 0; dialect < STATSD_DIALECTS; dialect++) {
        for (int path = 0; path < STATSD_PATHS; path++) {
            check_path((enum statsd_dialect)dialect, (enum statsd_path)path, (const char *)data,
                       (uint32_t)size);
        }
    }
    return 0;
}
