/* SPDX-License-Identifier: MIT
 *
 * Decimals: doubles that are a whole number of units of 10^-places, as a timer of 12.345 is 12345
 * units of 10^-3. The quotient of two integers is rounded once where both are exact as doubles, so
 * that it is the double nearest to the decimal, which is what reading its text gives too (William
 * D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990, the fast path; exact
 * means below 2^53, and for powers of ten up to 10^22). Units are 32 bits, and so no two of them
 * are one double, at any number of places: a value has its units or has none.
 *
 * Places go from 0, for whole numbers too large for a float, to 9, nanoseconds in seconds; with ten
 * there would be no units for a value of 1. A value with units at some places has them at all more
 * places where they are within 32 bits. -0.0 has none, because 0 units are +0.0. Pure functions;
 * private to the sketch.
 */
#ifndef SERVER_METRICS_SKETCH_DECIMAL_H
#define SERVER_METRICS_SKETCH_DECIMAL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SKETCH_PLACES_MAX 9

extern const double sketch_powers_of_ten[SKETCH_PLACES_MAX + 1];

static inline double sketch_decimal_value(int32_t units, unsigned places)
{
    return units / sketch_powers_of_ten[places];
}

static inline uint64_t sketch_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* False when no units at `places` are this very double, bit for bit. */
static inline bool sketch_decimal_units(double value, unsigned places, int32_t *units)
{
    /* Next to this no double has a fraction: adding it rounds to the nearest whole number. */
    const double rounding = 0x1.8p52;
    double power = sketch_powers_of_ten[places];
    double whole = (value * power + rounding) - rounding;
    bool within = fabs(whole) <= INT32_MAX;
    *units = within ? (int32_t)whole : 0;
    return within && sketch_bits(whole / power) == sketch_bits(value);
}

/* The numbers of places at which all of some values have units; most < least when there are none.
 */
struct sketch_places {
    int least, most;
};

#define SKETCH_PLACES_ANY ((struct sketch_places){0, SKETCH_PLACES_MAX})

/* Leaves those of *places that `value` has units at. */
void sketch_places_narrow(struct sketch_places *places, double value);

#endif
