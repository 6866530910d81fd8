/* SPDX-License-Identifier: MIT
 *
 * The row of a timer, histogram or distribution: moments, percentiles and cumulative buckets from
 * its sketch. Flusher only.
 */
#ifndef SERVER_FLUSH_DERIVE_TIMER_H
#define SERVER_FLUSH_DERIVE_TIMER_H

#include <stddef.h>

#include "config/config.h"

struct derivation;
struct identity;
struct timer_series;

/* How many numbers a row takes at most, percentiles and buckets. */
size_t derive_timer_numbers_max(const struct config *config);

/* Adds the row to the snapshot; closing also hands it to the detector and begins the next window at
 * nothing. */
void derive_timer(struct derivation *derivation, struct timer_series *timer,
                  const struct identity *identity);

#endif
