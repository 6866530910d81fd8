/* SPDX-License-Identifier: MIT
 *
 * DogStatsD events and service checks on their way from a worker's slice to a snapshot: a list with
 * a bound, moved on from one owner to the next. Nothing is aggregated. One thread at a time.
 */
#ifndef SERVER_METRICS_EVENTS_H
#define SERVER_METRICS_EVENTS_H

#include <stdint.h>

#include "proto/statsd.h"

/* Of a list, and so of a window. */
#define EVENTS_MAX 1000
#define EVENTS_BYTES_MAX ((uint32_t)1 << 20)
#define EVENT_TAGS_MAX 256

enum event_kind { EVENT_EVENT, EVENT_SERVICE_CHECK, EVENT_KINDS };
const char *event_kind_name(enum event_kind kind); /* "event", "service_check" */

/* What became of one that was received. */
enum event_loss {
    EVENT_STORED,
    EVENT_WINDOW_LIMIT, /* EVENTS_MAX or EVENTS_BYTES_MAX of the window */
    EVENT_TOO_MANY_TAGS,
    EVENT_MEMORY_LIMIT,
    EVENT_LOSSES
};
const char *event_loss_name(enum event_loss loss); /* a word fit for a label */

enum event_field {
    EVENT_NAME, /* an event's title */
    EVENT_TEXT, /* a check's message */
    EVENT_TAGS, /* raw, in TAGS_COLON, at most EVENT_TAGS_MAX */
    EVENT_HOST,
    EVENT_PRIORITY,
    EVENT_ALERT_TYPE,
    EVENT_AGGREGATION_KEY,
    EVENT_SOURCE_TYPE,
    EVENT_CONTAINER,
    EVENT_FIELDS
};

struct event_row {
    struct span fields[EVENT_FIELDS]; /* in the list's bytes; length 0 where absent */
    int64_t sent_s;                   /* as the sender says, Unix seconds; 0 where he does not */
    uint64_t received_ns;             /* monotonic */
    double time;                      /* Unix seconds, of the one or the other; set at the close */
    uint8_t kind;                     /* enum event_kind */
    uint8_t status;                   /* of a check, 0 to 3 */
};

/* All zero is an empty list. */
struct events {
    struct event_row *rows;
    char *bytes;
    uint32_t count, rows_max;
    uint32_t length, bytes_max;
};

void events_deinit(struct events *events);

/* Appends an event or a service check whose spans lie in `datagram`; the two characters `\n` in
 * name and text become an LF. */
enum event_loss events_add(struct events *events, const char *datagram,
                           const struct statsd_item *item, const struct statsd_details *details,
                           uint64_t received_ns);

/* Appends all of `from`, which ends up empty and without memory. Returns how many found no room,
 * all of them for *loss. */
uint32_t events_move(struct events *events, struct events *from, enum event_loss *loss);

/* Sets the time of every row: the sender's, or that of its coming, told by the monotonic and the
 * wall time (Unix seconds) of one moment, to the millisecond. */
void events_date(struct events *events, uint64_t now_ns, double now_s);

#endif
