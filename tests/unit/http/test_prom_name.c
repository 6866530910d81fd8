/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "server/http/prom_name.h"

static char *text_of(struct buffer *buffer)
{
    buffer_append(buffer, "", 1);
    assert_false(buffer->failed);
    return buffer->bytes;
}

static void names_follow_the_rules(void **state)
{
    static const struct {
        enum statsd_type type;
        const char *name, *expected;
    } cases[] = {
        {STATSD_COUNTER, "api.hits", "api_hits_total"},
        {STATSD_COUNTER, "requests.total", "requests_total"},
        {STATSD_COUNTER, "requests_total", "requests_total"},
        {STATSD_COUNTER, "total", "total_total"},
        {STATSD_GAUGE, "queue.depth", "queue_depth"},
        {STATSD_GAUGE, "404.hits", "_404_hits"},
        {STATSD_GAUGE, "a:b", "a:b"},
        {STATSD_GAUGE, "a-b c/d", "a_b_c_d"},
        {STATSD_TIMER, "api.latency", "api_latency_seconds"},
        {STATSD_TIMER, "took_seconds", "took_seconds"},
        {STATSD_HISTOGRAM, "size", "size"},
        {STATSD_DISTRIBUTION, "size.total", "size_total"},
        {STATSD_SET, "users", "users"},
        {STATSD_GAUGE, "sigmad.series", "user_sigmad_series"},
        {STATSD_COUNTER, "process-cpu", "user_process_cpu_total"},
        {STATSD_GAUGE, "sigmad", "sigmad"},
        {STATSD_GAUGE, "processes", "processes"},
        {STATSD_GAUGE, "\xC3\xA9t\xC3\xA9", "_t_"},
        {STATSD_GAUGE, "\xE2\x82\xAC\xE2\x82\xAC", "__"},
        {STATSD_GAUGE, "\x80\x80", "_"},
        {STATSD_GAUGE, "", "_"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer out = {0};
        prom_append_name(&out, cases[i].type, cases[i].name, strlen(cases[i].name));
        assert_string_equal(text_of(&out), cases[i].expected);
        buffer_deinit(&out);
    }
}

static void only_gauges_and_sets_have_a_second_name(void **state)
{
    static const struct {
        enum prom_kind kind;
        const char *name, *expected; /* NULL = none */
    } cases[] = {
        {PROM_GAUGE, "x", "x_gauge"},
        {PROM_SET, "x", "x_set"},
        {PROM_COUNTER, "x", NULL},
        {PROM_SECONDS, "x", NULL},
        {PROM_PLAIN, "x", NULL},
        {PROM_GAUGE, "x_gauge", NULL},
        {PROM_SET, "x_gauge", "x_gauge_set"},
        {PROM_SET, "x_set", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer out = {0};
        buffer_append_text(&out, cases[i].name);
        assert_int_equal(prom_append_alternative(&out, cases[i].kind), cases[i].expected != NULL);
        assert_string_equal(text_of(&out), cases[i].expected ? cases[i].expected : cases[i].name);
        buffer_deinit(&out);
    }
}

static void assert_labels(const char *raw, size_t length, const char *expected)
{
    struct tag tags[16];
    struct buffer out = {0};
    int count = tags_parse(TAGS_COLON, raw, length, tags, 16);
    assert_true(count >= 0);
    prom_append_labels(&out, tags, (size_t)count);
    assert_string_equal(text_of(&out), expected);
    buffer_deinit(&out);
}

static void labels_follow_the_rules(void **state)
{
    static const struct {
        const char *raw, *expected;
    } cases[] = {
        {"", ""},
        {"env:prod", "env=\"prod\""},
        {"b:2,a:1", "a=\"1\",b=\"2\""},
        {"a", "a=\"true\""},
        {"a:", "a=\"true\""},
        {"a:2,a:1", "a=\"1,2\""},
        {"a:v,a", "a=\"true,v\""},
        {"a-b:2,a.b:1,a_b:1", "a_b=\"1,2\""},
        {"le:5", "tag_le=\"5\""},
        {"quantile:5", "tag_quantile=\"5\""},
        {"__name__:x", "tag___name__=\"x\""},
        {"..x:1", "tag___x=\"1\""},
        {"le:1,tag_le:2", "tag_le=\"1,2\""},
        {"1st:x", "_1st=\"x\""},
        {"a:b:c", "a=\"b:c\""},
        {"k:\\\"\n", "k=\"\\\\\\\"\\n\""},
        {"k:a\rb", "k=\"a\xEF\xBF\xBD"
                   "b\""},
        {"k:\xFF", "k=\"\xEF\xBF\xBD\""},
        {"k:\xC3\xA9", "k=\"\xC3\xA9\""},
        {"\xC3\xA9:1", "_=\"1\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_labels(cases[i].raw, strlen(cases[i].raw), cases[i].expected);
    }
    assert_labels("k:a\0b", 5,
                  "k=\"a\xEF\xBF\xBD"
                  "b\"");
}

static void help_is_one_line_without_foreign_escapes(void **state)
{
    static const struct {
        const char *name, *expected;
    } cases[] = {
        {"api.hits", "api.hits"},
        {"a\"b\\c", "a\"b\\\\c"},
        {"a\tb\rc", "a b c"},
        {"\xFFx", "\xEF\xBF\xBDx"},
        {"d", "d"},
        {"\xC3\xA9", "\xC3\xA9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer out = {0};
        prom_append_help(&out, cases[i].name, strlen(cases[i].name));
        assert_string_equal(text_of(&out), cases[i].expected);
        buffer_deinit(&out);
    }
}

static void quantiles_are_free_of_binary_dust(void **state)
{
    static const struct {
        double percent;
        const char *expected;
    } cases[] = {{50, "0.5"},       {90, "0.9"}, {95, "0.95"},   {99, "0.99"},    {99.9, "0.999"},
                 {99.99, "0.9999"}, {100, "1"},  {0.1, "0.001"}, {33.3, "0.333"}, {12.5, "0.125"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer out = {0};
        prom_append_quantile(&out, cases[i].percent);
        assert_string_equal(text_of(&out), cases[i].expected);
        buffer_deinit(&out);
    }
}

static void assert_legal_word(const char *word, size_t length, bool colon)
{
    assert_true(length > 0);
    for (size_t i = 0; i < length; i++) {
        bool digit = word[i] >= '0' && word[i] <= '9';
        bool letter = (word[i] >= 'a' && word[i] <= 'z') || (word[i] >= 'A' && word[i] <= 'Z');
        assert_true(letter || word[i] == '_' || (digit && i > 0) || (colon && word[i] == ':'));
    }
}

static void whatever_bytes_come_names_are_legal(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        char name[12];
        size_t length = 1 + (size_t)rand() % sizeof(name);
        for (size_t i = 0; i < length; i++) {
            name[i] = (char)rand();
        }
        struct buffer out = {0};
        prom_append_name(&out, (enum statsd_type)(round % STATSD_TYPES), name, length);
        assert_legal_word(out.bytes, out.length, true);
        buffer_deinit(&out);
    }
}

/* Reads key="value",… back; keys must be legal, ascending and free, values closed and UTF-8. */
static void assert_legal_labels(const char *text, size_t length)
{
    const char *previous = "";
    size_t previous_length = 0;
    const char *end = text + length;
    assert_true(text_is_utf8(text, length));
    while (text < end) {
        const char *equals = memchr(text, '=', (size_t)(end - text));
        assert_non_null(equals);
        size_t key_length = (size_t)(equals - text);
        assert_legal_word(text, key_length, false);
        assert_false(key_length >= 2 && memcmp(text, "__", 2) == 0);
        size_t shorter = key_length < previous_length ? key_length : previous_length;
        int order = memcmp(previous, text, shorter);
        assert_true(order < 0 || (order == 0 && previous_length < key_length));
        previous = text;
        previous_length = key_length;
        assert_int_equal(equals[1], '"');
        for (text = equals + 2; *text != '"'; text++) {
            assert_true(text < end && *text != '\n' && *text != '\r' && *text != '\0');
            if (*text == '\\') {
                text++;
                assert_true(*text == '\\' || *text == '"' || *text == 'n');
            }
        }
        text++;
        assert_true(text == end || (*text == ',' && text + 1 < end));
        text += text < end;
    }
}

static void whatever_bytes_come_labels_are_legal(void **state)
{
    static const char alphabet[] = "ab_le:,:,-.\\\"\n\r\xC3\xA9\xFF quantile";
    (void)state;
    srand(2);
    for (unsigned round = 0; round < 20000; round++) {
        char raw[40];
        struct tag tags[40];
        size_t length = (size_t)rand() % sizeof(raw);
        for (size_t i = 0; i < length; i++) {
            raw[i] = alphabet[(size_t)rand() % sizeof(alphabet)];
        }
        int count = tags_parse(TAGS_COLON, raw, length, tags, 40);
        assert_true(count >= 0);
        struct buffer out = {0};
        prom_append_labels(&out, tags, (size_t)count);
        if (out.length > 0) {
            assert_legal_labels(out.bytes, out.length);
        }
        buffer_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_rules),
        cmocka_unit_test(only_gauges_and_sets_have_a_second_name),
        cmocka_unit_test(labels_follow_the_rules),
        cmocka_unit_test(help_is_one_line_without_foreign_escapes),
        cmocka_unit_test(quantiles_are_free_of_binary_dust),
        cmocka_unit_test(whatever_bytes_come_names_are_legal),
        cmocka_unit_test(whatever_bytes_come_labels_are_legal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
