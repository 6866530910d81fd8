/* SPDX-License-Identifier: MIT
 *
 * A module for test_module.c, as one of another version would be.
 */
#include "server/core/module.h"

extern const struct module sigmad_module;
__attribute__((visibility("default"))) const struct module sigmad_module = {
    .abi = MODULE_ABI,
    .config_size = sizeof(struct config),
    .version = "0.0.0",
    .name = "stale",
    .kind = MODULE_SINK,
};
