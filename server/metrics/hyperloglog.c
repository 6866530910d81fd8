/* SPDX-License-Identifier: MIT */
#include "server/metrics/hyperloglog.h"

#include <math.h>

/* Ertl's q: bits below the register number. Ranks go from 1 to q + 1; 0 is an untouched register.
 */
#define RANK_BITS (64 - HYPERLOGLOG_PRECISION)

void hyperloglog_add(uint8_t *registers, uint64_t hash)
{
    uint64_t below = hash << HYPERLOGLOG_PRECISION;
    uint8_t rank = (uint8_t)(below ? __builtin_clzll(below) + 1 : RANK_BITS + 1);
    uint8_t *reg = &registers[hash >> RANK_BITS];
    if (*reg < rank) {
        *reg = rank;
    }
}

void hyperloglog_merge(uint8_t *registers, const uint8_t *from)
{
    for (unsigned i = 0; i < HYPERLOGLOG_REGISTERS; i++) {
        registers[i] = registers[i] < from[i] ? from[i] : registers[i];
    }
}

/* x + Σ x^(2^k) 2^(k-1): what untouched registers tell. Infinite for x = 1, the empty sketch. */
static double sigma(double x)
{
    if (x == 1) {
        return (double)INFINITY;
    }
    double sum = x, before, factor = 1;
    do {
        x *= x;
        before = sum;
        sum += x * factor;
        factor *= 2;
    } while (sum != before);
    return sum;
}

/* (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3: what full registers tell. */
static double tau(double x)
{
    if (x == 0 || x == 1) {
        return 0;
    }
    double sum = 1 - x, before, factor = 1;
    do {
        x = sqrt(x);
        before = sum;
        factor /= 2;
        sum -= (1 - x) * (1 - x) * factor;
    } while (sum != before);
    return sum / 3;
}

double hyperloglog_estimate(const uint8_t *registers)
{
    uint32_t counts[RANK_BITS + 2] = {0};
    for (unsigned i = 0; i < HYPERLOGLOG_REGISTERS; i++) {
        counts[registers[i]]++;
    }
    const double m = HYPERLOGLOG_REGISTERS;
    double z = m * tau(1 - counts[RANK_BITS + 1] / m);
    for (unsigned rank = RANK_BITS; rank >= 1; rank--) {
        z = (z + counts[rank]) / 2;
    }
    z += m * sigma(counts[0] / m);
    /* α of infinitely many registers, 1 / (2 ln 2). */
    return m * m / (2 * log(2)) / z;
}
