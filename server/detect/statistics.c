/* SPDX-License-Identifier: MIT */
#include "server/detect/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

#define FRACTION_STEPS_MAX 500
#define FRACTION_TINY 1e-300
#define FRACTION_ACCURACY 1e-15

/* Autocorrelation is told apart from 1 no further. */
#define CORRELATION_MAX 0.99

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mean_of(const double *values, size_t count)
{
    double mean = 0;
    for (size_t i = 0; i < count; i++) {
        mean += (values[i] - mean) / (double)(i + 1);
    }
    return mean;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* Sum of squares and of products of neighbours around the mean, of values drawn in to the limits.
 */
struct moments {
    double squares, products;
};

static struct moments moments_of(const double *values, size_t count, double low, double high)
{
    struct moments moments = {0, 0};
    double mean = 0, before = 0;
    for (size_t i = 0; i < count; i++) {
        mean += (clamp(values[i], low, high) - mean) / (double)(i + 1);
    }
    for (size_t i = 0; i < count; i++) {
        double distance = clamp(values[i], low, high) - mean;
        moments.squares += distance * distance;
        moments.products += i > 0 ? distance * before : 0;
        before = distance;
    }
    return moments;
}

/* The share of its size that a sample is worth. */
static double independence(const struct moments *moments, size_t count)
{
    if (!(moments->squares > 0)) {
        return 1;
    }
    double raw = moments->products / moments->squares;
    double correlation = clamp(raw + (1 + 3 * raw) / (double)count, 0, CORRELATION_MAX);
    return (1 - correlation) / (1 + correlation);
}

struct centre statistics_centre(const double *values, size_t count, double *sorted)
{
    REQUIRE(count > 0);
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    size_t trimmed = (size_t)(STATISTICS_TRIM * (double)count);
    size_t kept = count - 2 * trimmed;
    struct moments moments =
        moments_of(values, count, sorted[trimmed], sorted[count - 1 - trimmed]);
    struct centre centre = {.mean = mean_of(sorted + trimmed, kept), .count = count};
    double worth = independence(&moments, count);
    if (!(moments.squares > 0)) {
        moments = moments_of(values, count, sorted[0], sorted[count - 1]);
        kept = count;
    }
    centre.effective = (double)kept * worth;
    centre.stddev = kept > 1 ? sqrt(moments.squares / (double)(kept - 1)) : 0;
    return centre;
}

struct deviation statistics_error(const struct centre *centre)
{
    double freedom = centre->effective - 1;
    return (struct deviation){centre->stddev * centre->stddev / centre->effective,
                              freedom > 1 ? freedom : 1};
}

struct deviation statistics_add(struct deviation a, struct deviation b)
{
    double sum = a.variance + b.variance;
    double parts = a.variance * a.variance / a.freedom + b.variance * b.variance / b.freedom;
    return (struct deviation){sum, parts > 0 ? sum * sum / parts : (double)INFINITY};
}

struct deviation statistics_scale(struct deviation deviation, double factor)
{
    return (struct deviation){deviation.variance * factor, deviation.freedom};
}

double statistics_chance(double difference, struct deviation deviation)
{
    if (!(deviation.variance > 0)) {
        return difference > 0 ? 0 : 1;
    }
    return statistics_student_above(difference / sqrt(deviation.variance), deviation.freedom);
}

static double off_zero(double value)
{
    return fabs(value) < FRACTION_TINY ? FRACTION_TINY : value;
}

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), from its
 * front by Lentz's method ("Generating Bessel functions", 1976). */
static double beta_fraction(double x, double a, double b)
{
    double c = 1;
    double d = 1 / off_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m <= FRACTION_STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / off_zero(1 + even * d);
        c = off_zero(1 + even / c);
        value *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / off_zero(1 + odd * d);
        c = off_zero(1 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1) < FRACTION_ACCURACY) {
            break;
        }
    }
    return value;
}

/* lgamma() keeps the sign for all threads in one place. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* I_x(a, b), 0 < x < 1; the fraction converges fast below (a + 1) / (a + b + 2), and I_x(a, b) = 1
 * - I_(1-x)(b, a) beyond. */
static double beta_regularized(double x, double a, double b)
{
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) {
        return front * beta_fraction(x, a, b) / a;
    }
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* P(T >= t) = I_x(f / 2, 1 / 2) / 2 with x = f / (f + t²), for t >= 0 (Abramowitz and Stegun
 * 26.7.1). Beyond a million degrees of freedom the normal distribution is as close as a double of
 * this sum. */
double statistics_student_above(double t, double freedom)
{
    if (!(freedom < 1e6)) {
        return erfc(t / sqrt(2)) / 2;
    }
    double x = freedom / (freedom + t * t);
    double tail = x >= 1 ? 0.5 : x <= 0 ? 0 : beta_regularized(x, freedom / 2, 0.5) / 2;
    return t < 0 ? 1 - tail : tail;
}

void statistics_adjust(double *probabilities, size_t count)
{
    double least = 1;
    for (size_t i = count; i-- > 0;) {
        double adjusted = probabilities[i] * (double)count / (double)(i + 1);
        least = adjusted < least ? adjusted : least;
        probabilities[i] = least;
    }
}
