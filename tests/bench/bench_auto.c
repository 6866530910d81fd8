/* SPDX-License-Identifier: MIT
 *
 * The method `auto`: nanoseconds a window of one statistic, with its state in the cache and with
 * 100,000 states walked in turn as a flush does, and bytes a state. Values are what a server sees:
 * a rate with the season of a day, a lognormal p99 and a wandering gauge, in windows of 10 seconds,
 * after 1,000 windows of warm-up (200 of the many). CPU time of the thread, median of five rounds.
 * A table, or one JSON object with --json.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/core/require.h"
#include "server/detect/auto.h"

#define ROUNDS 5
#define STATES 100000
#define WINDOWS_ONE 1000000
#define WINDOWS_MANY 10
#define WARMUP_ONE 1000
#define WARMUP_MANY 200
#define NOISES 65536 /* a power of two */
#define KINDS 3

static double noises[NOISES];
static uint64_t seed = UINT64_C(88172645463325252);

/* Xorshift of Marsaglia: the same numbers in every run. */
static double random_unit(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return ((double)(seed >> 11) + 0.5) * 0x1p-53;
}

static void fill_noises(void)
{
    for (unsigned i = 0; i < NOISES; i++) {
        noises[i] = sqrt(-2 * log(random_unit())) * cos(2 * M_PI * random_unit());
    }
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Keeps results alive; its value means nothing. */
static volatile double sink;

/* Window `window` of series `series`, cheap enough not to be what is measured. */
static double value_of(unsigned series, unsigned window)
{
    double noise = noises[(window * 7919 + series * 104729) % NOISES];
    switch (series % KINDS) {
    case 0:
        return round(1000 + 300 * noises[(window / 360) % 24] + 60 * noise);
    case 1:
        return 50 * (1 + 0.2 * noise + 0.02 * noise * noise);
    default:
        return 500 + 40 * noises[(window / 100 + series) % NOISES] + noise;
    }
}

static double walk(const struct auto_rule *rule, struct auto_state *states, unsigned count,
                   unsigned first, unsigned windows)
{
    double sum = 0, start = now_ns();
    for (unsigned window = first; window < first + windows; window++) {
        for (unsigned i = 0; i < count; i++) {
            auto_prefetch(&states[i + 1 < count ? i + 1 : 0]);
            sum += auto_observe(rule, &states[i], value_of(i, window), 10.0 * window).score;
        }
    }
    sink = sum;
    return (now_ns() - start) / count / windows;
}

static double made_up(unsigned count, unsigned windows)
{
    double sum = 0, start = now_ns();
    for (unsigned window = 0; window < windows; window++) {
        for (unsigned i = 0; i < count; i++) {
            sum += value_of(i, window);
        }
    }
    sink = sum;
    return (now_ns() - start) / count / windows;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_walk(const struct auto_rule *rule, unsigned count, unsigned warmup,
                          unsigned windows)
{
    struct auto_state *states = calloc(count, sizeof *states);
    REQUIRE(states);
    walk(rule, states, count, 0, warmup);
    double rounds[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        rounds[i] =
            walk(rule, states, count, warmup + i * windows, windows) - made_up(count, windows);
    }
    free(states);
    qsort(rounds, ROUNDS, sizeof *rounds, compare_doubles);
    return rounds[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    struct auto_rule rule = auto_rule_make(AUTO_FALSE_ALARMS_DEFAULT);
    fill_noises();
    double hot = median_walk(&rule, KINDS, WARMUP_ONE, WINDOWS_ONE / KINDS);
    double cold = median_walk(&rule, STATES, WARMUP_MANY, WINDOWS_MANY);
    printf(json
               ? "{\"auto\":[{\"hot_ns\":%.1f,\"walk_ns\":%.1f,\"bytes\":%zu}]}\n"
               : "ns a window: %.1f in the cache, %.1f walking 100,000 states; %zu bytes a state\n",
           hot, cold, sizeof(struct auto_state));
    return 0;
}
