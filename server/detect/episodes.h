/* SPDX-License-Identifier: MIT
 *
 * The state of what deviates at present: one episode a statistic, from its start row to its end
 * row. Most series never need one, so episodes come from a pool that grows with use up to
 * EPISODES_MAX. Handles are small numbers, 0 for none; a pointer to an episode is valid until the
 * next episodes_take().
 *
 * One thread at a time.
 */
#ifndef SERVER_DETECT_EPISODES_H
#define SERVER_DETECT_EPISODES_H

#include <stddef.h>
#include <stdint.h>

#include "server/detect/sigma.h"
#include "server/metrics/snapshot.h"

#define EPISODES_MAX UINT16_MAX

struct episode {
    /* As the list of active anomalies shows it: the numbers of the latest window that was judged,
     * the severest severity so far, and the reason of the window that brought it there. */
    struct anomaly_row row;
    struct baseline *baseline; /* that holds this episode's handle; NULL: the episode is free */
    struct sigma_run run;      /* of the windows of the episode that had samples */
    uint64_t fed_window;       /* the latest window with samples, or the one before the start */
    enum sigma_side side;
    uint16_t next_free;
};

/* All zero is empty. */
struct episodes {
    struct episode *items; /* handle h is items[h - 1] */
    uint32_t capacity;
    uint32_t made;   /* handles 1 to made were in use at some time */
    uint32_t active; /* and so many are now */
    uint16_t free;   /* head of the list of free ones */
};

void episodes_deinit(struct episodes *episodes);

/* A handle to an episode that is all zero; 0 at the bound or without memory. The caller sets
 * `baseline`. */
uint16_t episodes_take(struct episodes *episodes);
void episodes_give(struct episodes *episodes, uint16_t handle);

static inline struct episode *episodes_at(const struct episodes *episodes, uint16_t handle)
{
    return &episodes->items[handle - 1];
}

#endif
