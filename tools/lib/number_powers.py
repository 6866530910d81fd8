#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""number_powers.py: print proto/number_powers.c, the table of powers of ten.

    python3 tools/lib/number_powers.py > proto/number_powers.c

The entry of 10^k is the smallest integer g with g >= 10^k * 2^s, where s is chosen so that g has exactly 128 bits.
All arithmetic is exact, so that the output never changes; proto/number_powers.h says what it is for.
"""

FIRST = -292
LAST = 324
BITS = 128

HEAD = """/* SPDX-License-Identifier: MIT
 *
 * Printed by tools/lib/number_powers.py.
 */
#include "proto/number_powers.h"

const struct number_power number_powers[NUMBER_POWER_LAST - NUMBER_POWER_FIRST + 1] = {"""


def power(k: int) -> int:
    numerator, denominator = 10 ** max(k, 0), 10 ** max(-k, 0)
    shift = BITS - numerator.bit_length() + denominator.bit_length()
    # 10^k * 2^shift lies between 2^(BITS - 1) and 2^(BITS + 1), the ends excluded but for k = 0.
    if numerator << max(shift, 0) >= denominator << BITS - min(shift, 0):
        shift -= 1
    value = -(-(numerator << max(shift, 0)) // (denominator << max(-shift, 0)))
    assert value.bit_length() == BITS
    return value


def main() -> None:
    print(HEAD)
    for k in range(FIRST, LAST + 1):
        value = power(k)
        print(f"    {{0x{value >> 64:016x}, 0x{value & (1 << 64) - 1:016x}}}, /* 1e{k} */")
    print("};")


if __name__ == "__main__":
    main()
