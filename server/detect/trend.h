/* SPDX-License-Identifier: MIT
 *
 * Whether a series rises or falls over a range of windows, and how fast. Least squares say how well
 * a line fits; the slope of Theil and Sen, the median of the slopes of all pairs, says how fast
 * without being moved by single spikes (up to 29 % of the values may be anything); the test of Mann
 * and Kendall says whether it is more than chance.
 *
 *     slope = Σ (t - t̄)(x - x̄) / Σ (t - t̄)²      R² = (Σ (t - t̄)(x - x̄))² / (Σ (t - t̄)² Σ (x - x̄)²)
 *     S = Σ sign(x_j - x_i) over i < j,   Var S = (n(n-1)(2n+5) - Σ g(g-1)(2g+5)) / 18 over ties g
 *     z = (S - sign S) / √(Var S · n/n*)
 *
 * Sources: Theil 1950; Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968;
 * Mann 1945, Kendall 1975. Windows that follow each other are alike, which makes the plain test
 * call a wandering series a trend: n* is the number of independent values, by the lag-1
 * autocorrelation r of what is left once the slope is taken out, n* = n (1 - r) / (1 + r) (Yue and
 * Wang 2004, with the factor of a first-order autoregressive process). What rises along a smooth
 * curve leaves a rest that is all alike, and would never be a trend by that; so values of which
 * nearly every later one is larger, by Kendall's τ = 2 S / (n(n-1)), are one whatever z says.
 *
 * That test knows no sizes: a straight line with a little wandering about it has few independent
 * values, and passes for chance. So the line's own t = r √((n* - 2) / (1 - r²)) counts where it is
 * larger, with at least TREND_FREEDOM_MIN for n* - 2: an R² of 0.956 and more is a trend in any
 * case.
 *
 * Pure functions of the caller's arrays; any thread.
 */
#ifndef SERVER_DETECT_TREND_H
#define SERVER_DETECT_TREND_H

#include <stdbool.h>
#include <stddef.h>

#include "server/detect/classify.h"

/* Fewer values than this have no trend. */
#define TREND_VALUES_MIN 8

/* Theil–Sen and Mann–Kendall look at every pair of at most so many values: of more, at the means of
 * as many neighbours each as it takes. */
#define TREND_VALUES_MAX 360

/* |z| from which on a trend is more than chance: 1 in 1,000, two-sided, since many series are
 * looked at together. */
#define TREND_Z_MIN 3.29
#define TREND_FREEDOM_MIN 0.5

/* Where a few of many series are to be told of, so many more are to be looked at by their robust
 * part than least squares put in front: spikes at an end look like a trend to them. */
#define TREND_SPARE 100

/* |τ| from which on it is one in any case. */
#define TREND_TAU_MIN 0.9

/* Larger magnitudes are left out: their squares have no room in a double. */
#define TREND_VALUE_MAX 1e150

struct trend {
    size_t count;     /* values that are numbers */
    double slope;     /* least squares, a second */
    double intercept; /* of the same line at the first stamp */
    double r_squared; /* 0 to 1; 0 of constant values */
    double robust;    /* Theil–Sen slope a second; NaN until trend_robust() */
    double z;         /* of Mann–Kendall; NaN likewise */
    double tau;       /* of Kendall, -1 to 1; NaN likewise */
    double mean;
    double span; /* seconds from the first to the last value */
};

enum trend_direction { TREND_STEADY, TREND_RISING, TREND_FALLING, TREND_DIRECTIONS };
enum trend_assessment { TREND_STABLE, TREND_IMPROVING, TREND_DEGRADING, TREND_ASSESSMENTS };
const char *trend_direction_name(enum trend_direction direction);    /* "steady", … */
const char *trend_assessment_name(enum trend_assessment assessment); /* "stable", … */

/* Least squares over the pairs of a finite stamp and a value of at most TREND_VALUE_MAX. False
 * where there are fewer than TREND_VALUES_MIN, or all have one stamp. Takes time in proportion to
 * `count`. */
bool trend_fit(const double *stamps, const double *values, size_t count, struct trend *trend);

/* The robust part, of a trend that was fitted: up to TREND_VALUES_MAX² / 2 pairs, a millisecond.
 * `room` is for TREND_VALUES_MAX * (TREND_VALUES_MAX - 1) / 2 numbers. */
void trend_robust(const double *stamps, const double *values, size_t count, struct trend *trend,
                  double *room);
#define TREND_ROOM (TREND_VALUES_MAX * (TREND_VALUES_MAX - 1) / 2)

/* How much the series changes over the span by its slope (the robust one where it is known), as a
 * share of its level: +0.5 is half as much again. Infinite where the mean is 0. */
double trend_change(const struct trend *trend);

/* Rising or falling only where the change is at least `share_min` and, once the robust part is
 * there, more than chance. */
enum trend_direction trend_direction(const struct trend *trend, double share_min);

/* What the direction means where more is better, or less. Stable where that is not known. */
enum trend_assessment trend_assess(enum trend_direction direction, enum better better);

/* How far in front a series belongs where those that need a look come first: degrading ones, then
 * those that move without it being known which way is better, improving ones, steady ones; among
 * their like by the share that they change and how well the line fits. */
double trend_gravity(const struct trend *trend, enum trend_direction direction,
                     enum trend_assessment assessment);

#endif
