/* SPDX-License-Identifier: MIT
 *
 * Part `level` of the method `auto`: whether the short mean left the long one, which is how shifts
 * and drifts begin. The residual against the long mean is smoothed and held against its own rms
 * (auto_residual.h).
 *
 * Pure arithmetic on the caller's struct. All zero has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_LEVEL_H
#define SERVER_DETECT_AUTO_LEVEL_H

#include <stdint.h>

#include "server/detect/auto_residual.h"

struct auto_level {
    float mean; /* the long one */
    struct auto_residual residual;
};

#define AUTO_LEVEL_MEAN 0.007f

/* Of the residual: weights of the newest one and of its square. */
#define AUTO_LEVEL_SMOOTH 0.5f
#define AUTO_LEVEL_SQUARE 0.012f
#define AUTO_LEVEL_WARMUP 60

/* Takes a value in; its worth with the sign of the residual. */
static inline float auto_level_observe(struct auto_level *level, float value, uint32_t age)
{
    const struct auto_residual_rule rule = {.weight = AUTO_LEVEL_SMOOTH,
                                            .square_weight = AUTO_LEVEL_SQUARE,
                                            .warmup = AUTO_LEVEL_WARMUP};
    float plain = 1 / ((float)age + 1);
    float off = value - level->mean;
    level->mean += off * (plain > AUTO_LEVEL_MEAN ? plain : AUTO_LEVEL_MEAN);
    return auto_residual_observe(&level->residual, &rule, age == 0 ? 0 : off, age);
}

#endif
