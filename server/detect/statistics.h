/* SPDX-License-Identifier: MIT
 *
 * Whether two samples of measurements differ by more than their noise: centres that single spikes
 * do not move, the weight of values that follow each other, Student's test, and many tests at once.
 * Pure arithmetic on the caller's arrays, no state, no allocation; any thread. It knows no series.
 */
#ifndef SERVER_DETECT_STATISTICS_H
#define SERVER_DETECT_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Of each end of a sample, as Yuen and Wilcox use it. */
#define STATISTICS_TRIM 0.2

/* The squares of larger magnitudes have no room in a double. */
#define STATISTICS_VALUE_MAX 1e150

/* What a sample says of its centre. */
struct centre {
    double mean;      /* trimmed */
    double stddev;    /* such that the standard error of the mean is stddev / √effective */
    double effective; /* the sample's size in independent values, at most `count` */
    size_t count;
};

/* The trimmed mean of values of at most STATISTICS_VALUE_MAX in the order of time, of which
 * `sorted` holds as many, to be written over. The fifth part at either end is left out, and the
 * standard error comes from the winsorized variance (Yuen, "The two-sample trimmed t for unequal
 * population variances", 1974); of values that are mostly equal, so that none is left, from the
 * plain one. Values that follow each other count for less: for fewer by (1 - r) / (1 + r), with the
 * lag-1 autocorrelation r of the winsorized values, which is that factor of a first-order
 * autoregressive process, and is taken less its bias of -(1 + 3 r) / n (Marriott and Pope 1954) and
 * never below 0. `count` is at least 1. */
struct centre statistics_centre(const double *values, size_t count, double *sorted);

/* A variance with its degrees of freedom; sums of such by Welch and Satterthwaite. */
struct deviation {
    double variance;
    double freedom; /* INFINITY: it is known */
};

/* The variance of a centre's mean. */
struct deviation statistics_error(const struct centre *centre);

/* Their sum: degrees of freedom (Σ v)² / Σ (v² / f). */
struct deviation statistics_add(struct deviation a, struct deviation b);

/* times `factor`. */
struct deviation statistics_scale(struct deviation deviation, double factor);

/* How likely a difference at least as large is by noise alone: P(T >= difference / √variance). With
 * no variance 0 for a positive difference, else 1. */
double statistics_chance(double difference, struct deviation deviation);

/* P(T >= t) of Student's distribution; degrees of freedom above 0, INFINITY is the normal one. */
double statistics_student_above(double t, double freedom);

/* Replaces each probability, all sorted upwards, by the least share of false discoveries at which
 * it would still be called one (Benjamini and Hochberg 1995). Where no difference is real, the
 * chance that any is at most q is q. */
void statistics_adjust(double *probabilities, size_t count);

#endif
