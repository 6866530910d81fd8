/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/report/plot.h"

#define FROM 1764316800.0

static const double stamps[] = {FROM + 10, FROM + 20, FROM + 30, FROM + 40, FROM + 50, FROM + 60};

#define COUNT (sizeof(stamps) / sizeof(stamps[0]))

static struct plot plot_of(const double *values)
{
    return (struct plot){.title = "p99 of <b>",
                         .unit = UNIT_MS,
                         .from = FROM,
                         .to = FROM + 60,
                         .stamps = stamps,
                         .count = COUNT,
                         .lines = {{NULL, values}},
                         .line_count = 1};
}

static char *drawn(struct buffer *out, const struct plot *plot)
{
    plot_put(out, plot);
    buffer_append(out, "", 1);
    assert_false(out->failed);
    return out->bytes;
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

static void axes_have_round_ticks_in_their_unit(void **state)
{
    static const double values[COUNT] = {100, 130, 120, 110, 140, 190};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    (void)state;
    const char *svg = drawn(&out, &plot);
    assert_non_null(strstr(svg, ">0 ms<"));
    assert_non_null(strstr(svg, ">50 ms<"));
    assert_non_null(strstr(svg, ">200 ms<"));
    assert_null(strstr(svg, ">250 ms<"));
    assert_non_null(strstr(svg, ">08:00:15<"));
    assert_non_null(strstr(svg, ">08:00:30<"));
    buffer_deinit(&out);
}

static void bytes_have_ticks_round_in_binary_units(void **state)
{
    static const double values[COUNT] = {0, 1 << 20, 3 << 20, 7 << 20, 5 << 20, 4 << 20};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    (void)state;
    plot.unit = UNIT_BYTES;
    const char *svg = drawn(&out, &plot);
    assert_non_null(strstr(svg, ">2 MiB<"));
    assert_non_null(strstr(svg, ">8 MiB<"));
    buffer_deinit(&out);
}

static void a_missing_value_is_a_gap_and_a_lonely_one_a_dot(void **state)
{
    const double values[COUNT] = {1, 2, (double)NAN, 2, (double)NAN, 3};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    (void)state;
    const char *line = strstr(drawn(&out, &plot), "class=\"line c1\"");
    assert_non_null(line);
    char path[512];
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(line, "/"), line);
    assert_int_equal(times(path, "M"), 3);
    assert_int_equal(times(path, "h0"), 3);
    assert_int_equal(times(path, "L"), 1);
    assert_null(strstr(out.bytes, "nan"));
    buffer_deinit(&out);
}

static void a_plot_without_values_says_so(void **state)
{
    const double values[COUNT] = {(double)NAN, (double)NAN, (double)NAN,
                                  (double)NAN, (double)NAN, (double)INFINITY};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    (void)state;
    assert_non_null(strstr(drawn(&out, &plot), "no values"));
    buffer_deinit(&out);
}

static void constants_zeros_and_extremes_are_drawn(void **state)
{
    static const double levels[] = {0, 5, -3, 1e-12, 1e300, -1e300};
    (void)state;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        for (int fits = 0; fits < 2; fits++) {
            double values[COUNT];
            struct buffer out = {0};
            for (size_t v = 0; v < COUNT; v++) {
                values[v] = levels[i];
            }
            struct plot plot = plot_of(values);
            plot.fits = fits;
            const char *svg = drawn(&out, &plot);
            assert_null(strstr(svg, "nan"));
            assert_null(strstr(svg, "inf"));
            assert_in_range(times(svg, "class=\"grid\""), 2, 8);
            buffer_deinit(&out);
        }
    }
}

static void texts_are_escaped(void **state)
{
    static const double values[COUNT] = {1, 1, 1, 1, 1, 1};
    static const struct plot_mark mark = {FROM + 30, SEVERITY_CRITICAL, "a<b & c"};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    (void)state;
    plot.marks = &mark;
    plot.mark_count = 1;
    const char *svg = drawn(&out, &plot);
    assert_non_null(strstr(svg, "p99 of &lt;b&gt;"));
    assert_non_null(strstr(svg, "<title>a&lt;b &amp; c</title>"));
    assert_non_null(strstr(svg, "class=\"mark critical\""));
    buffer_deinit(&out);
}

static void names_of_a_legend_have_room(void **state)
{
    static const double values[COUNT] = {1, 1, 1, 1, 1, 1};
    static const char *const names[] = {"dropped datagrams", "refused", "late samples"};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    double before = 0, needed = 0;
    (void)state;
    plot.line_count = 3;
    for (size_t i = 0; i < 3; i++) {
        plot.lines[i] = (struct plot_line){names[i], values};
    }
    const char *at = drawn(&out, &plot);
    for (size_t i = 0; i < 3; i++) {
        double x;
        char path[32];
        snprintf(path, sizeof(path), "<path class=\"line c%zu\" d=\"M", i + 1);
        at = strstr(at, path);
        assert_non_null(at);
        assert_int_equal(sscanf(at + strlen(path), "%lf", &x), 1);
        assert_true(x >= before + needed);
        before = x;
        needed = 19 + 9 * (double)strlen(names[i]);
    }
    assert_true(before + needed <= 560);
    buffer_deinit(&out);
}

static void a_file_of_its_own_has_its_style(void **state)
{
    static const double values[COUNT] = {1, 2, 3, 4, 5, 6};
    struct buffer out = {0};
    struct plot plot = plot_of(values);
    (void)state;
    plot_put_document(&out, &plot);
    buffer_append(&out, "", 1);
    assert_non_null(strstr(out.bytes, "xmlns=\"http://www.w3.org/2000/svg\""));
    assert_non_null(strstr(out.bytes, "prefers-color-scheme:dark"));
    buffer_deinit(&out);
}

static void a_sparkline_has_gaps_too(void **state)
{
    const double values[] = {1, (double)NAN, 3};
    struct buffer out = {0};
    (void)state;
    plot_put_sparkline(&out, values, 3, false);
    plot_put_sparkline(&out, values, 0, true);
    plot_put_sparkline(&out, values, 1, true);
    buffer_append(&out, "", 1);
    assert_int_equal(times(out.bytes, "<svg"), 3);
    assert_int_equal(times(out.bytes, "h0"), 3);
    assert_null(strstr(out.bytes, "nan"));
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes_have_round_ticks_in_their_unit),
        cmocka_unit_test(bytes_have_ticks_round_in_binary_units),
        cmocka_unit_test(a_missing_value_is_a_gap_and_a_lonely_one_a_dot),
        cmocka_unit_test(a_plot_without_values_says_so),
        cmocka_unit_test(constants_zeros_and_extremes_are_drawn),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(names_of_a_legend_have_room),
        cmocka_unit_test(a_file_of_its_own_has_its_style),
        cmocka_unit_test(a_sparkline_has_gaps_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
