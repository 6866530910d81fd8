/* SPDX-License-Identifier: MIT
 *
 * How long to wait before the next attempt: the bound doubles with each failure in a row, and half
 * of the wait is by chance, so that many clients of one server that was away do not come back at
 * the same moment. Pure.
 */
#ifndef SERVER_SINK_BACKOFF_H
#define SERVER_SINK_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000

/* The wait after so many failures in a row (1 and more), in ms: from half of the bound to the
 * bound, which is BACKOFF_FIRST_MS * 2^(failures - 1) up to BACKOFF_MAX_MS. `chance` is a random
 * number. */
uint32_t backoff_ms(unsigned failures, uint32_t chance);

#endif
