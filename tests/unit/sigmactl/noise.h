/* SPDX-License-Identifier: MIT
 *
 * Runs under noise, for tests of what tells them apart: windows around a level, in several models
 * of what real windows do. The same in every run.
 */
#ifndef TESTS_UNIT_SIGMACTL_NOISE_H
#define TESTS_UNIT_SIGMACTL_NOISE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/random.h"

enum noise_model {
    NOISE_GAUSSIAN,   /* 8 % a window */
    NOISE_LOGNORMAL,  /* skewed, 8 % a window */
    NOISE_CORRELATED, /* first order, r = 0.6, 3.5 % a window */
    NOISE_SPIKES,     /* 5 %, and each tenth window two to ten times the level */
    NOISE_WHOLE,      /* whole numbers, as a timer of milliseconds gives */
    NOISE_MODELS
};

static inline double noise_uniform(uint64_t *seed)
{
    return ((double)(random_next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

/* Box and Muller 1958. */
static inline double noise_normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(noise_uniform(seed)));
    return radius * cos(6.283185307179586 * noise_uniform(seed));
}

static inline void noise_fill(enum noise_model model, double level, double *values, size_t count,
                              uint64_t *seed)
{
    double state = noise_normal(seed);
    for (size_t i = 0; i < count; i++) {
        double normal = noise_normal(seed);
        switch (model) {
        case NOISE_GAUSSIAN:
            values[i] = level * (1 + 0.08 * normal);
            break;
        case NOISE_LOGNORMAL:
            values[i] = level * exp(0.08 * normal);
            break;
        case NOISE_CORRELATED:
            state = 0.6 * state + 0.8 * normal;
            values[i] = level * (1 + 0.035 * state);
            break;
        case NOISE_SPIKES:
            values[i] = level * (1 + 0.05 * normal);
            values[i] *= noise_uniform(seed) < 0.1 ? 2 + 8 * noise_uniform(seed) : 1;
            break;
        case NOISE_WHOLE:
            values[i] = round(level * (1 + 0.08 * normal));
            break;
        case NOISE_MODELS:
            break;
        }
    }
}

#endif
