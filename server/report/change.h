/* SPDX-License-Identifier: MIT
 *
 * Whether, when and by how much a series has changed its level: once for good, or for a while in
 * between. By ranks, so that single spikes count for little and nothing is assumed of how values
 * are spread.
 *
 * Of all stretches of neighbouring values the one is taken whose ranks differ most from those of
 * the rest by the test of Wilcoxon (1945) and Mann and Whitney (1947), in its normal approximation
 * with the correction for ties; a stretch up to the end is a step, and is preferred to one in
 * between unless that is clearly better. What it may be by chance is multiplied by how many
 * stretches were tried (Bonferroni). A change is told of only if that is less than one in a
 * hundred, and if it is larger than three times the deviation that is left (1.4826 times the median
 * distance from the medians) and than a share of the level.
 *
 * Neighbours that are alike make every wandering series look changed. Of the values so many count
 * as are independent, n (1-r)/(1+r) by the correlation r of what is left of neighbours once the
 * levels are taken out (Bartlett 1935), and deviations are larger by the root of that.
 *
 * Pure functions; any thread.
 */
#ifndef SERVER_REPORT_CHANGE_H
#define SERVER_REPORT_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/report/points.h"

/* Fewer values than this are never judged. */
#define CHANGE_VALUES_MIN 8
/* Nor is a level of which there are fewer than this. */
#define CHANGE_PART_MIN 3
#define CHANGE_LIKELIHOOD_MAX 0.01
#define CHANGE_EFFECT_MIN 3.0

enum change_shape {
    CHANGE_NONE,
    CHANGE_STEP, /* from `from` on */
    CHANGE_BUMP  /* from `from` to `to`, and then as before */
};

struct change {
    enum change_shape shape;
    size_t from, to;      /* points: the first and the last of the other level */
    double before, after; /* medians outside and inside; of a step: before and behind it */
    double likelihood;    /* that chance alone makes it */
    double effect;        /* |after - before| in such deviations, at most CHANGE_EFFECT_MAX */
    double size; /* |ln(after/before)|, at most CHANGE_SIZE_MAX; the share where one is 0 or
                    their signs differ */
};

#define CHANGE_EFFECT_MAX 1e3
#define CHANGE_SIZE_MAX 7.0

/* The change of up to POINTS_MAX values, NaN where there is none. `share_min` is how large it has
 * to be, as a share of the level before. */
struct change change_find(const double *values, size_t count, double share_min);

#endif
