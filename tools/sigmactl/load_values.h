/* SPDX-License-Identifier: MIT
 *
 * The values that a load generator sends, rendered beforehand: a table a type, alike for every seed
 * that is alike. Counters are whole and small, timers log-normal around 40 ms, gauges up to 1,000,
 * histograms sizes in bytes, distributions fractions, sets one of LOAD_VALUES members. Pure.
 */
#ifndef TOOLS_SIGMACTL_LOAD_VALUES_H
#define TOOLS_SIGMACTL_LOAD_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/statsd.h"

#define LOAD_VALUE_BITS 10
#define LOAD_VALUES (1 << LOAD_VALUE_BITS)
#define LOAD_UNIFORM_LENGTH 5

struct load_value {
    char text[11];
    uint8_t length;
    uint32_t thousandths; /* the exact value; 0 for sets */
};
_Static_assert(sizeof(struct load_value) == 16, "rendering copies a value as 16 bytes");

/* Uniform 64 bits from a state that may start anywhere: SplitMix64 (Steele, Lea and Flood 2014). */
static inline uint64_t load_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Draws the values of each type; with `uniform` all of them have LOAD_UNIFORM_LENGTH characters. */
void load_values_fill(struct load_value values[STATSD_TYPES][LOAD_VALUES], uint64_t seed,
                      bool uniform);

#endif
