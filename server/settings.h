/* SPDX-License-Identifier: MIT
 *
 * The configuration in force, and those before it for as long as the flusher may still read them.
 * Main thread only; the threads get const pointers.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/mapping.h"
#include "server/flush/flusher.h"

/* The one that the flusher keeps to until its window closes, and the one that was in force last. */
#define SETTINGS_BEFORE 2

struct settings {
    struct config *config;
    struct config *before[SETTINGS_BEFORE];
    const struct config_sources *sources;
    struct mapper mapper; /* of `config`, until somebody takes it; all zero = none */
};

/* Loads a configuration, and opens the mapping file that it names. NULL with every fault written,
 * as config_load(). */
struct config *settings_load(const struct config_sources *sources, FILE *faults, FILE *notes,
                             struct mapper *mapper);

/* The mapper of the configuration in force, which is the caller's from then on. */
struct mapper settings_take_mapper(struct settings *settings);

/* Reads the sources again and puts the result in force; keys that take a restart keep their values,
 * which is logged. False, with the reason, when it is refused: then nothing has changed and every
 * fault is logged. */
bool settings_reload(struct settings *settings, struct flusher *flusher, char *reason,
                     size_t reason_size);

void settings_deinit(struct settings *settings);

#endif
