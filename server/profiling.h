/* SPDX-License-Identifier: MIT
 *
 * Starting with [profiling]: the module, and the malloc() whose heap can be profiled. Off, neither
 * is loaded. Main thread, before any other thread.
 */
#ifndef SERVER_PROFILING_H
#define SERVER_PROFILING_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct profile_module;

/* A program's malloc() cannot change while it runs: with profiling.heap the program is executed
 * again, once, with libtcmalloc in front of the C library. Returns where that is not wanted, was
 * done, or failed: then profiles of the heap are refused with the reason. */
void profiling_begin(const struct config *config, char **argv);

/* *module becomes NULL without [profiling]. False with the reason. */
bool profiling_load(const struct config *config, const struct profile_module **module, char *reason,
                    size_t reason_size);

#endif
