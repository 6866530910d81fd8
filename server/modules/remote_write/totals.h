/* SPDX-License-Identifier: MIT
 *
 * All samples of a timer series since it was first seen as a native histogram, in the unit that
 * /metrics shows it in. Where several StatsD timers are shown as one, their sketches are merged;
 * where they differ in unit or scale, bucket by bucket. One thread at a time.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_TOTALS_H
#define SERVER_MODULES_REMOTE_WRITE_TOTALS_H

#include <stdbool.h>

#include "server/core/pool.h"
#include "server/http/sample.h"
#include "server/metrics/native_histogram.h"

/* False without memory: nothing may be shown then. */
bool totals_make(const struct sampler *sampler, const struct series *series,
                 struct native_histogram *native);

#endif
