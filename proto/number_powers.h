/* SPDX-License-Identifier: MIT
 *
 * Powers of ten with 128 significant bits, for conversions between binary and decimal that are
 * proved right with that many. Private to proto; constant. The table is printed by
 * tools/lib/number_powers.py and computed once more, by other means, in its unit test.
 */
#ifndef PROTO_NUMBER_POWERS_H
#define PROTO_NUMBER_POWERS_H

#include <stdint.h>

/* What turns the last binary place of any double into the decimal place next to it. */
#define NUMBER_POWER_FIRST (-292)
#define NUMBER_POWER_LAST 324

/* g = high * 2^64 + low has its top bit set, and 10^k <= g * 2^(floor(log2(10^k)) - 127) < 10^k *
 * (1 + 2^-127): rounded up where it is not exact. */
struct number_power {
    uint64_t high;
    uint64_t low;
};

/* number_powers[k - NUMBER_POWER_FIRST] is 10^k. */
extern const struct number_power number_powers[NUMBER_POWER_LAST - NUMBER_POWER_FIRST + 1];

/* floor(log2(10^k)) for |k| <= 324: 1741647 / 2^19 is log2(10) to 1 in 10^7. */
static inline int number_power_log2(int k)
{
    return (k * 1741647) >> 19;
}

#endif
