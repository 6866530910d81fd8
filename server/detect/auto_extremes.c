/* SPDX-License-Identifier: MIT */
#include "server/detect/auto_extremes.h"

#include <math.h>

#define TIME_MAX_S 1e13 /* the number of its block is below 2³² */

static uint32_t extremes_block(double timestamp_s)
{
    bool sane = timestamp_s >= 0 && timestamp_s < TIME_MAX_S;
    return sane ? (uint32_t)((int64_t)timestamp_s / AUTO_EXTREMES_BLOCK_S) + 1 : 1;
}

void auto_extremes_add(struct auto_extremes *extremes, double timestamp_s, float value)
{
    uint32_t block = extremes_block(timestamp_s);
    if (extremes->newest == 0) {
        extremes->oldest = block;
        extremes->newest = block - 1;
    }
    if (block > extremes->newest) {
        uint32_t fresh = block - extremes->newest;
        for (uint32_t i = 0; i < fresh && i < AUTO_EXTREMES_BLOCKS; i++) {
            extremes->high[(block - i) % AUTO_EXTREMES_BLOCKS] = -INFINITY;
            extremes->low[(block - i) % AUTO_EXTREMES_BLOCKS] = INFINITY;
        }
        extremes->newest = block;
    }
    uint32_t at = extremes->newest % AUTO_EXTREMES_BLOCKS;
    extremes->high[at] = value > extremes->high[at] ? value : extremes->high[at];
    extremes->low[at] = value < extremes->low[at] ? value : extremes->low[at];
}

double auto_extremes_reach(const struct auto_extremes *extremes, double timestamp_s, float value,
                           bool above)
{
    uint32_t free = extremes->newest + 1;
    for (unsigned i = 0; i < AUTO_EXTREMES_BLOCKS && free > extremes->oldest; i++) {
        uint32_t at = (free - 1) % AUTO_EXTREMES_BLOCKS;
        if (above ? extremes->high[at] > value : extremes->low[at] < value) {
            break;
        }
        free--;
    }
    if (free > extremes->newest) {
        return 0;
    }
    double reach = timestamp_s - ((double)free - 1) * AUTO_EXTREMES_BLOCK_S;
    double most = AUTO_EXTREMES_BLOCKS * AUTO_EXTREMES_BLOCK_S;
    return reach > 0 ? fmin(reach, most) : 0;
}
