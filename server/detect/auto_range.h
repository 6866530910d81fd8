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
 * at both ends by AUTO_RANGE_LEAK of itself, so that old extremes are forgotten, and takes y in;
 * while an anomaly was just told of only AUTO_RANGE_LEARN of the way, lest an anomaly becomes the
 * usual.
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

#define AUTO_RANGE_LEAK 0.0003068f /* half of a range is forgotten in 1,100 windows */
#define AUTO_RANGE_LEARN 0.1416f
#define AUTO_RANGE_STEP 0.007959f /* weight of the newest step */

/* Takes an input in and returns the worth of the break: 0 inside, above 0 over the range, below 0
 * under it. `age` counts the inputs before this one and `weight` is w; young signals are plain
 * means. */
static inline float auto_range_observe(struct auto_range *range, float input, uint32_t age,
                                       float weight, bool holding)
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
    float learn = holding ? AUTO_RANGE_LEARN : 1;
    range->low += AUTO_RANGE_LEAK * width;
    range->high -= AUTO_RANGE_LEAK * width;
    if (range->signal > range->high) {
        range->high += learn * (range->signal - range->high);
    }
    if (range->signal < range->low) {
        range->low += learn * (range->signal - range->low);
    }
    return yardstick > 0 ? beyond / yardstick : 0;
}

#endif
