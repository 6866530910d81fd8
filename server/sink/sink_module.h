/* SPDX-License-Identifier: MIT
 *
 * A sink that lives in a module (server/core/module.h): what the module offers, and what it is
 * given. Main thread only.
 */
#ifndef SERVER_SINK_SINK_MODULE_H
#define SERVER_SINK_SINK_MODULE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/sink/sink.h"

/* What a sink is made with. All of it outlives the sink. */
struct sink_environment {
    const struct config *config; /* until sink_module.configure() gives another */
    const struct clock *clock;
    struct event_base *base; /* the main thread's: for sinks that speak to a network */
    sink_notify *notify;     /* may be called from any thread */
    void *context;           /* of notify */
};

struct sink_module {
    /* Makes the sink; NULL with the reason. */
    struct sink *(*new)(const struct sink_environment *environment, char *reason,
                        size_t reason_size);
    /* After a reload: the old configuration may be gone once it returns. NULL = the sink has kept
     * no pointer to it and has nothing to change. */
    void (*configure)(struct sink *sink, const struct config *config);
    /* For --check: false with the reason where new() would refuse what is configured. Opens
     * nothing. NULL = whatever the schema takes is right. */
    bool (*check)(const struct config *config, char *reason, size_t reason_size);
};

/* What the module `name` offers; NULL with the reason, as module_load(). */
const struct sink_module *sink_module_load(const char *name, const char *wanted_by, char *reason,
                                           size_t reason_size);

#endif
