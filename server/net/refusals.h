/* SPDX-License-Identifier: MIT
 *
 * Refused lines on their way from a worker to the log, with their sender: a small ring with one
 * writer (the worker) and one reader (the main thread), behind a token bucket. What does not pass
 * the bucket or the ring is counted and told with the next line that does. The totals by reason are
 * complete in any case.
 */
#ifndef SERVER_NET_REFUSALS_H
#define SERVER_NET_REFUSALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"

#define REFUSALS_SLOTS 32
#define REFUSAL_LINE_BYTES 160

struct refusal {
    char sender[ADDRESS_TEXT_MAX];
    char line[REFUSAL_LINE_BYTES]; /* its beginning, NUL-terminated, NUL bytes shown as '?' */
    uint32_t line_length;          /* as received */
    unsigned reason;               /* enum statsd_reason or enum loss_reason */
    uint64_t suppressed;           /* refused since the one before and not shown */
};

struct refusals {
    struct refusal slots[REFUSALS_SLOTS];
    _Atomic uint32_t written, read;
    double tokens, tokens_per_ns, tokens_max;
    uint64_t filled_ns;
    uint64_t suppressed;
};

/* `per_second` 0 shows nothing. */
void refusals_init(struct refusals *refusals, double per_second, unsigned burst);

/* Worker: a line was refused at monotonic time now_ns. */
void refusals_add(struct refusals *refusals, unsigned reason, const char *line, size_t length,
                  const struct sockaddr *sender, uint64_t now_ns);

/* Main thread: the next one to log; false when there is none. */
bool refusals_next(struct refusals *refusals, struct refusal *refusal);

#endif
