/* SPDX-License-Identifier: MIT
 *
 * Modules: shared objects `sigmad-NAME.so` that hold what needs a heavy library, loaded when the
 * configuration asks for it and never unloaded. What is not asked for costs nothing. A module is
 * part of the program: it uses the program's own functions and structs, and so is taken only from
 * the same build. Main thread only.
 *
 * What a module offers is a struct of functions of its kind: struct sink_module
 * (server/sink/sink_module.h), struct mapper_module (server/http/mapper.h), struct channel_module
 * (server/notify/channel.h).
 */
#ifndef SERVER_CORE_MODULE_H
#define SERVER_CORE_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* Raised when a struct that modules share with the program changes in a way its size does not show.
 */
#define MODULE_ABI 1

/* An environment variable: a folder that is searched before all others. */
#define MODULE_PATH_VARIABLE "SIGMAD_MODULE_PATH"

enum module_kind { MODULE_SINK, MODULE_MAPPER, MODULE_PROFILE, MODULE_CHANNEL, MODULE_KINDS };

/* What each module has under the name `sigmad_module`. */
struct module {
    uint32_t abi;
    uint32_t config_size; /* of the struct config it was built with */
    const char *version;
    const char *name;
    enum module_kind kind;
    const void *offer; /* the struct of functions of its kind */
};

/* Defines the struct of a module: once, in one of its files. */
#define MODULE_DEFINE(module_name, module_kind, module_offer)                    \
    extern const struct module sigmad_module;                                    \
    __attribute__((visibility("default"))) const struct module sigmad_module = { \
        .abi = MODULE_ABI,                                                       \
        .config_size = sizeof(struct config),                                    \
        .version = SIGMAD_VERSION,                                               \
        .name = module_name,                                                     \
        .kind = module_kind,                                                     \
        .offer = module_offer,                                                   \
    }

/* Loads the module, or finds it loaded, and returns what it offers. It is looked for in the folder
 * of SIGMAD_MODULE_PATH, in that of the running program, and in the one modules are installed to.
 * NULL with the reason, which begins with `wanted_by` ("prometheus.mapping"), where it is not
 * found, cannot be loaded, or is of another build or kind. */
const void *module_load(const char *name, enum module_kind kind, const char *wanted_by,
                        char *reason, size_t reason_size);

#endif
