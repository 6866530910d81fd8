/* SPDX-License-Identifier: MIT
 *
 * One loading of a configuration, private to config/: the struct being filled, where each value
 * came from, and the faults so far. Sources are applied in rising precedence. Belongs to one
 * thread.
 */
#ifndef CONFIG_LOADER_H
#define CONFIG_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/config.h"
#include "config/faults.h"
#include "config/schema.h"

/* Bytes for SECTION.KEY or SIGMAD_SECTION_KEY, including the closing NUL. */
#define CONFIG_NAME_MAX 64

struct config_loader {
    struct config *config;
    struct config_faults faults;
    FILE *notes;      /* borrowed; may be NULL */
    const char *path; /* borrowed; of the file, NULL when there is none */
    /* Beside config_keys: where the value in force was written; the name is not kept. */
    struct config_origin origins[CONFIG_KEYS_MAX];
    /* While a file is read: the section that the lines belong to. */
    const struct config_section *section;
};

enum config_assignment { ASSIGN_REPLACE, ASSIGN_EXTEND };

/* Gives a key the value of a text, and remembers its origin; items of lists are added behind those
 * there are with ASSIGN_EXTEND. What is wrong becomes a fault. */
void config_loader_assign(struct config_loader *loader, const struct config_key *key,
                          const char *text, const struct config_origin *origin,
                          enum config_assignment how);

/* Where the value of a key came from. */
struct config_origin *config_loader_origin(struct config_loader *loader,
                                           const struct config_key *key);

/* A fault of a key at its origin, whose name is made here: "[section] key: message" in files, the
 * message alone where the origin names the key already. */
void config_loader_fault(struct config_loader *loader, const struct config_key *key,
                         const struct config_origin *origin, const char *message);

/* The section or key of these names; NULL with a fault that names the nearest one where there is
 * none. */
const struct config_section *config_loader_find_section(struct config_loader *loader,
                                                        const char *name,
                                                        const struct config_origin *origin);
const struct config_key *config_loader_find_key(struct config_loader *loader,
                                                const struct config_section *section,
                                                const char *name,
                                                const struct config_origin *origin);

/* Writes the variable that overrides a key, SIGMAD_SECTION_KEY. */
void config_variable_name(const struct config_key *key, char out[CONFIG_NAME_MAX]);

/* Applies a file, the SIGMAD_* variables, and the --set overrides. */
void config_apply_file(struct config_loader *loader, FILE *stream);
void config_apply_environment(struct config_loader *loader, char *const *environment);
void config_apply_overrides(struct config_loader *loader, const char *const *overrides,
                            size_t count);

/* What can only be judged, or made, when all values are known: order of lists, tags, the admin
 * token. */
void config_check(struct config_loader *loader);

/* config_load() with a stream in place of the file at `name`, which may be NULL for neither; the
 * stream stays the caller's. Overrides and environment come from `sources`, its path is not looked
 * at. */
struct config *config_load_stream(FILE *stream, const char *name,
                                  const struct config_sources *sources, FILE *faults, FILE *notes);

#endif
