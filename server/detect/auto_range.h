/* SPDX-License-Identifier: MIT
 *
 * Part `range` of the method `auto`: whether a signal left the range it has kept to so far. The
 * signal is smoothed, y += w (input - y). Its usual step is the mean of |y - y before|. A break by
 * d out of [low, high] is worth
 *
 *     d / sqrt((high - low) * step)
 *
 * since a signal that wanders in small steps (step much below its range) breaks its range softly,
 * by some steps, and one that jumps about breaks it by a good part of the range; the geometric mean
 * of both is the yardstick in between that found most with least parameters. The range then shrinks
 * at both ends by AUTO_RANGE_LEAK of itself, so that old extremes are forgotten, and takes y in,
 * but no more than AUTO_RANGE_CLIP yardsticks at a time, lest an anomaly becomes the usual at once.
 * (A bounded influence, as of Huber's estimators, 1964: what wanders is followed at its own pace,
 * and a lasting jump is taken in within some sixty windows, since it makes the step larger.)
 *
 * Pure arithmetic on the caller's struct. All zero is a range that has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_RANGE_H
#define SERVER_DETECT_AUTO_RANGE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct auto_range {
    float signal; /* y */
    float step;
    float low, high;
};

#define AUTO_RANGE_LEAK 0.0003f /* half of a range is forgotten in 1,200 windows */
#define AUTO_RANGE_CLIP 0.5f
#define AUTO_RANGE_STEP 0.008f /* weight of the newest step */

/* What a range grows by at an end, of which the signal is so far outside. */
static inline float auto_range_learnt(float distance, float most)
{
    return distance < 0 ? 0 : distance < most ? distance : most;
}

/* Whether a value lies outside by more than the width. */
static inline bool auto_range_is_far(const struct auto_range *range, float value)
{
    float middle = (range->low + range->high) / 2;
    return fabsf(value - middle) > 1.5f * (range->high - range->low);
}

/* Takes an input in and returns the worth of the break: 0 inside, above 0 over the range, below 0
 * under it. `age` counts the inputs before this one and `weight` is w; young signals are plain
 * means. */
static inline float auto_range_observe(struct auto_range *range, float input, uint32_t age,
                                       float weight)
{
    if (age == 0) {
        *range = (struct auto_range){.signal = input, .low = input, .high = input};
        return 0;
    }
    float plain = 1 / ((float)age + 1);
    float move = (input - range->signal) * (weight > plain ? weight : plain);
    float width = range->high - range->low;
    range->signal += move;
    range->step +=
        (fabsf(move) - range->step) * (plain > AUTO_RANGE_STEP ? plain : AUTO_RANGE_STEP);
    float over = range->signal - range->high;
    float under = range->signal - range->low;
    float beyond = over > 0 ? over : under < 0 ? under : 0;
    float yardstick = sqrtf(width * range->step);
    float most = yardstick > 0 ? AUTO_RANGE_CLIP * yardstick : INFINITY;
    range->low += AUTO_RANGE_LEAK * width;
    range->high -= AUTO_RANGE_LEAK * width;
    range->high += auto_range_learnt(range->signal - range->high, most);
    range->low -= auto_range_learnt(range->low - range->signal, most);
    return yardstick > 0 ? beyond / yardstick : 0;
}

#endif
