/* SPDX-License-Identifier: MIT
 *
 * Replays tests/data/parse.jsonl: datagrams from the tests and documents of ten StatsD servers,
 * each with what a parser must make of it. Every case must agree, those that the servers are split
 * over too: for them the expectation is the written decision. The complete path is asked;
 * test_paths.c holds the others to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name_tags.h"
#include "proto/statsd.h"
#include "proto/tags.h"

#define ITEMS_MAX 4096
#define TAGS_MAX 256
#define LINE_MAX_BYTES (1 << 20)

struct reading {
    struct statsd_item items[ITEMS_MAX];
    struct statsd_details details[ITEMS_MAX];
    size_t count;
    struct statsd_tally tally;
};

/* Reads an exact-size heap copy, so that the sanitizer sees a step outside; items point into it. */
static char *read_copy(const char *bytes, size_t length, enum statsd_dialect dialect,
                       struct reading *reading)
{
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    struct statsd_parser parser;
    statsd_parser_init(&parser, dialect);
    assert_true(statsd_parser_select(&parser, STATSD_PATH_COMPLETE));
    statsd_parser_feed(&parser, copy, (uint32_t)length);
    reading->count = 0;
    size_t read = 0;
    do {
        assert_true(reading->count < ITEMS_MAX);
        read = statsd_parser_read(&parser, &reading->items[reading->count],
                                  ITEMS_MAX - reading->count);
        reading->count += read;
    } while (read > 0);
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->items[i].kind != STATSD_REFUSED) {
            statsd_parser_details(&parser, &reading->items[i], &reading->details[i]);
        }
    }
    reading->tally = parser.tally;
    return copy;
}

static bool equals_text(const char *bytes, struct span span, const json_t *text)
{
    return json_is_string(text) && json_string_length(text) == span.length &&
           memcmp(bytes + span.offset, json_string_value(text), span.length) == 0;
}

/* Compares after turning the two characters \n into a newline, as the outputs do. */
static bool equals_unescaped(const char *bytes, struct span span, const json_t *text)
{
    char *plain = malloc((size_t)span.length + 1);
    assert_non_null(plain);
    size_t length = 0;
    for (uint32_t i = 0; i < span.length; i++) {
        char byte = bytes[span.offset + i];
        if (byte == '\\' && i + 1 < span.length && bytes[span.offset + i + 1] == 'n') {
            byte = '\n';
            i++;
        }
        plain[length++] = byte;
    }
    bool equal = json_is_string(text) && json_string_length(text) == length &&
                 memcmp(plain, json_string_value(text), length) == 0;
    free(plain);
    return equal;
}

static bool equals_optional(const char *bytes, struct span span, const json_t *text)
{
    return text ? equals_text(bytes, span, text) : span.length == 0;
}

static bool equals_number(double value, const json_t *number, double absent)
{
    return value == (number ? json_number_value(number) : absent);
}

static bool has_tag(const char *key, const json_t *value, const struct tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(key) == tags[i].key_length && memcmp(key, tags[i].key, strlen(key)) == 0 &&
            json_string_length(value) == tags[i].value_length &&
            memcmp(json_string_value(value), tags[i].value, tags[i].value_length) == 0) {
            return true;
        }
    }
    return false;
}

static bool equals_name_and_tags(const char *bytes, const struct statsd_item *item,
                                 json_t *expected_name, json_t *expected)
{
    struct tag tags[TAGS_MAX];
    static char scratch[LINE_MAX_BYTES];
    enum tags_style style = (enum tags_style)item->tags_style;
    struct name_tags_text text = {.name = bytes + item->name.offset,
                                  .tags = bytes + item->tags.offset,
                                  .name_length = item->name.length,
                                  .tags_length = item->tags.length};
    name_tags_resolve(style, &text, scratch);
    if (json_string_length(expected_name) != text.name_length ||
        memcmp(json_string_value(expected_name), text.name, text.name_length) != 0) {
        return false;
    }
    int count = tags_parse(style, text.tags, text.tags_length, tags, TAGS_MAX);
    assert_true(count >= 0);
    size_t wanted = 0;
    const char *key;
    json_t *value;
    json_object_foreach(expected, key, value)
    {
        size_t values = json_is_array(value) ? json_array_size(value) : 1;
        for (size_t i = 0; i < values; i++) {
            json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
            if (!has_tag(key, one, tags, (size_t)count)) {
                return false;
            }
            wanted++;
        }
    }
    return wanted == (size_t)count;
}

static bool equals_sample(const char *bytes, const struct statsd_item *item, json_t *expected)
{
    const json_t *value = json_object_get(expected, "value");
    bool same_value = item->type == STATSD_SET ? equals_text(bytes, item->text, value)
                                               : equals_number(item->value, value, 0);
    return item->kind == STATSD_SAMPLE && same_value &&
           strcmp(statsd_type_name((enum statsd_type)item->type),
                  json_string_value(json_object_get(expected, "type"))) == 0 &&
           equals_number(item->rate, json_object_get(expected, "rate"), 1) &&
           item->delta == json_is_true(json_object_get(expected, "delta"));
}

static bool equals_event(const char *bytes, const struct statsd_item *item,
                         const struct statsd_details *details, const json_t *expected)
{
    return item->kind == STATSD_EVENT &&
           equals_unescaped(bytes, item->text, json_object_get(expected, "text")) &&
           equals_optional(bytes, details->priority, json_object_get(expected, "priority")) &&
           equals_optional(bytes, details->alert_type, json_object_get(expected, "alert_type")) &&
           equals_optional(bytes, details->aggregation_key,
                           json_object_get(expected, "aggregation_key")) &&
           equals_optional(bytes, details->source_type, json_object_get(expected, "source_type"));
}

static bool equals_check(const char *bytes, const struct statsd_item *item, const json_t *expected)
{
    json_t *text = json_object_get(expected, "text");
    return item->kind == STATSD_SERVICE_CHECK &&
           equals_number(item->status, json_object_get(expected, "status"), -1) &&
           (text ? equals_unescaped(bytes, item->text, text) : item->text.length == 0);
}

static bool equals_item(const char *bytes, const struct statsd_item *item,
                        const struct statsd_details *details, json_t *expected)
{
    const char *type = json_string_value(json_object_get(expected, "type"));
    bool same_kind = strcmp(type, "event") == 0   ? equals_event(bytes, item, details, expected)
                     : strcmp(type, "check") == 0 ? equals_check(bytes, item, expected)
                                                  : equals_sample(bytes, item, expected);
    return same_kind &&
           equals_name_and_tags(bytes, item, json_object_get(expected, "name"),
                                json_object_get(expected, "tags")) &&
           equals_optional(bytes, details->host, json_object_get(expected, "host")) &&
           equals_optional(bytes, details->container, json_object_get(expected, "container_id")) &&
           equals_number((double)item->timestamp, json_object_get(expected, "timestamp"), 0);
}

static bool agrees(const char *bytes, const struct reading *reading, const json_t *test)
{
    json_t *expected = json_object_get(test, "expect");
    size_t given = 0;
    json_int_t refused = 0;
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->items[i].kind == STATSD_REFUSED) {
            refused++;
        } else if (given == json_array_size(expected) ||
                   !equals_item(bytes, &reading->items[i], &reading->details[i],
                                json_array_get(expected, given++))) {
            return false;
        }
    }
    return given == json_array_size(expected) &&
           refused == json_integer_value(json_object_get(test, "expect_errors"));
}

/* The bytes of in_b64. Returns the length. */
static size_t decode_base64(const char *text, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned held = 0;
    size_t length = 0;
    for (; *text != '\0' && *text != '='; text++) {
        bits = (bits << 6) | (uint32_t)(strchr(digits, *text) - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[length++] = (char)(bits >> held & 255);
        }
    }
    return length;
}

static size_t input_of(const json_t *test, char *out)
{
    const json_t *encoded = json_object_get(test, "in_b64");
    if (encoded) {
        return decode_base64(json_string_value(encoded), out);
    }
    const json_t *text = json_object_get(test, "in");
    memcpy(out, json_string_value(text), json_string_length(text));
    return json_string_length(text);
}

/* Calls `visit` with every case of a dialect that this parser speaks; returns how many there were.
 */
static size_t for_each_case(void (*visit)(const json_t *test, enum statsd_dialect dialect,
                                          const char *bytes, size_t length))
{
    FILE *file = fopen(TEST_DATA_DIR "/parse.jsonl", "r");
    assert_non_null(file);
    char *line = malloc(LINE_MAX_BYTES);
    char *input = malloc(LINE_MAX_BYTES);
    assert_non_null(line);
    assert_non_null(input);
    size_t visited = 0;
    while (fgets(line, LINE_MAX_BYTES, file)) {
        json_t *test = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(test);
        enum statsd_dialect dialect = STATSD_AUTO;
        if (statsd_dialect_by_name(json_string_value(json_object_get(test, "dialect")), &dialect)) {
            visit(test, dialect, input, input_of(test, input));
            visited++;
        }
        json_decref(test);
    }
    free(input);
    free(line);
    fclose(file);
    return visited;
}

static size_t disagreements;

static void check_case(const json_t *test, enum statsd_dialect dialect, const char *bytes,
                       size_t length)
{
    static struct reading reading;
    char *copy = read_copy(bytes, length, dialect, &reading);
    if (!agrees(copy, &reading, test)) {
        disagreements++;
        print_error("disagrees: %s (%s): %.*s\n", json_string_value(json_object_get(test, "id")),
                    json_string_value(json_object_get(test, "standing")), (int)length, bytes);
    }
    free(copy);
}

static void check_case_as_auto(const json_t *test, enum statsd_dialect dialect, const char *bytes,
                               size_t length)
{
    if (dialect == STATSD_DOGSTATSD) {
        check_case(test, STATSD_AUTO, bytes, length);
    }
}

static void agrees_with_every_case_in_its_dialect(void **state)
{
    (void)state;
    disagreements = 0;
    assert_int_equal(for_each_case(check_case), 399);
    assert_int_equal(disagreements, 0);
}

static void auto_agrees_with_every_dogstatsd_case(void **state)
{
    (void)state;
    disagreements = 0;
    for_each_case(check_case_as_auto);
    assert_int_equal(disagreements, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_every_case_in_its_dialect),
        cmocka_unit_test(auto_agrees_with_every_dogstatsd_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
