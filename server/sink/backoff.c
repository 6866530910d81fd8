/* SPDX-License-Identifier: MIT */
#include "server/sink/backoff.h"

#define DOUBLINGS_MAX 16

uint32_t backoff_ms(unsigned failures, uint32_t chance)
{
    unsigned doublings = failures > 0 ? failures - 1 : 0;
    uint32_t bound = doublings < DOUBLINGS_MAX ? (uint32_t)BACKOFF_FIRST_MS << doublings
                                               : (uint32_t)BACKOFF_MAX_MS;
    bound = bound < BACKOFF_MAX_MS ? bound : BACKOFF_MAX_MS;
    uint32_t half = bound / 2;
    return half + chance % (bound - half + 1);
}
