/* SPDX-License-Identifier: MIT
 *
 * Highest and lowest value of each of the last AUTO_EXTREMES_BLOCKS blocks of two hours, for the
 * words of the method `auto`: "highest in 6 h". It judges nothing.
 *
 * Pure arithmetic on the caller's struct. All zero has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_EXTREMES_H
#define SERVER_DETECT_AUTO_EXTREMES_H

#include <stdbool.h>
#include <stdint.h>

#define AUTO_EXTREMES_BLOCKS 12
#define AUTO_EXTREMES_BLOCK_S 7200

struct auto_extremes {
    float high[AUTO_EXTREMES_BLOCKS], low[AUTO_EXTREMES_BLOCKS]; /* at number % BLOCKS */
    uint32_t newest; /* number of the newest block, from 1; 0: there is none */
    uint32_t oldest; /* of the first */
};

/* Takes a value in. A time before the newest block's counts to the newest. */
void auto_extremes_add(struct auto_extremes *extremes, double timestamp_s, float value);

/* For how many seconds before this time there was no value above (`above`; else: below) this one,
 * to be asked before it is added: at least so many, since of the oldest block that is free of such
 * values only its beginning is known, and at most the time of all blocks. 0: there was one in the
 * newest block. */
double auto_extremes_reach(const struct auto_extremes *extremes, double timestamp_s, float value,
                           bool above);

#endif
