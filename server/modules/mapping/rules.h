/* SPDX-License-Identifier: MIT
 *
 * The rules of a mapping file: read, checked, and put into the form that names are matched against.
 */
#ifndef SERVER_MODULES_MAPPING_RULES_H
#define SERVER_MODULES_MAPPING_RULES_H

#include <stdio.h>

#include "server/core/mapping.h"
#include "server/modules/mapping/glob.h"
#include "server/modules/mapping/memory.h"
#include "server/modules/mapping/regex.h"
#include "server/modules/mapping/template.h"

/* What matching needs of a rule, beside what everybody may know of it. */
struct matcher {
    struct regex *regex; /* NULL = a glob rule */
    unsigned types;      /* bits of enum glob_type */
    struct template name;
    size_t label_count;
    const struct tag *keys; /* of the labels; no values */
    const struct template *values;
};

struct rules {
    struct mapping head; /* what others know of it */
    struct matcher *matchers;
    size_t regex_count;
    uint32_t *regexes; /* indexes of the rules that have one */
    struct glob glob;
    struct memory memory;
};

/* NULL with the faults written. */
struct rules *rules_read(const char *path, FILE *faults);
void rules_free(struct rules *rules);

#endif
