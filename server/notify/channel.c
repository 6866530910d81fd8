/* SPDX-License-Identifier: MIT */
#include "server/notify/channel.h"

#include <stdio.h>

#include "server/core/module.h"
#include "server/notify/program.h"

static const struct channel_module *load(const struct config_notify *config, char *reason,
                                         size_t reason_size)
{
    char wanted_by[128];
    snprintf(wanted_by, sizeof(wanted_by), "[notify \"%.100s\"]", config->name);
    return module_load("notify", MODULE_CHANNEL, wanted_by, reason, reason_size);
}

struct channel *channel_new(const struct config_notify *config, struct event_base *base,
                            channel_done *done, void *context, char *reason, size_t reason_size)
{
    if (config->type == NOTIFY_PROGRAM) {
        snprintf(reason, reason_size, "[notify \"%.100s\"]: out of memory", config->name);
        return program_channel_new(config, base, done, context);
    }
    const struct channel_module *module = load(config, reason, reason_size);
    return module ? module->new (config, base, done, context, reason, reason_size) : NULL;
}

bool channel_check(const struct config_notify *config, char *reason, size_t reason_size)
{
    if (config->type == NOTIFY_PROGRAM) {
        return true;
    }
    const struct channel_module *module = load(config, reason, reason_size);
    return module && module->check(config, reason, reason_size);
}
