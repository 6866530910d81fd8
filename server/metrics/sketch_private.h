/* SPDX-License-Identifier: MIT
 *
 * What the phases of a sketch share. Private to sketch*.c.
 */
#ifndef SERVER_METRICS_SKETCH_PRIVATE_H
#define SERVER_METRICS_SKETCH_PRIVATE_H

#include <stdint.h>

enum sketch_phase {
    SKETCH_PHASE_EXACT,
    SKETCH_PHASE_LIST,
    SKETCH_PHASE_HISTOGRAM,
    SKETCH_PHASE_SAMPLES
};

/* The first member of struct sketch_exact, _list, _histogram and _samples. */
struct sketch {
    uint8_t phase;
};

/* The whole units that a sample of `weight` counts for, with what `*carry` holds from samples
 * before; the fraction goes to *carry. A sum that rounding left this little below a whole number is
 * that number, so that ten samples of 1/0.3, 33.3 units, are 33 and the next five make it 50 and
 * not 49. */
#define SKETCH_CARRY_TOLERANCE 0x1p-20

static inline uint64_t sketch_whole_units(double weight, double *carry)
{
    double sum = weight + *carry;
    if (!(sum < 0x1p63)) {
        *carry = 0;
        return INT64_MAX;
    }
    uint64_t units = (uint64_t)(sum + SKETCH_CARRY_TOLERANCE);
    *carry = sum - (double)units;
    return units;
}

/* Counts stop at the top instead of starting again from zero. */
static inline uint64_t sketch_units_sum(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* The cumulative weight that answers to a percent. The tolerance makes 99.9 % of 1,000 equal
 * samples the 999th, although 99.9 / 100 * 1000 is above 999 in binary. */
static inline double sketch_rank(double percent, double weight)
{
    return percent / 100 * weight * (1 - 1e-12);
}

#endif
