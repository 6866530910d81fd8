/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sigmactl/flame.h"

static const struct flame cpu = {"a <title>", 10000};

/* The picture as a string. */
static struct buffer picture_of(const struct flame *flame, const struct call *root)
{
    struct buffer out = {0};
    flame_write_svg(flame, root, &out);
    buffer_append(&out, "", 1);
    assert_false(out.failed);
    return out;
}

static size_t count_of(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, wanted)); at++) {
        count++;
    }
    return count;
}

static void names_are_escaped(void **state)
{
    struct call leaf = {.name = "operator<<&\"x\"</title><script>", .weight = 5};
    struct call end = {.name = "]]>\x01\xff", .weight = 2};
    struct call root = {.name = "all", .weight = 7, .first = &leaf};
    (void)state;
    leaf.next = &end;
    struct buffer out = picture_of(&cpu, &root);
    assert_non_null(
        strstr(out.bytes, "operator&lt;&lt;&amp;&quot;x&quot;&lt;/title&gt;&lt;script&gt; (5"));
    assert_non_null(strstr(out.bytes, "<title>]]&gt;\xef\xbf\xbd\xef\xbf\xbd (2"));
    assert_non_null(strstr(out.bytes, "<title>a &lt;title&gt;</title>"));
    assert_non_null(strstr(out.bytes, "7 samples, 0.07 s, 100.0 %"));
    buffer_deinit(&out);
}

static void style_and_script_end_where_they_should(void **state)
{
    const struct call root = {.name = "all", .weight = 7};
    (void)state;
    struct buffer out = picture_of(&cpu, &root);
    assert_int_equal(count_of(out.bytes, "<script>"), 1);
    assert_int_equal(count_of(out.bytes, "]]></script>\n</svg>\n"), 1);
    assert_int_equal(count_of(out.bytes, "]]></style>"), 1);
    assert_int_equal(count_of(out.bytes, "]]>"), 2);
    assert_int_equal(count_of(out.bytes, "<![CDATA["), 2);
    assert_null(strstr(out.bytes, "href"));
    assert_null(strstr(out.bytes, "url("));
    buffer_deinit(&out);
}

static void calls_too_narrow_are_hidden_and_counted(void **state)
{
    struct call below = {.name = "below", .weight = 1};
    struct call narrow = {.name = "narrow", .weight = 1, .first = &below};
    struct call wide = {.name = "wide", .weight = 999999, .next = NULL};
    struct call root = {.name = "all", .weight = 1000000, .first = &narrow};
    const struct flame heap = {.title = "heap"};
    (void)state;
    narrow.next = &wide;
    struct buffer out = picture_of(&heap, &root);
    assert_int_equal(count_of(out.bytes, "<g class=\"call narrow\""), 2);
    assert_non_null(strstr(out.bytes, "<g class=\"call narrow\" data-depth=\"2\" data-weight=\"1\">"
                                      "<title>below (0.0 KiB, 0.0 %)"));
    assert_non_null(strstr(out.bytes, ">2 calls are too narrow to draw here<"));
    narrow.first = NULL;
    buffer_deinit(&out);
    out = picture_of(&heap, &root);
    assert_non_null(strstr(out.bytes, ">1 call is too narrow to draw here<"));
    buffer_deinit(&out);
}

static void a_profile_without_samples_has_a_picture(void **state)
{
    const struct call root = {.name = "all"};
    (void)state;
    struct buffer out = picture_of(&cpu, &root);
    assert_non_null(strstr(out.bytes, "0 samples, 0.00 s, 0.0 %"));
    assert_int_equal(count_of(out.bytes, "too narrow"), 1); /* the script's */
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(style_and_script_end_where_they_should),
        cmocka_unit_test(calls_too_narrow_are_hidden_and_counted),
        cmocka_unit_test(a_profile_without_samples_has_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
