/* SPDX-License-Identifier: MIT
 *
 * Patterns for the names of series, as keys hold them. `*` is any text, dots included, `?` any one
 * byte, `[a-z_]` one of these and `[!a-z]` one of none of these, a backslash takes the next byte as
 * it is; all else is itself. A pattern is held against a whole text. (The patterns of mapping files
 * are statsd_exporter's and not these.)
 *
 * Matching goes back to the latest star only, so it takes at most length of pattern times length
 * of text steps, and no memory. Pure; any thread.
 */
#ifndef CONFIG_GLOB_H
#define CONFIG_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* What is wrong with a pattern, as "has a [ that is never closed"; NULL for nothing. */
const char *glob_fault(const char *glob);

/* Whether the pattern, which has no fault, takes `length` bytes of text. */
bool glob_match(const char *glob, const char *text, size_t length);

/* The same with ASCII letters taken in either case. */
bool glob_match_any_case(const char *glob, const char *text, size_t length);

/* Whether the pattern stands for more than its own text. */
bool glob_is_wild(const char *glob);

#endif
