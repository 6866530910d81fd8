/* SPDX-License-Identifier: MIT
 *
 * How often noise alone is called an anomaly, and whether a real one stands out of it: a thousand
 * timers of some thirty samples a window whose latencies scatter, with a fixed seed.
 *
 * The plain rule has a price. On twenty windows of normal noise it errs in P(|t| > 3 √(19/21))
 * = 1.0 % of the verdicts (Student's t, 19 degrees of freedom), and the p99 of thirty samples is
 * their maximum, which has a longer tail. min_change takes most of that back where the noise is
 * small against the mean. The bounds below are about a fifth above what this seed gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/detect/harness.h"

#define SERIES 1000
#define WARMUP 20
#define SAMPLES 30 /* of a timer in a window, on average */
#define TRIPLED 417u

static struct harness harness;
static struct identity *timers[SERIES];
static bool has_row[SERIES];

static double uniform(void)
{
    return 1 - drand48(); /* (0, 1] */
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/* Knuth's method: how many uniforms it takes for their product to fall below e^-mean. */
static unsigned poisson(double mean)
{
    unsigned count = 0;
    double product = uniform();
    while (product > exp(-mean)) {
        product *= uniform();
        count++;
    }
    return count;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double normal_latency(double scatter)
{
    return fmax(100 * (1 + scatter * normal()), 1);
}

static double lognormal_latency(double scatter)
{
    return 100 * exp(scatter * normal());
}

/* A window of one timer as the flusher shows it: mean, p99 by nearest rank from 20 samples on,
 * rate. */
static void feed_timer(const struct identity *identity, double (*latency)(double), double scatter,
                       double factor)
{
    double samples[10 * SAMPLES];
    double sum = 0;
    unsigned count = poisson(SAMPLES);
    assert_true(count > 0 && count <= 10 * SAMPLES);
    for (unsigned i = 0; i < count; i++) {
        samples[i] = factor * latency(scatter);
        sum += samples[i];
    }
    qsort(samples, count, sizeof(samples[0]), compare_doubles);
    detector_observe(harness.detector, identity, STATISTIC_MEAN, sum / count, 0);
    if (count >= 20) {
        unsigned rank = (unsigned)ceil(0.99 * count);
        detector_observe(harness.detector, identity, STATISTIC_P99, samples[rank - 1], 0);
    }
    detector_observe(harness.detector, identity, STATISTIC_RATE, count / WINDOW_SECONDS,
                     sqrt(count) / WINDOW_SECONDS);
}

/* A window of all; returns how many noisy series have a row in it. */
static unsigned noisy_window(double (*latency)(double), double scatter, bool with_tripled)
{
    harness_open(&harness);
    for (uint32_t i = 0; i < SERIES; i++) {
        feed_timer(timers[i], latency, scatter, with_tripled && i == TRIPLED ? 3 : 1);
        has_row[i] = false;
    }
    harness_close(&harness);
    unsigned count = 0;
    for (size_t i = 0; i < harness.row_count; i++) {
        uint32_t index = harness.rows[i].identity->index;
        bool noisy = !(with_tripled && index == TRIPLED);
        count += noisy && !has_row[index];
        has_row[index] = true;
    }
    return count;
}

static int setup(void **state)
{
    (void)state;
    srand48(20261121);
    harness_start(&harness, WARMUP, 60);
    for (uint32_t i = 0; i < SERIES; i++) {
        timers[i] = identity_make(STATSD_TIMER, "latency", i);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SERIES; i++) {
        free(timers[i]);
    }
    harness_stop(&harness);
    return 0;
}

static void assert_tripled_is_critical(void)
{
    bool mean = false;
    bool p99 = false;
    for (size_t i = 0; i < harness.row_count; i++) {
        const struct anomaly_row *row = &harness.rows[i];
        if (row->identity->index == TRIPLED && !row->end && row->type == ANOMALY_HIGH_LATENCY) {
            assert_int_equal(row->severity, SEVERITY_CRITICAL);
            mean = mean || row->statistic == STATISTIC_MEAN;
            p99 = p99 || row->statistic == STATISTIC_P99;
        }
    }
    assert_true(mean && p99);
}

/* At most 2 % of the noisy series-windows have a row, over all windows as well as in the only one
 * judged. */
static void a_tripled_latency_stands_out_of_a_thousand_noisy_series(void **state)
{
    (void)state;
    for (unsigned window = 0; window < WARMUP; window++) {
        assert_int_equal(noisy_window(normal_latency, 0.2, false), 0);
    }
    unsigned with_row = noisy_window(normal_latency, 0.2, true);
    assert_tripled_is_critical();
    print_message("%u of %d noisy series have a row in the judged window\n", with_row, SERIES - 1);
    assert_true(with_row <= 0.02 * (SERIES - 1));
}

struct noise {
    const char *name;
    double (*latency)(double);
    double scatter;
    double starts_percent_max; /* of the verdicts */
};

static size_t count_starts(void)
{
    size_t starts = 0;
    for (size_t i = 0; i < harness.row_count; i++) {
        starts += !harness.rows[i].end;
    }
    return starts;
}

static void noise_is_seldom_called_an_anomaly(void **state)
{
    static const struct noise noises[] = {
        {"normal, 5 %", normal_latency, 0.05, 0.1},
        {"normal, 20 %", normal_latency, 0.2, 0.75},
        {"lognormal, 20 %", lognormal_latency, 0.2, 1},
        {"lognormal, 50 %", lognormal_latency, 0.5, 1.6},
    };
    for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
        enum { JUDGED = 60 };
        size_t starts = 0;
        for (unsigned window = 0; window < WARMUP + JUDGED; window++) {
            noisy_window(noises[i].latency, noises[i].scatter, false);
            starts += count_starts();
        }
        double percent = 100.0 * (double)starts / (3.0 * SERIES * JUDGED);
        print_message("%s: %.2f %% of the verdicts start an anomaly\n", noises[i].name, percent);
        assert_true(percent <= noises[i].starts_percent_max);
        teardown(state);
        setup(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tripled_latency_stands_out_of_a_thousand_noisy_series,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(noise_is_seldom_called_an_anomaly, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
