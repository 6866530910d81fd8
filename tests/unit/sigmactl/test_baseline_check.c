/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sigmactl/noise.h"
#include "tools/sigmactl/baseline_check.h"

#define WINDOWS 60

static struct csv_series_list list;
static struct baseline_measures measures;
static struct baseline_file file;
static struct baseline_check check;

static void forget_run(void)
{
    baseline_check_deinit(&check);
    baseline_measures_deinit(&measures);
    csv_series_deinit(&list);
}

static int forget(void **state)
{
    (void)state;
    forget_run();
    baseline_file_deinit(&file);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    baseline_file_init(&file);
    return csv_series_init(&list) ? 0 : -1;
}

/* Adds a series of one statistic to the run whose first window ends at `time`. */
static void add_series(enum csv_kind kind, const char *metric, const char *statistic, double time,
                       const double *values, size_t count)
{
    const struct csv_series_name name = {kind, metric, "", kind == CSV_TIMERS ? "ms" : ""};
    for (size_t i = 0; i < count; i++) {
        const char *const names[] = {statistic};
        assert_true(csv_series_add(&list, &name, time + (double)i, names, &values[i], 1));
    }
}

static void measure(void)
{
    const struct baseline_rules rules = {0};
    baseline_measures_deinit(&measures);
    assert_true(baseline_measures_init(&measures, &list, &rules));
}

/* What `update` does, with latencies better when lower and rates when higher. */
static void learn(void)
{
    measure();
    for (size_t i = 0; i < measures.count; i++) {
        const struct baseline_measure *item = &measures.items[i];
        struct baseline_entry *entry = baseline_file_find(&file, &item->key);
        bool known;
        if (!entry) {
            entry = baseline_file_append(&file);
            assert_true(baseline_entry_init(entry, &item->key,
                                            item->key.kind == CSV_TIMERS     ? BETTER_LOWER
                                            : item->key.kind == CSV_COUNTERS ? BETTER_HIGHER
                                                                             : BETTER_UNKNOWN));
        }
        assert_true(baseline_entry_add(entry, &item->run, &known));
        baseline_entry_limit(entry, file.threshold);
    }
    baseline_file_sort(&file);
    forget_run();
    assert_true(csv_series_init(&list));
}

static void hold_against(void)
{
    const struct baseline_rules run = {0};
    const struct baseline_check_rules rules = {NULL, &run, BASELINE_LEVEL};
    measure();
    baseline_check_deinit(&check);
    assert_true(baseline_check_init(&check, &file, &measures, &rules));
}

static size_t worse(void)
{
    return check.states[BASELINE_WORSE] + check.states[BASELINE_CRITICAL_WORSE];
}

/* A run of latencies at `level`. */
static void add_noise(enum noise_model model, size_t series, double level, double time,
                      uint64_t *seed)
{
    double values[WINDOWS];
    char name[32];
    for (size_t i = 0; i < series; i++) {
        snprintf(name, sizeof(name), "api.%zu", i);
        noise_fill(model, level, values, WINDOWS, seed);
        add_series(CSV_TIMERS, name, i % 2 ? "mean" : "p99", time, values, WINDOWS);
    }
}

/* In how many of 100 pairs of runs, the second at `factor` of the first, it is called worse. */
static unsigned count_failures(enum noise_model model, size_t series, size_t runs, double factor,
                               uint64_t seed)
{
    unsigned failures = 0;
    for (int pair = 0; pair < 100; pair++) {
        for (size_t run = 0; run < runs; run++) {
            add_noise(model, series, 100, 1000 * (double)run, &seed);
            learn();
        }
        add_noise(model, series, 100 * factor, 1e6, &seed);
        hold_against();
        failures += worse() > 0;
        forget_run();
        baseline_file_deinit(&file);
        assert_true(csv_series_init(&list));
    }
    return failures;
}

static const size_t family_sizes[] = {1, 10, 25};

/* After one run, and after six. */
static void noise_fails_at_most_two_of_a_hundred_equal_runs(void **state)
{
    (void)state;
    for (int i = 0; i < NOISE_MODELS; i++) {
        enum noise_model model = (enum noise_model)i;
        for (size_t j = 0; j < 3; j++) {
            assert_in_range(count_failures(model, family_sizes[j], 1, 1, 99 + (uint64_t)i), 0, 2);
        }
        assert_in_range(count_failures(model, 5, 6, 1, 77 + (uint64_t)i), 0, 2);
    }
}

static void runs_ten_percent_slower_are_caught_in_95_of_a_hundred(void **state)
{
    (void)state;
    for (int i = 0; i < NOISE_MODELS; i++) {
        enum noise_model model = (enum noise_model)i;
        for (size_t j = 0; j < 3; j++) {
            assert_in_range(count_failures(model, family_sizes[j], 1, 1.1, 55 + (uint64_t)i), 95,
                            100);
        }
        assert_in_range(count_failures(model, 1, 6, 1.1, 33 + (uint64_t)i), 95, 100);
    }
}

/* Two runs of one series at two levels, with noise of 1 %. */
static enum baseline_state judge(enum csv_kind kind, double before, double after)
{
    const char *statistic = kind == CSV_TIMERS ? "mean" : kind == CSV_COUNTERS ? "rate" : "value";
    double values[WINDOWS];
    uint64_t seed = 5;
    for (int run = 0; run < 2; run++) {
        for (size_t i = 0; i < WINDOWS; i++) {
            values[i] = (run == 0 ? before : after) * (1 + 0.01 * noise_normal(&seed));
        }
        add_series(kind, "a", statistic, 1000.0 * run, values, WINDOWS);
        if (run == 0) {
            learn();
        }
    }
    hold_against();
    enum baseline_state state = check.items[0].state;
    assert_int_equal(check.count, 1);
    forget_run();
    baseline_file_deinit(&file);
    assert_true(csv_series_init(&list));
    return state;
}

static void worse_is_higher_for_latencies_and_lower_for_rates(void **state)
{
    (void)state;
    assert_int_equal(judge(CSV_TIMERS, 100, 108), BASELINE_WORSE);
    assert_int_equal(judge(CSV_TIMERS, 100, 115), BASELINE_CRITICAL_WORSE);
    assert_int_equal(judge(CSV_TIMERS, 100, 104), BASELINE_OK);
    assert_int_equal(judge(CSV_TIMERS, 100, 90), BASELINE_IMPROVED);
    assert_int_equal(judge(CSV_COUNTERS, 100, 92), BASELINE_WORSE);
    assert_int_equal(judge(CSV_COUNTERS, 100, 80), BASELINE_CRITICAL_WORSE);
    assert_int_equal(judge(CSV_COUNTERS, 100, 110), BASELINE_IMPROVED);
    assert_int_equal(judge(CSV_GAUGES, 100, 110), BASELINE_CHANGED);
    assert_int_equal(judge(CSV_GAUGES, 100, 90), BASELINE_CHANGED);
    assert_int_equal(judge(CSV_GAUGES, 100, 102), BASELINE_OK);
    assert_int_equal(judge(CSV_TIMERS, -100, -90), BASELINE_WORSE);
}

static enum baseline_state judge_constant(double before, double after, size_t windows)
{
    double values[WINDOWS];
    for (int run = 0; run < 2; run++) {
        for (size_t i = 0; i < WINDOWS; i++) {
            values[i] = run == 0 ? before : after;
        }
        add_series(CSV_TIMERS, "a", "mean", 1000.0 * run, values, run == 0 ? WINDOWS : windows);
        if (run == 0) {
            learn();
        }
    }
    hold_against();
    enum baseline_state state = check.items[0].state;
    forget_run();
    baseline_file_deinit(&file);
    assert_true(csv_series_init(&list));
    return state;
}

static void constant_series_are_held_to_the_threshold_exactly(void **state)
{
    (void)state;
    assert_int_equal(judge_constant(100, 100, WINDOWS), BASELINE_OK);
    assert_int_equal(judge_constant(100, 105, WINDOWS), BASELINE_OK);
    assert_int_equal(judge_constant(100, 105.1, WINDOWS), BASELINE_WORSE);
    assert_int_equal(judge_constant(100, 120, WINDOWS), BASELINE_CRITICAL_WORSE);
    assert_int_equal(judge_constant(0, 0, WINDOWS), BASELINE_OK);
    assert_int_equal(judge_constant(0, 1e-9, WINDOWS), BASELINE_CRITICAL_WORSE);
    assert_int_equal(judge_constant(100, 200, BASELINE_WINDOWS_MIN), BASELINE_CRITICAL_WORSE);
    assert_int_equal(judge_constant(100, 200, BASELINE_WINDOWS_MIN - 1), BASELINE_FEW);
}

static void noise_beyond_the_threshold_is_unsure_and_within_it_noisy(void **state)
{
    double values[2][10] = {{50, 150, 80, 120, 90, 110, 60, 140, 100, 101},
                            {60, 160, 90, 130, 100, 120, 70, 150, 110, 111}};
    (void)state;
    add_series(CSV_TIMERS, "a", "mean", 0, values[0], 10);
    add_series(CSV_TIMERS, "b", "mean", 0, values[0], 10);
    learn();
    add_series(CSV_TIMERS, "a", "mean", 1000, values[1], 10);
    add_series(CSV_TIMERS, "b", "mean", 1000, values[0], 10);
    hold_against();
    assert_int_equal(check.items[0].state, BASELINE_UNSURE);
    assert_string_equal(check.items[0].key->metric, "a");
    assert_int_equal(check.items[1].state, BASELINE_NOISY);
}

static void missing_and_new_series_are_said(void **state)
{
    static const double steady[] = {1, 2, 1, 2, 1, 2};
    (void)state;
    add_series(CSV_TIMERS, "gone", "mean", 0, steady, 6);
    add_series(CSV_TIMERS, "stays", "mean", 0, steady, 6);
    learn();
    add_series(CSV_TIMERS, "stays", "mean", 1000, steady, 6);
    add_series(CSV_TIMERS, "fresh", "mean", 1000, steady, 6);
    hold_against();
    assert_int_equal(check.states[BASELINE_MISSING], 1);
    assert_int_equal(check.states[BASELINE_NEW], 1);
    assert_int_equal(baseline_check_judged(&check), 1);
    assert_string_equal(check.items[0].key->metric, "gone");
    assert_string_equal(check.items[1].key->metric, "fresh");
}

static void windows_without_a_figure_do_not_count(void **state)
{
    static const double holes[] = {1, (double)NAN, 2, (double)NAN, 1, (double)NAN, 2, (double)NAN};
    (void)state;
    add_series(CSV_TIMERS, "a", "p99", 0, holes, 8);
    measure();
    assert_int_equal(measures.items[0].windows, 4);
    assert_true(measures.items[0].few);
}

/* Machines differ from run to run by more than windows do within one. */
static void spread_between_runs_is_learnt_from_the_history(void **state)
{
    static const double levels[] = {100, 92, 107, 95, 104, 98, 109, 91};
    double values[WINDOWS];
    uint64_t seed = 11;
    (void)state;
    for (size_t run = 0; run < 8; run++) {
        for (size_t i = 0; i < WINDOWS; i++) {
            values[i] = levels[run] * (1 + 0.01 * noise_normal(&seed));
        }
        add_series(CSV_TIMERS, "a", "mean", 1000 * (double)run, values, WINDOWS);
        learn();
    }
    for (size_t i = 0; i < WINDOWS; i++) {
        values[i] = 109 * (1 + 0.01 * noise_normal(&seed));
    }
    add_series(CSV_TIMERS, "a", "mean", 1e6, values, WINDOWS);
    hold_against();
    assert_int_equal(check.items[0].state, BASELINE_UNSURE);
}

static void a_pinned_target_is_what_a_run_is_held_against(void **state)
{
    static const double steady[] = {100, 101, 99, 100, 102, 98, 100, 101, 99, 100};
    (void)state;
    add_series(CSV_TIMERS, "a", "mean", 0, steady, 10);
    learn();
    file.entries[0].pinned = true;
    file.entries[0].target = 80;
    baseline_entry_limit(&file.entries[0], 0.1);
    add_series(CSV_TIMERS, "a", "mean", 1000, steady, 10);
    hold_against();
    assert_int_equal(check.items[0].state, BASELINE_CRITICAL_WORSE);
    assert_true(check.items[0].entry->target == 80);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(noise_fails_at_most_two_of_a_hundred_equal_runs),
        TEST(runs_ten_percent_slower_are_caught_in_95_of_a_hundred),
        TEST(worse_is_higher_for_latencies_and_lower_for_rates),
        TEST(constant_series_are_held_to_the_threshold_exactly),
        TEST(noise_beyond_the_threshold_is_unsure_and_within_it_noisy),
        TEST(missing_and_new_series_are_said),
        TEST(windows_without_a_figure_do_not_count),
        TEST(spread_between_runs_is_learnt_from_the_history),
        TEST(a_pinned_target_is_what_a_run_is_held_against),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
