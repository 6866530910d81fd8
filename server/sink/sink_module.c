/* SPDX-License-Identifier: MIT */
#include "server/sink/sink_module.h"

#include "server/core/module.h"

const struct sink_module *sink_module_load(const char *name, const char *wanted_by, char *reason,
                                           size_t reason_size)
{
    return module_load(name, MODULE_SINK, wanted_by, reason, reason_size);
}
