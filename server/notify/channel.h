/* SPDX-License-Identifier: MIT
 *
 * What brings notifications to one receiver: a program (program.h), or HTTP and mail by the module
 * `notify`. One request at a time; what becomes of it is told by a call. Lives on the main thread's
 * event base; all calls come from there.
 */
#ifndef SERVER_NOTIFY_CHANNEL_H
#define SERVER_NOTIFY_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/notify/notification.h"

struct event_base;

struct channel_request {
    const char *bytes; /* the body */
    size_t length;
    const struct notification *first; /* of those in it */
};

struct channel_outcome {
    bool taken;
    bool again;             /* unless taken: it may be later */
    uint64_t retry_after_s; /* that the receiver asks for; 0 = unsaid */
    uint64_t sent_bytes;
    char reason[128]; /* unless taken */
};

typedef void channel_done(void *context, const struct channel_outcome *outcome);

struct channel;

struct channel_ops {
    /* Begins a request, whose bytes and notification must stay until done(), which may be called
     * before this returns. */
    void (*send)(struct channel *channel, const struct channel_request *request);
    /* Reads anew what is in files of its section, which is as it was, for the requests after the
     * one under way. False with the reason where that cannot be; then all stays as it was. NULL =
     * there are none. */
    bool (*renew)(struct channel *channel, const struct config_notify *config, char *reason,
                  size_t reason_size);
    /* Ends a request under way without a word, and frees. */
    void (*free)(struct channel *channel);
};

struct channel {
    const struct channel_ops *ops;
};

/* What a module of kind MODULE_CHANNEL offers. */
struct channel_module {
    /* Reads secrets and makes the channel; the configuration may go afterwards. NULL with the
     * reason. */
    struct channel *(*new)(const struct config_notify *config, struct event_base *base,
                           channel_done *done, void *context, char *reason, size_t reason_size);
    /* False with the reason where new() would refuse; opens no connection. */
    bool (*check)(const struct config_notify *config, char *reason, size_t reason_size);
};

/* The channel for what is configured. NULL with the reason. */
struct channel *channel_new(const struct config_notify *config, struct event_base *base,
                            channel_done *done, void *context, char *reason, size_t reason_size);

/* For --check: false with the reason where channel_new() would refuse. */
bool channel_check(const struct config_notify *config, char *reason, size_t reason_size);

#endif
