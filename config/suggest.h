/* SPDX-License-Identifier: MIT
 *
 * The nearest known word to a mistyped one. Pure, thread-safe, no allocation.
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include <stddef.h>

#include "config/schema.h"

/* Letters of a word that are compared; the rest is cut off. */
#define SUGGEST_WORD_MAX 63

/* How many letters must be put in, taken out, replaced or swapped with their neighbour to make one
 * word of the other (optimal string alignment, Damerau 1964). */
size_t suggest_distance(const char *left, const char *right);

/* The section nearest to a name, and the key of a section; never NULL. */
const struct config_section *suggest_section(const char *name);
const struct config_key *suggest_key(const struct config_section *section, const char *name);

/* The first key of that very name in whichever section, or NULL. */
const struct config_key *suggest_elsewhere(const char *name);

#endif
