/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

typedef size_t escape_function(char *out, const char *text, size_t length);

struct text_case {
    const char *text;
    const char *expected;
};

/* Runs on exact-size heap buffers, the output as large as the contract bounds it. */
static char *escape_copy(escape_function *escape, size_t factor, size_t extra, const char *text,
                         size_t length, size_t *written)
{
    size_t bound = factor * length + extra;
    char *copy = malloc(length > 0 ? length : 1);
    char *out = malloc(bound > 0 ? bound : 1);
    assert_non_null(copy);
    assert_non_null(out);
    memcpy(copy, text, length);
    *written = escape(out, copy, length);
    assert_true(*written <= bound);
    free(copy);
    return out;
}

static void check_cases(escape_function *escape, size_t factor, size_t extra,
                        const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t written = 0;
        char *out =
            escape_copy(escape, factor, extra, cases[i].text, strlen(cases[i].text), &written);
        assert_int_equal(written, strlen(cases[i].expected));
        assert_memory_equal(out, cases[i].expected, written);
        free(out);
    }
}

static void knows_well_formed_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "plain",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "eight by\xC3\xA9te words and \xE2\x82\xAC more",
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xE2\x82",
        "\xE2\x82\x41",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF0\x90\x80",
        "\xF0\x90\x80\x41",
        "\xFE",
        "\xFF",
        "eight by\xC3\xA9te words and \xE2\x82 more",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    }
}

static void a_csv_field_is_one_line(void **state)
{
    (void)state;
    const struct text_case cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"a,b", "\"a,b\""},
        {"say \"x\"", "\"say \"\"x\"\"\""},
        {"a\r\nb\\", "a\\r\\nb\\\\"},
        {"\"\"\"", "\"\"\"\"\"\"\"\""},
        {"a\n,b", "\"a\\n,b\""},
        {"; = \xC3\xA9", "; = \xC3\xA9"},
    };
    check_cases(text_escape_csv, 2, 2, cases, sizeof cases / sizeof cases[0]);
}

static void quoting_leaves_escapes_alone(void **state)
{
    (void)state;
    const struct text_case cases[] = {
        {"a\\;b=c", "a\\;b=c"},
        {"a\\n,b", "\"a\\n,b\""},
        {"\"", "\"\"\"\""},
    };
    check_cases(text_quote_csv, 2, 2, cases, sizeof cases / sizeof cases[0]);
}

static void escapes_json(void **state)
{
    (void)state;
    const struct text_case cases[] = {
        {"plain / \x7F", "plain / \x7F"}, {"\"\\\b\f\n\r\t", "\\\"\\\\\\b\\f\\n\\r\\t"},
        {"\x01\x1F", "\\u0001\\u001f"},   {"\xC3\xA9\xF0\x9F\x98\x80", "\xC3\xA9\xF0\x9F\x98\x80"},
        {"a\xFF\xC3", "a\\ufffd\\ufffd"}, {"\xE2\x82\x41", "\\ufffd\\ufffd\x41"},
    };
    check_cases(text_escape_json, 6, 0, cases, sizeof cases / sizeof cases[0]);
    char out[6];
    assert_int_equal(text_escape_json(out, "", 1), 6);
    assert_memory_equal(out, "\\u0000", 6);
}

static void escapes_label_values(void **state)
{
    (void)state;
    const struct text_case cases[] = {
        {"plain, {x}", "plain, {x}"},
        {"\\\"\n", "\\\\\\\"\\n"},
        {"\r\t", "\r\t"},
    };
    check_cases(text_escape_label, 2, 0, cases, sizeof cases / sizeof cases[0]);
}

static void json_of_any_bytes_is_read_back(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t length = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < length; i++) {
            text[i] = (char)((rand() & 3) == 0 ? rand() % 256 : rand() % 128);
        }
        char quoted[6 * sizeof text + 2] = "\"";
        size_t written = text_escape_json(quoted + 1, text, length);
        quoted[written + 1] = '"';
        json_t *read = json_loadb(quoted, written + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(read);
        if (text_is_utf8(text, length)) {
            assert_int_equal(json_string_length(read), length);
            assert_memory_equal(json_string_value(read), text, length);
        }
        json_decref(read);
    }
}

static void names_are_cleaned_as_etsy_statsd_does(void **state)
{
    static const char *const cases[][2] = {
        {"a.b-c_d;k=v", "a.b-c_d;k=v"},
        {"a  \t b", "a_b"},
        {"/usr/bin", "-usr-bin"},
        {" x ", "_x_"},
        {"a:b|c@d", "abcd"},
        {"\xc3\xa4x", "x"},
        {"$%&", ""},
        {"a /b", "a_-b"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32];
        strcpy(text, cases[i][0]);
        size_t length = text_clean_name(text, text, strlen(text));
        assert_int_equal(length, strlen(cases[i][1]));
        assert_memory_equal(text, cases[i][1], length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cleaned_as_etsy_statsd_does),
        cmocka_unit_test(knows_well_formed_utf8),
        cmocka_unit_test(a_csv_field_is_one_line),
        cmocka_unit_test(quoting_leaves_escapes_alone),
        cmocka_unit_test(escapes_json),
        cmocka_unit_test(escapes_label_values),
        cmocka_unit_test(json_of_any_bytes_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
