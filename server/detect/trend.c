/* SPDX-License-Identifier: MIT */
#include "server/detect/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

const char *trend_direction_name(enum trend_direction direction)
{
    static const char *const names[TREND_DIRECTIONS] = {"steady", "rising", "falling"};
    REQUIRE(direction < TREND_DIRECTIONS);
    return names[direction];
}

const char *trend_assessment_name(enum trend_assessment assessment)
{
    static const char *const names[TREND_ASSESSMENTS] = {"stable", "improving", "degrading"};
    REQUIRE(assessment < TREND_ASSESSMENTS);
    return names[assessment];
}

static bool is_pair(const double *stamps, const double *values, size_t i)
{
    return fabs(values[i]) <= TREND_VALUE_MAX && isfinite(stamps[i]);
}

/* Sums about the means; stamps are taken from `origin`, since Unix seconds squared lose digits. */
struct sums {
    double n, t, x;    /* means, once divided */
    double tt, tx, xx; /* about them */
};

static struct sums sum_up(const double *stamps, const double *values, size_t count, double origin)
{
    struct sums sums = {0};
    for (size_t i = 0; i < count; i++) {
        if (is_pair(stamps, values, i)) {
            sums.n++;
            sums.t += ((stamps[i] - origin) - sums.t) / sums.n;
            sums.x += (values[i] - sums.x) / sums.n;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_pair(stamps, values, i)) {
            double t = stamps[i] - origin - sums.t, x = values[i] - sums.x;
            sums.tt += t * t;
            sums.tx += t * x;
            sums.xx += x * x;
        }
    }
    return sums;
}

bool trend_fit(const double *stamps, const double *values, size_t count, struct trend *trend)
{
    *trend = (struct trend){.robust = (double)NAN, .z = (double)NAN, .tau = (double)NAN};
    size_t first = 0, last = count;
    while (first < count && !is_pair(stamps, values, first)) {
        first++;
    }
    while (last > first && !is_pair(stamps, values, last - 1)) {
        last--;
    }
    if (last == first) {
        return false;
    }
    double origin = stamps[first];
    struct sums sums = sum_up(stamps, values, count, origin);
    trend->count = (size_t)sums.n;
    if (trend->count < TREND_VALUES_MIN || sums.tt <= 0) {
        return false;
    }
    trend->slope = sums.tx / sums.tt;
    trend->intercept = sums.x - trend->slope * sums.t;
    trend->r_squared = sums.xx > 0 ? fmin(1, sums.tx * sums.tx / (sums.tt * sums.xx)) : 0;
    trend->mean = sums.x;
    trend->span = stamps[last - 1] - origin;
    return true;
}

/* The pairs, or means of neighbouring ones where there are too many. Returns how many. */
static size_t gather(const double *stamps, const double *values, size_t count,
                     const struct trend *trend, double *t, double *x)
{
    size_t each = (trend->count + TREND_VALUES_MAX - 1) / TREND_VALUES_MAX, in = 0, out = 0;
    double t_sum = 0, x_sum = 0, origin = (double)NAN;
    for (size_t i = 0; i < count; i++) {
        if (!is_pair(stamps, values, i)) {
            continue;
        }
        origin = isnan(origin) ? stamps[i] : origin;
        t_sum += stamps[i] - origin;
        x_sum += values[i];
        if (++in == each) {
            t[out] = t_sum / (double)in;
            x[out++] = x_sum / (double)in;
            t_sum = x_sum = 0;
            in = 0;
        }
    }
    return out;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The number of rank `rank`, which then stands there (Hoare's selection). */
static double select_rank(double *numbers, size_t count, size_t rank)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        double pivot = numbers[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (numbers[i] < pivot) {
                i++;
            }
            while (numbers[j] > pivot) {
                j--;
            }
            if (i <= j) {
                double swap = numbers[i];
                numbers[i++] = numbers[j];
                numbers[j] = swap;
                if (j == 0) {
                    break;
                }
                j--;
            }
        }
        if (rank <= j) {
            high = j;
        } else if (rank >= i) {
            low = i;
        } else {
            break;
        }
    }
    return numbers[rank];
}

static double median(double *numbers, size_t count)
{
    double upper = select_rank(numbers, count, count / 2);
    return count % 2 ? upper : (select_rank(numbers, count, count / 2 - 1) + upper) / 2;
}

/* What ties take from the variance: Σ g (g - 1)(2 g + 5). */
static double tie_term(const double *x, size_t n)
{
    double sorted[TREND_VALUES_MAX], term = 0;
    memcpy(sorted, x, n * sizeof(*x));
    qsort(sorted, n, sizeof(*sorted), compare);
    for (size_t i = 0, g; i < n; i += g) {
        g = 1;
        while (i + g < n && sorted[i + g] <= sorted[i]) {
            g++;
        }
        term += (double)g * (double)(g - 1) * (double)(2 * g + 5);
    }
    return term;
}

/* A rest below this share of the values' own deviation is rounding, which may be alike. */
#define ROUNDING 1e-5

/* n / n* of what is left of the values without their slope; at least 1. */
static double repetition(const double *t, const double *x, size_t n, double slope)
{
    double mean = 0, level = 0, square = 0, whole = 0, lagged = 0, before = 0;
    for (size_t i = 0; i < n; i++) {
        mean += (x[i] - slope * t[i]) / (double)n;
        level += x[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double rest = x[i] - slope * t[i] - mean;
        square += rest * rest;
        whole += (x[i] - level) * (x[i] - level);
        lagged += i > 0 ? rest * before : 0;
        before = rest;
    }
    double r = square > ROUNDING * ROUNDING * whole ? lagged / square : 0;
    r = fmin(0.99, fmax(0, r));
    return (1 + r) / (1 - r);
}

/* Of the line, with as many values as are independent. */
static double line_z(const struct trend *trend, double independent)
{
    double freedom = fmax(TREND_FREEDOM_MIN, independent - 2);
    double rest = fmax(1e-12, 1 - trend->r_squared);
    return copysign(sqrt(trend->r_squared / rest * freedom), trend->slope);
}

void trend_robust(const double *stamps, const double *values, size_t count, struct trend *trend,
                  double *room)
{
    double t[TREND_VALUES_MAX], x[TREND_VALUES_MAX], s = 0;
    size_t n = gather(stamps, values, count, trend, t, x), pairs = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            s += (x[j] > x[i]) - (x[j] < x[i]);
            if (t[j] > t[i]) {
                room[pairs++] = (x[j] - x[i]) / (t[j] - t[i]);
            }
        }
    }
    if (pairs == 0) {
        return;
    }
    trend->robust = median(room, pairs);
    double length = (double)n;
    trend->tau = 2 * s / (length * (length - 1));
    double variance = (length * (length - 1) * (2 * length + 5) - tie_term(x, n)) / 18;
    double repeated = repetition(t, x, n, trend->robust);
    double kendall = variance > 0 && s != 0 ? (s - copysign(1, s)) / sqrt(variance * repeated) : 0;
    double line = line_z(trend, length / repeated);
    trend->z = fabs(line) > fabs(kendall) ? line : kendall;
}

double trend_change(const struct trend *trend)
{
    double slope = isnan(trend->robust) ? trend->slope : trend->robust;
    double rise = slope * trend->span;
    return rise == 0 ? 0 : rise / fabs(trend->mean);
}

enum trend_direction trend_direction(const struct trend *trend, double share_min)
{
    double change = trend_change(trend);
    bool chance = fabs(trend->z) < TREND_Z_MIN && fabs(trend->tau) < TREND_TAU_MIN;
    if (chance || !(fabs(change) >= share_min) || change == 0) {
        return TREND_STEADY;
    }
    return change > 0 ? TREND_RISING : TREND_FALLING;
}

enum trend_assessment trend_assess(enum trend_direction direction, enum better better)
{
    if (direction == TREND_STEADY || better == BETTER_UNKNOWN) {
        return TREND_STABLE;
    }
    return (direction == TREND_RISING) == (better == BETTER_HIGHER) ? TREND_IMPROVING
                                                                    : TREND_DEGRADING;
}

double trend_gravity(const struct trend *trend, enum trend_direction direction,
                     enum trend_assessment assessment)
{
    double size = fmin(10, fabs(trend_change(trend))) * trend->r_squared;
    double class = assessment == TREND_DEGRADING   ? 300
                   : assessment == TREND_IMPROVING ? 100
                   : direction != TREND_STEADY     ? 200
                                                   : 0;
    return class + size;
}
