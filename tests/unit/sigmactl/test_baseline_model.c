/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/random.h"
#include "tools/sigmactl/baseline_update.h"

static const struct baseline_key key = {CSV_TIMERS, "api", "k=v", "ms", "p99"};
static struct baseline_entry entry;

static int begin(void **state)
{
    (void)state;
    return baseline_entry_init(&entry, &key, BETTER_LOWER) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    baseline_entry_deinit(&entry);
    return 0;
}

static bool add(double time, double mean, double stddev)
{
    const struct baseline_run run = {time, {mean, stddev, 25, 50}};
    bool known;
    assert_true(baseline_entry_add(&entry, &run, &known));
    return !known;
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-9 * fabs(expected));
}

static void the_mean_is_plain_for_ten_runs_and_then_follows_by_a_tenth(void **state)
{
    double sum = 0;
    (void)state;
    for (int i = 1; i <= 10; i++) {
        add(i, i * i, 0);
        sum += i * i;
        assert_near(entry.mean, sum / i);
    }
    double before = entry.mean;
    add(11, 500, 0);
    assert_near(entry.mean, before + 0.1 * (500 - before));
    assert_int_equal(entry.runs, 11);
    assert_int_equal(entry.windows, 550);
    assert_true(entry.target == entry.mean);
}

/* Against the sums over the whole history with each run's weight. */
static void mean_and_variance_are_those_of_the_weighted_history(void **state)
{
    double values[40], weights[40] = {0};
    uint64_t seed = 23;
    (void)state;
    for (int i = 0; i < 40; i++) {
        double weight = i < 10 ? 1.0 / (i + 1) : 0.1;
        values[i] = (double)(random_next(&seed) % 1000);
        for (int j = 0; j < i; j++) {
            weights[j] *= 1 - weight;
        }
        weights[i] = weight;
        add(i, values[i], 0);
    }
    double mean = 0, variance = 0;
    for (int i = 0; i < 40; i++) {
        mean += weights[i] * values[i];
    }
    for (int i = 0; i < 40; i++) {
        variance += weights[i] * (values[i] - mean) * (values[i] - mean);
    }
    assert_near(entry.mean, mean);
    assert_near(entry.variance, variance);
}

static void a_run_is_taken_in_once(void **state)
{
    (void)state;
    assert_true(add(100, 5, 0));
    assert_false(add(100, 7, 0));
    assert_true(add(200, 7, 0));
    assert_int_equal(entry.runs, 2);
    assert_near(entry.mean, 6);
}

static void the_history_keeps_the_latest_runs(void **state)
{
    (void)state;
    for (int i = 0; i < BASELINE_HISTORY_MAX + 20; i++) {
        add(i, i, 0);
    }
    assert_int_equal(entry.history_count, BASELINE_HISTORY_MAX);
    assert_true(entry.history[0].time == 20);
    assert_true(entry.history[BASELINE_HISTORY_MAX - 1].time == BASELINE_HISTORY_MAX + 19);
    baseline_entry_reset(&entry);
    assert_int_equal(entry.history_count, 0);
    add(1000, 3, 0);
    assert_true(entry.target == 3 && entry.runs == 1);
}

static void limits_lie_on_the_worse_side(void **state)
{
    (void)state;
    add(1, -200, 0);
    baseline_entry_limit(&entry, 0.05);
    assert_near(entry.warning, -190);
    assert_near(entry.critical, -180);
    entry.better = BETTER_HIGHER;
    baseline_entry_limit(&entry, 0.05);
    assert_near(entry.warning, -210);
    entry.better = BETTER_UNKNOWN;
    baseline_entry_limit(&entry, 0.05);
    assert_true(isnan(entry.warning) && isnan(entry.critical));
}

/* Four are each run's own variance of its mean; one is the square of 1 % of the target of 100. */
static void noise_is_the_runs_own_and_their_weights_and_their_spread(void **state)
{
    const struct centre run = {100, 10, 25, 50};
    (void)state;
    assert_near(baseline_entry_noise(&entry, &run).variance, 4);
    add(1, 100, 10);
    assert_near(baseline_entry_noise(&entry, &run).variance, 4 + 4 + 1 * 2);
    add(2, 100, 10);
    assert_near(baseline_entry_noise(&entry, &run).variance, 4 + 4. / 2 + 1 * 3. / 2);
    add(3, 130, 10); /* half the mean square of steps of 0 and 30 is 225 */
    double usual = entry.target * entry.target / 1e4;
    double spread = (4. / 3 * 221 + 4 * usual) / (4. / 3 + 4);
    assert_near(baseline_entry_noise(&entry, &run).variance, 4 + 4. / 3 + spread * 4. / 3);
    entry.pinned = true;
    assert_near(baseline_entry_noise(&entry, &run).variance, 4 + spread);
}

static void what_has_never_varied_has_no_noise(void **state)
{
    const struct centre run = {100, 0, 25, 50};
    (void)state;
    for (int i = 0; i < 5; i++) {
        add(i, 100, 0);
        assert_true(baseline_entry_noise(&entry, &run).variance == 0);
    }
    add(5, 101, 0);
    assert_true(baseline_entry_noise(&entry, &run).variance > 0);
}

static void wishes_turn_directions_and_set_thresholds_but_for_a_persons_own(void **state)
{
    struct baseline_file file;
    const struct baseline_wishes wishes = {"other=higher,a*=higher,api=lower", 0.2};
    (void)state;
    baseline_file_init(&file);
    for (int i = 0; i < 2; i++) {
        struct baseline_entry *made = baseline_file_append(&file);
        assert_true(baseline_entry_init(made, &key, i ? BETTER_HIGHER : BETTER_LOWER));
        made->target = 100;
        made->pinned = i;
        baseline_entry_limit(made, 0.05);
    }
    baseline_wishes_apply(&wishes, &file);
    assert_int_equal(file.entries[0].better, BETTER_HIGHER);
    assert_near(file.entries[0].warning, 80);
    assert_near(file.entries[1].warning, 95);
    assert_true(file.threshold == 0.2);
    baseline_file_deinit(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_mean_is_plain_for_ten_runs_and_then_follows_by_a_tenth),
        TEST(mean_and_variance_are_those_of_the_weighted_history),
        TEST(a_run_is_taken_in_once),
        TEST(the_history_keeps_the_latest_runs),
        TEST(limits_lie_on_the_worse_side),
        TEST(noise_is_the_runs_own_and_their_weights_and_their_spread),
        TEST(what_has_never_varied_has_no_noise),
        TEST(wishes_turn_directions_and_set_thresholds_but_for_a_persons_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
