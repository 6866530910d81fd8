/* SPDX-License-Identifier: MIT
 *
 * The sink of one [notify] section: takes from each closed window what its alerts have for it, and
 * tells it through a channel, one request at a time. The flusher's thread puts into the queue, the
 * main thread's event loop takes out, renders and sends. What may pass is tried again after a pause
 * that grows (server/sink/pump.h), or that the receiver asks for, until it is too old; what is
 * refused, too old, or has no room is lost, counted and logged. No notifier waits for another.
 *
 * A window is done for it as soon as it was looked at: neither POST /-/flush nor /-/ready waits for
 * a receiver.
 */
#ifndef SERVER_NOTIFY_NOTIFIER_H
#define SERVER_NOTIFY_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/notify/channel.h"
#include "server/sink/sink.h"

struct event_base;

/* Of the time that a stop has, at most so much. */
#define NOTIFIER_STOP_MS_MAX 3000

/* A firing alert is over for an Alertmanager that has not heard of it for so many
 * resends, or windows where those are longer. */
#define NOTIFIER_LASTS_RESENDS 4

typedef struct channel *notifier_make_channel(const struct config_notify *config,
                                              struct event_base *base, channel_done *done,
                                              void *context, char *reason, size_t reason_size);

struct notifier_options {
    const struct config *config; /* until notifier_configure() gives another */
    size_t index;                /* of the section, and of its bit in a row */
    const struct clock *clock;
    struct event_base *base;
    notifier_make_channel *make_channel; /* channel_new, but for tests */
    sink_notify *notify;
    void *context;
};

/* NULL with the reason. */
struct sink *notifier_new(const struct notifier_options *options, char *reason, size_t reason_size);

/* After a reload; its own section is as it was, but the files of secrets that it names are read
 * anew. What cannot be read stays as it was, with a warning. Main thread. */
void notifier_configure(struct sink *sink, const struct config *config);

#endif
