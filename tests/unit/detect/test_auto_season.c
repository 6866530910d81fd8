/* SPDX-License-Identifier: MIT
 *
 * Half hours of the day: which one a time is in, what it expects, and what being out of season is
 * worth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "server/detect/auto_season.h"
#include "tests/unit/random.h"

#define HALF_HOUR_S 1800
#define BIN_WINDOWS 180
#define DAY_WINDOWS (AUTO_SEASON_BINS * BIN_WINDOWS)

static void times_fall_into_their_half_hours(void **context)
{
    (void)context;
    double midnight = 20000 * 86400.0;
    for (unsigned bin = 0; bin < AUTO_SEASON_BINS; bin++) {
        double start = midnight + bin * (double)HALF_HOUR_S;
        assert_int_equal(auto_season_bin(start), bin);
        assert_int_equal(auto_season_bin(start + HALF_HOUR_S - 0.001), bin);
        assert_int_equal(auto_season_bin(bin * (double)HALF_HOUR_S - 86400 * 3), bin);
    }
    static const double none[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e300, -1e300};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(auto_season_bin(none[i]), 0);
    }
}

static float of_bin(unsigned bin)
{
    return bin < AUTO_SEASON_BINS / 2 ? 10 : 20;
}

/* Days of 10 at night and 20 by day, with noise of a tenth or so. */
static void feed_days(struct auto_season *season, unsigned days)
{
    uint64_t seed = 3;
    for (uint32_t age = 0; age < days * DAY_WINDOWS; age++) {
        unsigned bin = age % DAY_WINDOWS / BIN_WINDOWS;
        float noise = (float)(random_next(&seed) % 201) / 1000 - 0.1f;
        auto_season_observe(season, bin, of_bin(bin) + noise, age);
    }
}

static void nothing_is_expected_of_an_unknown_half_hour(void **context)
{
    (void)context;
    struct auto_season season = {0};
    auto_season_observe(&season, 3, 5, 0);
    assert_true(auto_season_expect(&season, 3).known);
    assert_false(auto_season_expect(&season, 4).known);
}

static void each_half_hour_expects_its_own(void **context)
{
    (void)context;
    struct auto_season season = {0};
    feed_days(&season, 4);
    for (unsigned bin = 0; bin < AUTO_SEASON_BINS; bin++) {
        struct auto_expected expected = auto_season_expect(&season, bin);
        assert_true(expected.known);
        assert_true(fabsf(expected.usual - of_bin(bin)) < 0.2f);
        assert_true(expected.above > 0.05f && expected.above < 1);
        assert_true(expected.below > 0.05f && expected.below < 1);
    }
}

static void the_value_of_the_day_at_night_is_out_of_season(void **context)
{
    (void)context;
    struct auto_season season = {0};
    feed_days(&season, 4);
    struct auto_season_worth worth =
        auto_season_observe(&season, 0, of_bin(AUTO_SEASON_BINS - 1), 4 * DAY_WINDOWS);
    assert_true(worth.size > 3 && worth.range > 0);
    struct auto_expected expected = auto_season_expect(&season, 0);
    assert_true(fabsf(expected.usual - of_bin(0)) < 0.3f); /* and teaches little */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_fall_into_their_half_hours),
        cmocka_unit_test(nothing_is_expected_of_an_unknown_half_hour),
        cmocka_unit_test(each_half_hour_expects_its_own),
        cmocka_unit_test(the_value_of_the_day_at_night_is_out_of_season),
    };
    return cmocka_run_group_tests_name("auto_season", tests, NULL, NULL);
}
