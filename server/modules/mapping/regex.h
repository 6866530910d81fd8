/* SPDX-License-Identifier: MIT
 *
 * Regular expressions of mapping files. They are written for RE2, which runs in linear time; here
 * PCRE2 runs them, with a limit to the steps of a match, and what RE2 has not (look-around, back
 * references, possessive quantifiers and the like) is refused as it would be there.
 */
#ifndef SERVER_MODULES_MAPPING_REGEX_H
#define SERVER_MODULES_MAPPING_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "server/modules/mapping/template.h"

#define REGEX_CAPTURES_MAX 256
#define REGEX_REASON_MAX 256

struct regex;

/* Compiles a pattern; NULL with the reason. */
struct regex *regex_new(const char *pattern, size_t length, char reason[REGEX_REASON_MAX]);
void regex_free(struct regex *regex);

/* How many groups there are, and the number of a named one, TEMPLATE_NOTHING where there is none.
 */
int regex_groups(const struct regex *regex);
int regex_group_by_name(const void *regex, const char *name, size_t length);

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_GAVE_UP };

/* Looks for the pattern anywhere in the name. captures[0] is all of the match; a group that took no
 * part is empty. *count is one more than there are groups. */
enum regex_result regex_match(const struct regex *regex, const char *name, size_t length,
                              struct capture captures[REGEX_CAPTURES_MAX], size_t *count);

#endif
