/* SPDX-License-Identifier: MIT
 *
 * Schubfach, after Raffaello Giulietti, "The Schubfach way to render doubles" (2021). The doubles
 * next to a value leave an interval of reals that are read as this value. It is at least as wide
 * as 10^k and narrower than 10^(k+1), so that it holds at most one multiple of 10^(k+1), which then
 * is the shortest decimal whatever zeros it ends in, and else some multiple of 10^k. Both grids are
 * judged by the interval's ends and middle in quarters of 10^k. For that each needs its whole part
 * and whether there is a rest, no more, and 128 bits of the power of ten suffice for both. Both
 * answers are computed and one is selected, because nothing predicts which it will be.
 */
#include "proto/number_shortest.h"

#include <stdbool.h>
#include <string.h>

#include "proto/number_powers.h"

#define FRACTION_BITS 52
#define EXPONENT_BIAS 1075

__extension__ typedef unsigned __int128 uint128;

/* floor(x) for x = 10^k * factor, scaled to the power's exponent, with the lowest bit set also
 * where x is no integer: it then compares with every even integer as x does. Where the answer turns
 * on it, an x that is no integer is more than 2^-63 away from one; that is the theorem on which the
 * method rests. The power's being rounded up adds less than 2^-68. */
static uint64_t round_to_odd(struct number_power power, uint64_t factor)
{
    uint64_t carried = (uint64_t)((uint128)power.low * factor >> 64);
    uint128 product = (uint128)power.high * factor + carried;
    return (uint64_t)(product >> 64) | ((uint64_t)product != 0);
}

/* What is read as one double, in quarters of 10^exponent, ends included. */
struct interval {
    uint64_t lower;
    uint64_t middle;
    uint64_t upper;
    int exponent;
};

/* The value is significand * 2^exponent; `narrow` says that it is a power of two, with the double
 * below it only half as far away as the one above. The ends themselves are read as the double with
 * the even significand, so that an odd one leaves them out. */
static struct interval interval_around(uint64_t significand, int exponent, bool narrow)
{
    /* floor(log10(2^exponent)), or of 3/4 of it, by log10(2) and log10(4/3) in units of 2^-22. */
    int decimal = (exponent * 1262611 - (narrow ? 524031 : 0)) >> 22;
    int shift = exponent + number_power_log2(-decimal) + 1;
    struct number_power power = number_powers[-decimal - NUMBER_POWER_FIRST];
    uint64_t odd = significand & 1;
    uint64_t quarters = significand * 4;
    return (struct interval){
        .lower = round_to_odd(power, (quarters - 2 + narrow) << shift) + odd,
        .middle = round_to_odd(power, quarters << shift),
        .upper = round_to_odd(power, (quarters + 2) << shift) - odd,
        .exponent = decimal,
    };
}

struct number_decimal number_shortest(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int exponent = (int)(bits >> FRACTION_BITS);
    bool normal = exponent > 0;
    struct interval within =
        interval_around(normal ? fraction | UINT64_C(1) << FRACTION_BITS : fraction,
                        (normal ? exponent : 1) - EXPONENT_BIAS, fraction == 0 && exponent > 1);
    uint64_t tens = within.middle / 40 * 10;
    bool tens_below = within.lower <= 4 * tens;
    bool tens_above = 4 * tens + 40 <= within.upper;
    uint64_t ones = within.middle / 4;
    bool below = within.lower <= 4 * ones;
    bool above = 4 * ones + 4 <= within.upper;
    /* The middle against the half-way point, a tie against the even digit. */
    bool up = (within.middle & 3) + (ones & 1) > 2;
    ones += below != above ? above : up;
    tens += tens_above ? 10 : 0;
    return (struct number_decimal){tens_below != tens_above ? tens : ones, within.exponent};
}
