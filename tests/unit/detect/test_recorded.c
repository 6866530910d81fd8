/* SPDX-License-Identifier: MIT
 *
 * The detector against the plain formula of its method on recorded series. The reference keeps the
 * whole history and computes mean and deviation anew for each window, in two passes over it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "tests/unit/detect/harness.h"

#define VALUES_MAX 5000

struct series {
    double values[VALUES_MAX];
    int count;
};

static void series_read(struct series *series, const char *file)
{
    char path[512];
    snprintf(path, sizeof(path), TEST_DATA_DIR "/series/%s", file);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    char line[128];
    series->count = 0;
    assert_non_null(fgets(line, sizeof(line), in));
    while (fgets(line, sizeof(line), in) != NULL) {
        const char *comma = strchr(line, ',');
        assert_non_null(comma);
        assert_true(series->count < VALUES_MAX);
        series->values[series->count++] = strtod(comma + 1, NULL);
    }
    fclose(in);
}

/* One statistic as the specification words it. */
struct plain {
    double sigma, min_change, alpha;
    int warmup;
    double sound[VALUES_MAX]; /* the history the baseline is of */
    int sound_count;
    int plain_count;        /* the first so many of it weigh the same: the run it restarted from */
    double run[VALUES_MAX]; /* anomalous windows in a row on one side */
    int run_count;
    int side; /* of the run: 1 above, -1 below, 0 none */
};

/* The share that value i had when it was the newest of i + 1. */
static double plain_weight(const struct plain *plain, int i)
{
    double equal = 1.0 / (i + 1);
    return i < plain->plain_count ? equal : fmax(plain->alpha, equal);
}

/* Weighted mean of f(value) = value, or (value - around)². */
static double plain_average(const struct plain *plain, bool squares, double around)
{
    double sum = 0;
    double left = 1; /* the share of this value and all before it */
    for (int i = plain->sound_count - 1; i >= 0; i--) {
        double share = left * plain_weight(plain, i);
        double distance = plain->sound[i] - around;
        sum += share * (squares ? distance * distance : plain->sound[i]);
        left -= share;
    }
    return sum;
}

struct expected {
    int starts, ends;
    bool active;
    bool critical;
    double mean, stddev;
};

/* The side of a value, and whether it is critical. */
static int plain_judge(const struct plain *plain, double value, double noise_floor,
                       struct expected *expected)
{
    double mean = plain_average(plain, false, 0);
    double stddev = fmax(sqrt(plain_average(plain, true, mean)), noise_floor);
    double distance = fabs(value - mean);
    expected->mean = mean;
    expected->stddev = stddev;
    double reach = fmax(plain->sigma * stddev, plain->min_change * fabs(mean));
    /* Sums over a history round: a difference of a billionth of the mean is none, a millionth of
     * the limit is on the limit. */
    if (distance <= 1e-9 * fabs(mean) || distance <= reach * (1 + 1e-6)) {
        return 0;
    }
    double upper = mean + reach;
    bool above_positive = value > mean && upper > 0;
    expected->critical = above_positive ? value > 2 * upper : distance > 2 * plain->sigma * stddev;
    return value > mean ? 1 : -1;
}

static struct expected plain_window(struct plain *plain, double value, double noise_floor)
{
    struct expected expected = {0};
    int side = 0;
    if (plain->sound_count >= plain->warmup) {
        side = plain_judge(plain, value, noise_floor, &expected);
    }
    expected.ends = plain->side != 0 && side != plain->side;
    expected.starts = side != 0 && side != plain->side;
    if (side != plain->side) {
        plain->run_count = 0;
    }
    plain->side = side;
    if (side == 0) {
        plain->sound[plain->sound_count++] = value;
        return expected;
    }
    plain->run[plain->run_count++] = value;
    if (plain->run_count == plain->warmup) {
        memcpy(plain->sound, plain->run, sizeof(plain->run));
        plain->sound_count = plain->run_count;
        plain->plain_count = plain->run_count;
        plain->side = 0;
        plain->run_count = 0;
        expected.ends++;
    }
    expected.active = plain->side != 0;
    return expected;
}

static void assert_near(double value, double expected, double scale)
{
    if (!(fabs(value - expected) <= 1e-5 * (fabs(expected) + scale))) {
        fail_msg("%.12g is not near %.12g", value, expected);
    }
}

static void assert_window(const struct harness *harness, const struct expected *expected)
{
    int starts = 0;
    int ends = 0;
    for (size_t i = 0; i < harness->row_count; i++) {
        const struct anomaly_row *row = &harness->rows[i];
        starts += !row->end;
        ends += row->end;
        assert_near(row->mean, expected->mean, 0);
        assert_near(row->stddev, expected->stddev, 1e-3 * fabs(expected->mean));
        if (!row->end) {
            assert_int_equal(row->severity,
                             expected->critical ? SEVERITY_CRITICAL : SEVERITY_WARNING);
        }
    }
    if (starts != expected->starts || ends != expected->ends ||
        harness->active_count != (size_t)expected->active) {
        fail_msg("window %u: %d starts, %d ends, %zu active", harness->window, starts, ends,
                 harness->active_count);
    }
}

struct rule {
    unsigned warmup, history;
    double sigma, min_change;
};

static const struct rule rules[] = {
    {20, 60, 3, 0.1}, {5, 10, 2, 0}, {30, 200, 4, 0.05}, {12, 4, 3, 0.02}};

/* `seconds`: of a window, where the series is a counter; 0 for a gauge. Returns the starts. */
static int compare(const char *file, const struct rule *rule, double seconds)
{
    static struct series series;
    static struct plain plain;
    series_read(&series, file);
    plain = (struct plain){.sigma = rule->sigma,
                           .min_change = rule->min_change,
                           .alpha = 2.0 / (rule->history + 1),
                           .warmup = (int)rule->warmup};
    struct harness harness;
    harness_start(&harness, rule->warmup, rule->history);
    harness.config.anomaly.sigma = rule->sigma;
    harness.config.anomaly.min_change = rule->min_change;
    detector_configure(harness.detector, &harness.config);
    bool counts = seconds > 0;
    struct identity *identity = identity_make(counts ? STATSD_COUNTER : STATSD_GAUGE, "series", 0);
    int starts = 0;
    for (int i = 0; i < series.count; i++) {
        double value = counts ? series.values[i] / seconds : series.values[i];
        double noise_floor = counts ? sqrt(series.values[i]) / seconds : 0;
        harness_open(&harness);
        detector_observe(harness.detector, identity, counts ? STATISTIC_RATE : STATISTIC_VALUE,
                         value, noise_floor);
        harness_close(&harness);
        struct expected expected = plain_window(&plain, value, noise_floor);
        assert_window(&harness, &expected);
        starts += expected.starts;
    }
    harness_stop(&harness);
    free(identity);
    print_message("%s: %d windows, %d anomalies\n", file, series.count, starts);
    return starts;
}

static void cpu_utilization_is_judged_as_the_formula_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        assert_true(compare("ec2_cpu_utilization_24ae8d.csv", &rules[i], 0) > 0);
    }
}

static void traffic_speed_is_judged_as_the_formula_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        assert_true(compare("speed_7578.csv", &rules[i], 0) > 0);
    }
}

static void request_counts_are_judged_as_the_formula_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        assert_true(compare("elb_request_count_8c0756.csv", &rules[i], 300) > 0);
    }
}

static void a_flat_line_has_no_anomaly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        assert_int_equal(compare("art_flatline.csv", &rules[i], 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_utilization_is_judged_as_the_formula_says),
        cmocka_unit_test(traffic_speed_is_judged_as_the_formula_says),
        cmocka_unit_test(request_counts_are_judged_as_the_formula_says),
        cmocka_unit_test(a_flat_line_has_no_anomaly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
