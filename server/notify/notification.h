/* SPDX-License-Identifier: MIT
 *
 * One thing to be told: a copy of an alert's row, in one piece of memory with its texts. Immutable,
 * but for the links of the queue it is in, whose lock guards them.
 */
#ifndef SERVER_NOTIFY_NOTIFICATION_H
#define SERVER_NOTIFY_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/alert.h"

struct notification {
    struct notification *next, *previous; /* in the order of the queue */
    struct notification *same;            /* of the same bucket */
    uint64_t hash;                        /* of what tells alerts apart */
    uint64_t since_ns;                    /* monotonic: when it was first to be told */
    size_t bytes;                         /* of memory */
    bool again;                           /* said before; told again as it still lasts */
    struct alert_row row;                 /* its texts are `texts` */
    char texts[];
};

/* NULL without memory. */
struct notification *notification_new(const struct alert_row *row, bool again, uint64_t now_ns);
void notification_free(struct notification *notification);

/* Whether both are of one alert: the same rule on the same series. */
bool notification_is_same(const struct notification *left, const struct notification *right);

static inline bool notification_is_over(const struct notification *notification)
{
    return notification->row.state == ALERT_RESOLVED;
}

/* "firing" or "resolved". */
const char *notification_status(const struct notification *notification);

#endif
