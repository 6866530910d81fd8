/* SPDX-License-Identifier: MIT
 *
 * What the knob of the method `auto` promises and what it does: false alarms a month (259,200
 * windows of 10 seconds) on five kinds of series in which nothing happens, by the sensitivity asked
 * for and, at the default, by the age of the series. The first of four days is not counted in the
 * former. From the column `mean` of the first table come AUTO_THRESHOLD_ALARMS and
 * AUTO_THRESHOLD_STEP in server/detect/auto.c: with --thresholds the first column is thresholds. A
 * fixed seed; half a minute.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/detect/auto.h"

#define SERIES 60 /* of each kind */
#define DAY 8640
#define DAYS 4
#define MONTH (30.0 * DAY)
#define KINDS 5
#define WANDER 0.99

static const char *const kind_names[KINDS] = {"normal", "lognormal", "wandering", "seasonal",
                                              "Poisson"};
static const double asked[] = {0.5, 1, 2, 5, 10, 20, 50, 100, 200};
static const double thresholds[] = {1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.5};
#define ROWS (sizeof asked / sizeof *asked)
_Static_assert(ROWS == sizeof thresholds / sizeof *thresholds, "as many rows either way");
static const unsigned ages[] = {100, 200, 400, 800, 1600, 3200, 8640, DAY *DAYS};
#define AGES (sizeof ages / sizeof *ages)

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

/* Knuth's method: how many uniforms it takes for their product to fall below e^-mean. */
static double random_poisson(double mean)
{
    double count = 0, product = random_unit();
    for (; product > exp(-mean); product *= random_unit()) {
        count++;
    }
    return count;
}

static double value_of(unsigned kind, unsigned window, double *walk)
{
    double noise = random_normal();
    switch (kind) {
    case 0:
        return 500 + 40 * noise;
    case 1:
        return 100 * exp(0.25 * noise);
    case 2:
        *walk = WANDER * *walk + sqrt(1 - WANDER * WANDER) * noise;
        return 500 + 40 * *walk;
    case 3:
        return 1000 * (1 + 0.4 * sin(2 * M_PI * window / DAY)) + 60 * noise;
    default:
        return random_poisson(4);
    }
}

/* Adds the alarms of a kind by age. */
static void count_alarms(const struct auto_rule *rule, unsigned kind, double *by_age)
{
    for (unsigned series = 0; series < SERIES; series++) {
        struct auto_state state = {0};
        double walk = random_normal();
        size_t age = 0;
        for (unsigned window = 0; window < DAY * DAYS; window++) {
            age += window == ages[age];
            double value = value_of(kind, window, &walk);
            double score = auto_observe(rule, &state, value, 1.7e9 + 10.0 * window).score;
            by_age[age] += score >= AUTO_ALARM;
        }
    }
}

static double a_month(double alarms, double windows)
{
    return alarms / windows * MONTH;
}

static void print_row(const struct auto_rule *rule, double first)
{
    double sum = 0;
    printf("%8.2f", first);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        double by_age[AGES] = {0};
        count_alarms(rule, kind, by_age);
        double rate = a_month(by_age[AGES - 1], (double)SERIES * (DAYS - 1) * DAY);
        printf("%10.2f", rate);
        sum += rate / KINDS;
    }
    printf("%10.2f\n", sum);
}

static void print_ages(const struct auto_rule *rule, unsigned kind)
{
    double by_age[AGES] = {0};
    count_alarms(rule, kind, by_age);
    printf("%-10s", kind_names[kind]);
    for (size_t age = 0, from = 0; age < AGES; from = ages[age++]) {
        printf("%9.1f", a_month(by_age[age], SERIES * (double)(ages[age] - from)));
    }
    puts("");
}

int main(int argc, char **argv)
{
    bool by_threshold = argc > 1 && strcmp(argv[1], "--thresholds") == 0;
    printf("%8s", by_threshold ? "at" : "asked");
    for (unsigned kind = 0; kind < KINDS; kind++) {
        printf("%10s", kind_names[kind]);
    }
    printf("%10s\n", "mean");
    for (size_t row = 0; row < ROWS; row++) {
        struct auto_rule rule = auto_rule_make(asked[row]);
        if (by_threshold) {
            rule.threshold = (float)thresholds[row];
        }
        print_row(&rule, by_threshold ? thresholds[row] : asked[row]);
    }
    printf("\n%-10s", "age below");
    for (size_t age = 0; age < AGES; age++) {
        printf("%9u", ages[age]);
    }
    puts("");
    struct auto_rule rule = auto_rule_make(AUTO_FALSE_ALARMS_DEFAULT);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        print_ages(&rule, kind);
    }
    return 0;
}
