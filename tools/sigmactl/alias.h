/* SPDX-License-Identifier: MIT
 *
 * Draws an index by its weight in constant time: the alias method of Walker (1977), built as Vose
 * (1991) does. Pure but for the memory of the table; after it is built any thread may draw.
 */
#ifndef TOOLS_SIGMACTL_ALIAS_H
#define TOOLS_SIGMACTL_ALIAS_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of a draw beyond the 32 that choose the column. */
#define ALIAS_THRESHOLD_BITS 22

struct alias_column {
    uint32_t threshold; /* of 2^ALIAS_THRESHOLD_BITS: below it the column itself, else its alias */
    uint32_t alias;
};

/* Fills `columns` for `count` weights, which are not negative and have a positive sum; scales the
 * weights in place. False without memory. */
bool alias_build(struct alias_column *columns, double *weights, uint32_t count);

/* `random` is 64 uniform bits, of which the lowest 10 are not used. */
static inline uint32_t alias_draw(const struct alias_column *columns, uint32_t count,
                                  uint64_t random)
{
    uint32_t column = (uint32_t)(((random >> 32) * count) >> 32);
    uint32_t part = (uint32_t)random >> (32 - ALIAS_THRESHOLD_BITS);
    return part < columns[column].threshold ? column : columns[column].alias;
}

#endif
