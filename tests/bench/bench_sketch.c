/* SPDX-License-Identifier: MIT
 *
 * Sketches of lognormal samples, by spread and by how many there are: nanoseconds a sample to fill
 * one, then for one more sample in a full one, alone and through a timer; nanoseconds a sketch for
 * five quantiles, for the weights below eleven bounds and for a merge; bytes; and the largest
 * relative error of a quantile. As many sketches as make a million samples, 10,000 at most, so that
 * what visits all of them finds them where a flush does. CPU time of the thread, median of five
 * rounds. Samples are floats, or with --decimals have three decimal places. A table, or one JSON
 * object with --json.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/core/require.h"
#include "server/metrics/sketch.h"
#include "server/metrics/timer.h"

#define ROUNDS 5
#define SAMPLES 1000000
#define SKETCHES_MAX 10000
#define MORE 1000000

static const double percents[] = {50, 90, 95, 99, 99.9};
#define PERCENTS (sizeof percents / sizeof *percents)

static const double bounds[] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};
#define BOUNDS (sizeof bounds / sizeof *bounds)

static const double sigmas[] = {0.25, 0.5, 1, 2};
static const unsigned counts[] = {20, 64, 100, 156, 1000, 10000};

struct result {
    double sigma;
    unsigned count;
    double fill_ns, add_ns, timer_ns, quantiles_ns, cumulative_ns, merge_ns;
    double bytes, error;
};

struct bench {
    struct pool_cache *cache;
    double *values;
    unsigned count, sketches;
    struct sketch *sketch[SKETCHES_MAX];
};

static uint64_t seed = UINT64_C(88172645463325252);

/* Xorshift of Marsaglia: the same numbers in every run. */
static double random_unit(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return ((double)(seed >> 11) + 0.5) * 0x1p-53;
}

static double random_normal(void)
{
    double radius = sqrt(-2 * log(random_unit()));
    return radius * cos(2 * M_PI * random_unit());
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Keeps results alive; its value means nothing. */
static volatile double sink;

static const double *values_of(const struct bench *bench, unsigned sketch)
{
    return bench->values + (size_t)sketch * bench->count;
}

static void empty(struct bench *bench)
{
    for (unsigned i = 0; i < bench->sketches; i++) {
        sketch_free(&bench->sketch[i], bench->cache);
    }
}

static double fill(struct bench *bench)
{
    double start = now_ns();
    for (unsigned i = 0; i < bench->sketches; i++) {
        const double *values = values_of(bench, i);
        for (unsigned s = 0; s < bench->count; s++) {
            REQUIRE(sketch_add(&bench->sketch[i], values[s], 1, bench->cache));
        }
    }
    return (now_ns() - start) / bench->sketches / bench->count;
}

/* One more sample after another in one sketch, or timer, that has them already. */
static double add_more(struct bench *bench)
{
    double start = now_ns();
    for (unsigned i = 0; i < MORE; i++) {
        REQUIRE(sketch_add(&bench->sketch[0], bench->values[i % SAMPLES], 1, bench->cache));
    }
    return (now_ns() - start) / MORE;
}

static double add_more_timed(struct bench *bench)
{
    struct timer timer = {0};
    for (unsigned i = 0; i < bench->count; i++) {
        REQUIRE(timer_add(&timer, bench->values[i], 1, bench->cache));
    }
    double start = now_ns();
    for (unsigned i = 0; i < MORE; i++) {
        REQUIRE(timer_add(&timer, bench->values[i % SAMPLES], 1, bench->cache));
    }
    double each = (now_ns() - start) / MORE;
    timer_clear(&timer, bench->cache);
    return each;
}

static double quantiles(struct bench *bench)
{
    double results[PERCENTS], sum = 0, start = now_ns();
    for (unsigned i = 0; i < bench->sketches; i++) {
        sketch_quantiles(bench->sketch[i], percents, PERCENTS, results);
        sum += results[0];
    }
    double each = (now_ns() - start) / bench->sketches;
    sink = sum;
    return each;
}

static double cumulative(struct bench *bench)
{
    double weights[BOUNDS], sum = 0, start = now_ns();
    for (unsigned i = 0; i < bench->sketches; i++) {
        sketch_cumulative(bench->sketch[i], bounds, BOUNDS, weights);
        sum += weights[0];
    }
    double each = (now_ns() - start) / bench->sketches;
    sink = sum;
    return each;
}

/* Each sketch of the second half into its partner of the first. */
static double merge(struct bench *bench)
{
    unsigned half = bench->sketches / 2;
    double start = now_ns();
    for (unsigned i = 0; i < half; i++) {
        REQUIRE(sketch_merge(&bench->sketch[i], bench->sketch[half + i], bench->cache));
    }
    return (now_ns() - start) / half;
}

static double mean_bytes(const struct bench *bench)
{
    double bytes = 0;
    for (unsigned i = 0; i < bench->sketches; i++) {
        bytes += (double)sketch_bytes(bench->sketch[i]);
    }
    return bytes / bench->sketches;
}

/* Against the nearest rank of the sorted samples, over all sketches. */
static double worst_error(const struct bench *bench)
{
    double *sorted = malloc(bench->count * sizeof *sorted), worst = 0;
    REQUIRE(sorted);
    for (unsigned i = 0; i < bench->sketches; i++) {
        double results[PERCENTS];
        memcpy(sorted, values_of(bench, i), bench->count * sizeof *sorted);
        qsort(sorted, bench->count, sizeof *sorted, compare_doubles);
        sketch_quantiles(bench->sketch[i], percents, PERCENTS, results);
        for (size_t p = 0; p < PERCENTS; p++) {
            double rank = ceil(percents[p] / 100 * bench->count * (1 - 1e-12));
            double exact = sorted[(size_t)rank - 1];
            worst = fmax(worst, fabs(results[p] - exact) / exact);
        }
    }
    free(sorted);
    return worst;
}

typedef double measure(struct bench *bench);

/* A round measures a fresh set of sketches; those that add or merge leave it changed. */
static double median(struct bench *bench, measure *of)
{
    double rounds[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        empty(bench);
        double filling = fill(bench);
        rounds[i] = of == fill ? filling : of(bench);
    }
    qsort(rounds, ROUNDS, sizeof *rounds, compare_doubles);
    return rounds[ROUNDS / 2];
}

static struct result run(struct bench *bench, double sigma, unsigned count, bool decimals)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        double value = exp(3 + sigma * random_normal());
        bench->values[i] = decimals ? round(value * 1e3) / 1e3 : (double)(float)value;
    }
    bench->count = count;
    bench->sketches = SAMPLES / count < SKETCHES_MAX ? SAMPLES / count : SKETCHES_MAX;
    struct result result = {
        .sigma = sigma,
        .count = count,
        .fill_ns = median(bench, fill),
        .add_ns = median(bench, add_more),
        .timer_ns = median(bench, add_more_timed),
        .quantiles_ns = median(bench, quantiles),
        .cumulative_ns = median(bench, cumulative),
        .merge_ns = median(bench, merge),
    };
    empty(bench);
    fill(bench);
    result.bytes = mean_bytes(bench);
    result.error = worst_error(bench);
    empty(bench);
    return result;
}

static void print_row(const struct result *result)
{
    printf("%5.2f %8u %6.1f %6.1f %6.1f %10.0f %10.0f %8.0f %8.0f %8.4f\n", result->sigma,
           result->count, result->fill_ns, result->add_ns, result->timer_ns, result->quantiles_ns,
           result->cumulative_ns, result->merge_ns, result->bytes, result->error * 100);
}

static void print_json(const struct result *result, bool first)
{
    printf("%s{\"sigma\":%g,\"samples\":%u,\"fill_ns\":%.2f,\"add_ns\":%.2f,\"timer_add_ns\":%.2f,"
           "\"quantiles_ns\":%.0f,\"cumulative_ns\":%.0f,\"merge_ns\":%.0f,\"bytes\":%.0f,"
           "\"error\":%.6f}",
           first ? "{\"sketch\":[" : ",", result->sigma, result->count, result->fill_ns,
           result->add_ns, result->timer_ns, result->quantiles_ns, result->cumulative_ns,
           result->merge_ns, result->bytes, result->error);
}

int main(int argc, char **argv)
{
    bool json = false, decimals = false;
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        decimals |= strcmp(argv[i], "--decimals") == 0;
    }
    static struct bench bench;
    struct pool *pool = pool_new(UINT64_C(1) << 30);
    REQUIRE(pool);
    bench.cache = pool_cache_new(pool);
    bench.values = malloc(SAMPLES * sizeof *bench.values);
    REQUIRE(bench.cache && bench.values);
    if (!json) {
        puts(
            "sigma  samples   fill    add  timer  quantiles cumulative    merge    bytes  error %");
    }
    for (size_t s = 0; s < sizeof sigmas / sizeof *sigmas; s++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct result result = run(&bench, sigmas[s], counts[c], decimals);
            if (json) {
                print_json(&result, s + c == 0);
            } else {
                print_row(&result);
            }
        }
    }
    puts(json ? "]}" : "");
    free(bench.values);
    pool_cache_free(bench.cache);
    pool_free(pool);
    return 0;
}
