/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "server/report/words.h"

static void expect(struct buffer *out, const char *text)
{
    buffer_append(out, "", 1);
    assert_false(out->failed);
    assert_string_equal(out->bytes, text);
    buffer_deinit(out);
}

static void figures_have_three_digits_and_a_unit(void **state)
{
    static const struct {
        double value;
        enum unit unit;
        const char *text;
    } cases[] = {
        {0, UNIT_NONE, "0"},
        {9999, UNIT_NONE, "9999"},
        {12345, UNIT_NONE, "12.3 k"},
        {1.5e9, UNIT_PER_SECOND, "1.50 G/s"},
        {-20000, UNIT_NONE, "-20 k"},
        {0.12345, UNIT_NONE, "0.123"},
        {214.4, UNIT_MS, "214 ms"},
        {0.25, UNIT_MS, "250 µs"},
        {90000, UNIT_MS, "1.50 min"},
        {0.003, UNIT_SECONDS, "3 ms"},
        {0, UNIT_SECONDS, "0 ms"},
        {1536, UNIT_BYTES, "1.50 KiB"},
        {8388608, UNIT_BYTES, "8 MiB"},
        {0.375, UNIT_SHARE, "37.5 %"},
        {(double)NAN, UNIT_MS, "–"},
        {(double)INFINITY, UNIT_NONE, "–"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out = {0};
        words_put_figure(&out, cases[i].value, cases[i].unit);
        expect(&out, cases[i].text);
    }
}

static void spans_have_their_two_largest_parts(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0.2, "200 ms"},    {59, "59 s"},       {60, "1 min"}, {5400, "1 h 30 min"},
                 {90061, "1 d 1 h"}, {(double)NAN, "–"}, {-1, "–"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out = {0};
        words_put_span(&out, cases[i].seconds);
        expect(&out, cases[i].text);
    }
}

static void stamps_are_utc_and_what_is_none_is_a_dash(void **state)
{
    struct buffer out = {0};
    (void)state;
    words_put_stamp(&out, 1764316800.9);
    expect(&out, "2025-11-28 08:00:00");
    words_put_stamp(&out, 0);
    expect(&out, "–");
    words_put_stamp(&out, (double)NAN);
    expect(&out, "–");
    words_put_time(&out, 1e300);
    expect(&out, "–");
}

static void html_has_no_markup_of_a_sender(void **state)
{
    static const char hostile[] = "<script>\"'&\x01\xff\xc2\x85é";
    struct buffer out = {0};
    (void)state;
    words_put_html(&out, hostile, strlen(hostile));
    expect(&out, "&lt;script&gt;&quot;&#39;&amp;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdé");
}

static void html_has_no_character_that_xml_forbids(void **state)
{
    static const char forbidden[] = "\xef\xbf\xbe\xef\xbf\xbf";
    static const char beside[] = "\xef\xbf\xbd\xef\xbe\xbf\xf0\x9f\xbf\xbf";
    struct buffer out = {0};
    (void)state;
    words_put_html(&out, forbidden, strlen(forbidden));
    expect(&out, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    words_put_html(&out, beside, strlen(beside));
    expect(&out, beside);
}

static void markdown_has_no_markup_of_a_sender(void **state)
{
    static const char hostile[] = "a|b*c_d`e[f](g)<h>\n# i";
    struct buffer out = {0};
    (void)state;
    words_put_markdown(&out, hostile, strlen(hostile));
    expect(&out, "a\\|b\\*c\\_d\\`e\\[f\\](g)\\<h\\> \\# i");
}

static void a_code_span_holds_whatever_a_name_has(void **state)
{
    static const struct {
        const char *text, *span;
    } cases[] = {{"a.b_c", "`a.b_c`"},
                 {"a`b", "``a`b``"},
                 {"`", "`` ` ``"},
                 {"a|b", "`a\\|b`"},
                 {"a\nb", "`a\xef\xbf\xbd"
                          "b`"},
                 {"", "` `"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out = {0};
        words_put_code(&out, cases[i].text, strlen(cases[i].text));
        expect(&out, cases[i].span);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_have_three_digits_and_a_unit),
        cmocka_unit_test(spans_have_their_two_largest_parts),
        cmocka_unit_test(stamps_are_utc_and_what_is_none_is_a_dash),
        cmocka_unit_test(html_has_no_markup_of_a_sender),
        cmocka_unit_test(html_has_no_character_that_xml_forbids),
        cmocka_unit_test(markdown_has_no_markup_of_a_sender),
        cmocka_unit_test(a_code_span_holds_whatever_a_name_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
