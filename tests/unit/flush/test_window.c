/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/clock.h"
#include "server/flush/window.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define DAY (86400 * S)
#define MIDNIGHT (20000 * DAY)

struct hands {
    struct clock_fake fake;
    struct clock clock;
    struct window window;
};

static struct hands begin(uint64_t interval_ns, bool align, int64_t wall_ns)
{
    struct hands hands = {.fake = {.monotonic_ns = 5 * (uint64_t)S + 77, .wall_ns = wall_ns}};
    window_begin(&hands.window, interval_ns, align, hands.fake.monotonic_ns, hands.fake.wall_ns);
    return hands;
}

static void pass(struct hands *hands, int64_t ns)
{
    hands->fake.monotonic_ns += (uint64_t)ns;
    hands->fake.wall_ns += ns;
}

static bool is_due(struct hands *hands)
{
    hands->clock = clock_fake_view(&hands->fake);
    return window_is_due(&hands->window, clock_monotonic_ns(&hands->clock),
                         clock_wall_ns(&hands->clock));
}

static struct window_closed close_now(struct hands *hands)
{
    return window_close(&hands->window, hands->fake.monotonic_ns, hands->fake.wall_ns);
}

/* Lets time pass until the window is due, and closes it. */
static struct window_closed close_due(struct hands *hands)
{
    assert_false(is_due(hands));
    pass(hands, (int64_t)(hands->window.ends_ns - hands->fake.monotonic_ns) - 1);
    assert_false(is_due(hands));
    pass(hands, 1);
    assert_true(is_due(hands));
    return close_now(hands);
}

static void check_seconds(const struct hands *hands, int64_t from_s, int64_t until_s)
{
    struct window_seconds seconds = window_seconds(&hands->window);
    assert_int_equal(seconds.from_s, from_s);
    assert_int_equal(seconds.until_s, until_s);
}

static void a_window_takes_the_stamps_of_its_seconds_and_one_ahead(void **state)
{
    (void)state;
    int64_t midnight_s = MIDNIGHT / S;
    struct hands hands = begin(10 * S, true, MIDNIGHT + 3 * S + 250 * MS);
    check_seconds(&hands, midnight_s + 3, midnight_s + 11);
    close_due(&hands);
    check_seconds(&hands, midnight_s + 10, midnight_s + 21);
    pass(&hands, 4 * S + 600 * MS);
    close_now(&hands);
    check_seconds(&hands, midnight_s + 14, midnight_s + 21);
    struct hands half = begin(500 * MS, true, MIDNIGHT + 600 * MS);
    check_seconds(&half, midnight_s, midnight_s + 2);
    struct hands loose = begin(10 * S, false, MIDNIGHT + 500 * MS);
    check_seconds(&loose, midnight_s, midnight_s + 12);
}

/* The wall clock shows a little less than the boundary when the monotonic one has reached it. */
static void a_window_opened_early_begins_at_its_boundary(void **state)
{
    (void)state;
    struct hands hands = begin(10 * S, true, MIDNIGHT + 3 * S);
    hands.fake.monotonic_ns = hands.window.ends_ns;
    hands.fake.wall_ns = MIDNIGHT + 10 * S - MS;
    close_now(&hands);
    check_seconds(&hands, MIDNIGHT / S + 10, MIDNIGHT / S + 21);
}

static void aligned_windows_end_on_multiples_of_the_interval(void **state)
{
    (void)state;
    static const int64_t intervals[] = {50 * MS, 100 * MS, 1 * S, 7 * S, 10 * S, 60 * S, DAY};
    for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
        int64_t interval = intervals[i];
        struct hands hands = begin((uint64_t)interval, true, MIDNIGHT + interval / 3 + 12345);
        struct window_closed first = close_due(&hands);
        assert_int_equal(first.stamp_ns % interval, 0);
        assert_true(first.length_ns < (uint64_t)interval);
        for (int64_t n = 1; n < 5; n++) {
            struct window_closed closed = close_due(&hands);
            assert_int_equal(closed.stamp_ns, first.stamp_ns + n * interval);
            assert_int_equal(closed.length_ns, interval);
            assert_int_equal(closed.lag_ns, 0);
            assert_false(closed.stepped);
        }
    }
}

static void unaligned_windows_begin_when_the_server_does(void **state)
{
    (void)state;
    struct hands hands = begin(10 * S, false, MIDNIGHT + 3 * S + 456789);
    for (int64_t n = 1; n < 4; n++) {
        struct window_closed closed = close_due(&hands);
        assert_int_equal(closed.length_ns, 10 * S);
        assert_int_equal(closed.stamp_ns, MIDNIGHT + (3 + 10 * n) * S);
    }
}

static void a_late_close_keeps_its_boundary_and_the_next_one(void **state)
{
    (void)state;
    struct hands hands = begin(10 * S, true, MIDNIGHT + 4 * S);
    pass(&hands, 6 * S + 300 * MS);
    struct window_closed closed = close_now(&hands);
    assert_int_equal(closed.stamp_ns, MIDNIGHT + 10 * S);
    assert_int_equal(closed.length_ns, 6 * S + 300 * MS);
    assert_int_equal(closed.lag_ns, 300 * MS);
    closed = close_due(&hands);
    assert_int_equal(closed.stamp_ns, MIDNIGHT + 20 * S);
    assert_int_equal(closed.length_ns, 10 * S - 300 * MS);
}

static void a_close_later_than_an_interval_carries_the_latest_boundary(void **state)
{
    (void)state;
    struct hands hands = begin(50 * MS, true, MIDNIGHT + 1 * MS);
    pass(&hands, 230 * MS);
    struct window_closed closed = close_now(&hands);
    assert_int_equal(closed.stamp_ns, MIDNIGHT + 200 * MS);
    assert_int_equal(close_due(&hands).stamp_ns, MIDNIGHT + 250 * MS);
}

static void an_early_close_is_stamped_with_its_moment(void **state)
{
    (void)state;
    struct hands hands = begin(10 * S, true, MIDNIGHT);
    pass(&hands, 3 * S + 1234567);
    struct window_closed closed = close_now(&hands);
    assert_int_equal(closed.stamp_ns, MIDNIGHT + 3 * S + 1 * MS);
    assert_int_equal(closed.length_ns, 3 * S + 1234567);
    closed = close_due(&hands);
    assert_int_equal(closed.stamp_ns, MIDNIGHT + 10 * S);
    assert_int_equal(closed.length_ns, 7 * S - 1234567);
}

static void closes_within_a_millisecond_have_stamps_that_increase(void **state)
{
    (void)state;
    struct hands hands = begin(1 * S, true, MIDNIGHT + 995 * MS);
    int64_t before = 0;
    for (int i = 0; i < 100; i++) {
        struct window_closed closed = close_now(&hands);
        assert_true(closed.stamp_ns > before);
        assert_false(closed.stepped);
        before = closed.stamp_ns;
        pass(&hands, 100);
    }
    /* The stamps have run past the boundary: the next one ends the window. */
    assert_int_equal(close_due(&hands).stamp_ns, MIDNIGHT + 2 * S);
}

static void stamps_increase_through_small_steps_of_the_wall_clock(void **state)
{
    (void)state;
    static const int64_t steps[] = {-5 * S, 5 * S, -4999 * MS, 1, -1, -300 * MS, 4 * S, -2 * S};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct hands hands = begin(10 * S, true, MIDNIGHT + 2 * S);
        int64_t before = close_due(&hands).stamp_ns;
        for (int round = 0; round < 6; round++) {
            pass(&hands, 1 * S);
            hands.fake.wall_ns += round % 2 ? -steps[i] : steps[i];
            assert_false(
                window_is_stepped(&hands.window, hands.fake.monotonic_ns, hands.fake.wall_ns));
            struct window_closed closed = round % 3 == 2 ? close_now(&hands) : close_due(&hands);
            assert_false(closed.stepped);
            assert_true(closed.stamp_ns > before);
            assert_true(closed.length_ns <= 20 * (uint64_t)S);
            before = closed.stamp_ns;
        }
    }
}

static void a_step_over_half_an_interval_ends_the_window(void **state)
{
    (void)state;
    static const int64_t steps[] = {5 * S + 1, -5 * S - 1, 3600 * S, -3600 * S, -10 * DAY};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct hands hands = begin(10 * S, true, MIDNIGHT);
        close_due(&hands);
        pass(&hands, 4 * S);
        assert_false(is_due(&hands));
        hands.fake.wall_ns += steps[i];
        assert_true(is_due(&hands));
        int64_t now = hands.fake.wall_ns;
        struct window_closed closed = close_now(&hands);
        assert_true(closed.stepped);
        assert_int_equal(closed.length_ns, 4 * S);
        assert_true(closed.stamp_ns <= now && closed.stamp_ns > now - MS);
        closed = close_due(&hands);
        assert_false(closed.stepped);
        assert_int_equal(closed.stamp_ns % (10 * S), 0);
        assert_true(closed.stamp_ns > now && closed.stamp_ns <= now + 10 * S);
    }
}

static void a_day_and_fifty_milliseconds_follow_the_same_rules(void **state)
{
    (void)state;
    struct hands day = begin((uint64_t)DAY, true, MIDNIGHT + 9 * 3600 * S);
    pass(&day, 3600 * S);
    day.fake.wall_ns += 11 * 3600 * S;
    assert_false(is_due(&day));
    assert_int_equal(close_due(&day).stamp_ns, MIDNIGHT + DAY);
    struct hands brief = begin(50 * (uint64_t)MS, true, MIDNIGHT);
    brief.fake.wall_ns += 25 * MS;
    assert_false(is_due(&brief));
    brief.fake.wall_ns += 1;
    assert_true(is_due(&brief));
}

static void times_before_the_epoch_are_times_too(void **state)
{
    (void)state;
    struct hands hands = begin(10 * S, true, -25 * S);
    assert_int_equal(close_due(&hands).stamp_ns, -20 * S);
    assert_int_equal(close_due(&hands).stamp_ns, -10 * S);
    assert_int_equal(close_due(&hands).stamp_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_takes_the_stamps_of_its_seconds_and_one_ahead),
        cmocka_unit_test(a_window_opened_early_begins_at_its_boundary),
        cmocka_unit_test(aligned_windows_end_on_multiples_of_the_interval),
        cmocka_unit_test(unaligned_windows_begin_when_the_server_does),
        cmocka_unit_test(a_late_close_keeps_its_boundary_and_the_next_one),
        cmocka_unit_test(a_close_later_than_an_interval_carries_the_latest_boundary),
        cmocka_unit_test(an_early_close_is_stamped_with_its_moment),
        cmocka_unit_test(closes_within_a_millisecond_have_stamps_that_increase),
        cmocka_unit_test(stamps_increase_through_small_steps_of_the_wall_clock),
        cmocka_unit_test(a_step_over_half_an_interval_ends_the_window),
        cmocka_unit_test(a_day_and_fifty_milliseconds_follow_the_same_rules),
        cmocka_unit_test(times_before_the_epoch_are_times_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
