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

/* Bytes for the heading of a named section, exec "disk"; longer ones are cut. */
#define CONFIG_HEADING_MAX 256

/* Where an entry of a named section was begun, and beside the keys of its section where their
 * values were written. */
struct config_entry_origins {
    const struct config_section *section;
    size_t index; /* of the entry in its array */
    struct config_origin begun;
    struct config_origin keys[CONFIG_ENTRY_KEYS_MAX];
};

struct config_loader {
    struct config *config;
    struct config_faults faults;
    FILE *notes;      /* borrowed; may be NULL */
    const char *path; /* borrowed; of the file, NULL when there is none */
    /* Beside config_keys: where the value in force was written; the name is not kept. */
    struct config_origin origins[CONFIG_KEYS_MAX];
    /* While a file is read: the section that the lines belong to. */
    const struct config_section *section;
    /* All entries of named sections, and which of them is spoken of. */
    struct config_entry_origins *entries;
    size_t entry_count;
    size_t entry;
};

enum config_assignment { ASSIGN_REPLACE, ASSIGN_EXTEND };

/* Gives a key the value of a text, and remembers its origin; items of lists are added behind those
 * there are with ASSIGN_EXTEND. What is wrong becomes a fault. */
void config_loader_assign(struct config_loader *loader, const struct config_key *key,
                          const char *text, const struct config_origin *origin,
                          enum config_assignment how);

/* Where the value of a key came from. As with all of these functions, that of a named section is
 * the key of the entry that is spoken of. */
struct config_origin *config_loader_origin(struct config_loader *loader,
                                           const struct config_key *key);

/* A fault of a key at its origin, whose name is made here: "[section] key: message" in files, the
 * message alone where the origin names the key already. */
void config_loader_fault(struct config_loader *loader, const struct config_key *key,
                         const struct config_origin *origin, const char *message);

/* The section of a heading, `flush` or `exec "disk"`, or the key of a name; NULL with a fault that
 * names the nearest one where there is none. The entry of a named section is added where it is not
 * there, with its defaults, and is from here on the one that is spoken of. */
const struct config_section *config_loader_find_section(struct config_loader *loader,
                                                        const char *heading,
                                                        const struct config_origin *origin);
const struct config_key *config_loader_find_key(struct config_loader *loader,
                                                const struct config_section *section,
                                                const char *name,
                                                const struct config_origin *origin);

/* Makes the entry of that name the one that is spoken of, and adds it where there is none. False
 * with a fault where a file begins it a second time, or without memory. */
bool config_loader_open_entry(struct config_loader *loader, const struct config_section *section,
                              const char *name, const struct config_origin *origin);

/* A fault of the entry that is spoken of, as a whole. */
void config_loader_entry_fault(struct config_loader *loader, const char *message);

/* Writes the variable that overrides a key, SIGMAD_SECTION_KEY. */
void config_variable_name(const struct config_key *key, char out[CONFIG_NAME_MAX]);

/* Applies a file, the SIGMAD_* variables, and the --set overrides. */
void config_apply_file(struct config_loader *loader, FILE *stream);
void config_apply_environment(struct config_loader *loader, char *const *environment);
void config_apply_overrides(struct config_loader *loader, const char *const *overrides,
                            size_t count);

/* Makes the entry of this index in a named section the one that is spoken of. */
void config_loader_speak_of(struct config_loader *loader, const char *section, size_t index);

/* What alerts and notifiers must have beyond that: statistics that there are, names that stand for
 * somebody. */
void config_check_alerts(struct config_loader *loader);

/* What each entry of a named section must have, and the order of its lists. */
void config_check_entries(struct config_loader *loader);

/* A fault where a list of numbers does not ascend. */
void config_check_ascending(struct config_loader *loader, const struct config_key *key,
                            const struct config_numbers *list);

/* What can only be judged, or made, when all values are known: order of lists, tags, the admin
 * token. */
void config_check(struct config_loader *loader);

/* config_load() with a stream in place of the file at `name`, which may be NULL for neither; the
 * stream stays the caller's. Overrides and environment come from `sources`, its path is not looked
 * at. */
struct config *config_load_stream(FILE *stream, const char *name,
                                  const struct config_sources *sources, FILE *faults, FILE *notes);

#endif
