/* SPDX-License-Identifier: MIT
 *
 * The entries of named sections, [exec "disk"] for instance: an array of structs in struct config,
 * in the order of the file, each of which begins with its name. What kinds there are stands in the
 * schema. Works on one configuration; belongs to the thread that makes it.
 */
#ifndef CONFIG_ENTRIES_H
#define CONFIG_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/schema.h"

/* How many entries a named section has, and the one at an index below that; valid until another is
 * added. */
size_t config_entries_count(const struct config_section *section, const struct config *config);
void *config_entry_at(const struct config_section *section, const struct config *config,
                      size_t index);

const char *config_entry_name(const struct config_section *section, const struct config *config,
                              size_t index);

/* The index of the entry of that name, or their number when there is none. */
size_t config_entry_find(const struct config_section *section, const struct config *config,
                         const char *name);

/* Adds an entry, all zero but for a copy of the name, behind the others. False without memory. */
bool config_entry_add(const struct config_section *section, struct config *config,
                      const char *name);

/* Frees all of them. */
void config_entries_clear(const struct config_section *section, struct config *config);

/* True where the same entries come in the same order. */
bool config_entries_equal(const struct config_section *section, const struct config *left,
                          const struct config *right);

/* Gives `to`, which has none, the entries of `from`. False without memory. */
bool config_entries_copy(const struct config_section *section, struct config *to,
                         const struct config *from);

#endif
