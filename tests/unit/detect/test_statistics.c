/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "server/detect/statistics.h"
#include "tests/unit/random.h"

#define COUNT_MAX 5000

static double values[COUNT_MAX], sorted[COUNT_MAX];

static void assert_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

/* The values of a table of the t distribution, to the digits it has. */
static void students_tail_is_that_of_the_tables(void **state)
{
    static const struct {
        double freedom, t, tail;
    } table[] = {
        {1, 6.313752, 0.05},  {1, 63.65674, 0.005},  {2, 2.919986, 0.05},   {5, 2.570582, 0.025},
        {10, 2.763769, 0.01}, {30, 2.749996, 0.005}, {120, 1.657651, 0.05},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_near(statistics_student_above(table[i].t, table[i].freedom), table[i].tail, 1e-6);
        assert_near(statistics_student_above(-table[i].t, table[i].freedom), 1 - table[i].tail,
                    1e-6);
    }
    assert_near(statistics_student_above(1.959963985, (double)INFINITY), 0.025, 1e-8);
    assert_near(statistics_student_above(1.959963985, 999999), 0.025, 1e-5);
    assert_near(statistics_student_above(0, 3), 0.5, 1e-12);
}

/* One and two degrees of freedom have closed forms, far into the tail. */
static void students_tail_is_exact_where_there_is_a_formula(void **state)
{
    (void)state;
    for (double t = 0.01; t < 1e6; t *= 3) {
        assert_near(statistics_student_above(t, 1), atan(1 / t) / M_PI, 1e-10);
        double root = sqrt(2 + t * t);
        assert_near(statistics_student_above(t, 2), 1 / (root * (root + t)), 1e-10);
    }
    assert_true(statistics_student_above(1e200, 5) >= 0);
    assert_true(statistics_student_above((double)INFINITY, 5) == 0);
}

static void a_centre_leaves_a_fifth_at_either_end_out(void **state)
{
    static const double sample[] = {1, 1000, 5, 4, 6, -1000, 3, 7, 2, 8};
    (void)state;
    struct centre centre = statistics_centre(sample, 10, sorted);
    /* Kept are 2 3 4 5 6 7; winsorized 2 2 2 3 4 5 6 7 7 7. */
    assert_near(centre.mean, 4.5, 1e-12);
    assert_near(centre.stddev, sqrt(42.5 / 5), 1e-12);
    assert_int_equal(centre.count, 10);
    assert_true(centre.effective <= 6);
}

static void constant_values_have_no_deviation(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        values[i] = 0.1;
    }
    struct centre centre = statistics_centre(values, 20, sorted);
    assert_true(centre.mean == 0.1 && centre.stddev == 0);
    assert_true(statistics_error(&centre).variance == 0);
    centre = statistics_centre(values, 1, sorted);
    assert_true(centre.mean == 0.1 && centre.stddev == 0 && centre.effective == 1);
}

/* Where trimming would leave only equal values, the others still count as noise. */
static void mostly_equal_values_keep_the_deviation_of_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        values[i] = i % 10 == 0 ? 5 : 1;
    }
    struct centre centre = statistics_centre(values, 20, sorted);
    assert_true(centre.mean == 1);
    assert_near(centre.stddev, sqrt((2 * 3.6 * 3.6 + 18 * 0.4 * 0.4) / 19), 1e-12);
}

/* A first-order process with r is worth (1 - r) / (1 + r) of its size. */
static void values_that_follow_each_other_count_for_less(void **state)
{
    static const double correlations[] = {0, 0.3, 0.6, 0.9};
    uint64_t seed = 3;
    (void)state;
    for (size_t c = 0; c < 4; c++) {
        double r = correlations[c], before = 0;
        for (size_t i = 0; i < COUNT_MAX; i++) {
            double noise = 0;
            for (int j = 0; j < 12; j++) {
                noise += (double)(random_next(&seed) >> 11) / 9007199254740992.0 - 0.5;
            }
            values[i] = before = r * before + noise;
        }
        struct centre centre = statistics_centre(values, COUNT_MAX, sorted);
        double worth = centre.effective / (0.6 * COUNT_MAX);
        assert_true(fabs(worth - (1 - r) / (1 + r)) < 0.06);
    }
}

static void a_difference_without_noise_is_no_chance(void **state)
{
    const struct deviation none = {0, 1};
    const struct deviation some = {4, (double)INFINITY};
    (void)state;
    assert_true(statistics_chance(1e-9, none) == 0);
    assert_true(statistics_chance(0, none) == 1);
    assert_true(statistics_chance(-1, none) == 1);
    assert_near(statistics_chance(2 * 1.959963985, some), 0.025, 1e-8);
}

static void deviations_add_as_welch_and_satterthwaite_say(void **state)
{
    (void)state;
    struct deviation sum = statistics_add((struct deviation){3, 4}, (struct deviation){1, 9});
    assert_near(sum.variance, 4, 1e-12);
    assert_near(sum.freedom, 16 / (9. / 4 + 1. / 9), 1e-12);
    sum = statistics_add((struct deviation){0, 1}, (struct deviation){2, 7});
    assert_near(sum.freedom, 7, 1e-12);
    sum = statistics_add((struct deviation){0, 1}, (struct deviation){0, 1});
    assert_true(sum.variance == 0 && isinf(sum.freedom));
    assert_near(statistics_scale((struct deviation){2, 7}, 3).variance, 6, 1e-12);
}

/* The example of Benjamini and Hochberg's own paper, section 3.2: four of fifteen at 5 %. */
static void many_tests_are_adjusted_as_benjamini_and_hochberg_do(void **state)
{
    double p[] = {.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344,
                  .0459, .3240, .4262, .5719, .6528, .7590, 1.000};
    size_t rejected = 0;
    (void)state;
    statistics_adjust(p, 15);
    for (size_t i = 0; i < 15; i++) {
        rejected += p[i] <= 0.05;
        assert_true(i == 0 || p[i] >= p[i - 1]);
    }
    assert_int_equal(rejected, 4);
    assert_near(p[0], .0015, 1e-12);
    assert_near(p[3], .0095 * 15 / 4, 1e-12);
    statistics_adjust(p, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(students_tail_is_that_of_the_tables),
        cmocka_unit_test(students_tail_is_exact_where_there_is_a_formula),
        cmocka_unit_test(a_centre_leaves_a_fifth_at_either_end_out),
        cmocka_unit_test(constant_values_have_no_deviation),
        cmocka_unit_test(mostly_equal_values_keep_the_deviation_of_the_rest),
        cmocka_unit_test(values_that_follow_each_other_count_for_less),
        cmocka_unit_test(a_difference_without_noise_is_no_chance),
        cmocka_unit_test(deviations_add_as_welch_and_satterthwaite_say),
        cmocka_unit_test(many_tests_are_adjusted_as_benjamini_and_hochberg_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
