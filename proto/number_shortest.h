/* SPDX-License-Identifier: MIT
 *
 * The shortest decimal that is read back as a given double: the arithmetic behind number_format(),
 * without its layout. Private to proto; pure.
 */
#ifndef PROTO_NUMBER_SHORTEST_H
#define PROTO_NUMBER_SHORTEST_H

#include <stdint.h>

/* digits * 10^exponent, with digits below 10^17 that may end in zeros; at least 10^15 when they
 * come from a normal double. */
struct number_decimal {
    uint64_t digits;
    int exponent;
};

/* Of all decimals that round to `value` (to nearest, ties to even), those with the fewest
 * significant digits; of these the one closest to `value`, and the even one of two equally close.
 * `value` is positive and finite. */
struct number_decimal number_shortest(double value);

#endif
