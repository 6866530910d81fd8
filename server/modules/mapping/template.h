/* SPDX-License-Identifier: MIT
 *
 * Names and label values with references to what a rule has captured: `$1`, `${1}`, with regular
 * expressions `${name}` as well. A reference is as long as it can be ($1_a is a reference to
 * `1_a`); one to what is not there is empty, `$$` is `$` in a rule with a regular expression.
 */
#ifndef SERVER_MODULES_MAPPING_TEMPLATE_H
#define SERVER_MODULES_MAPPING_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"
#include "server/modules/mapping/memory.h"

/* So that a value has at most 65,535 bytes whatever the name (at most 4,096). */
#define TEMPLATE_BYTES_MAX 4000
#define TEMPLATE_REFERENCES_MAX 15

/* No capture, of a part that refers to none that is there. */
#define TEMPLATE_NOTHING (-1)

/* Text, then a reference. */
struct template_part {
    const char *text;
    size_t length;
    int capture; /* 0 = the whole match (regular expressions), 1 the first */
};

struct template
{
    const struct template_part *parts;
    size_t count;
};

/* A piece of the name that was matched. */
struct capture {
    const char *text;
    size_t length;
};

enum template_fault { TEMPLATE_OK, TEMPLATE_TOO_LONG, TEMPLATE_NO_MEMORY };

/* What references mean: captures have the numbers `first` to `last`; by_name() finds the number of
 * a named one, TEMPLATE_NOTHING where there is none (NULL = no names). */
struct template_scope {
    int first, last;
    int (*by_name)(const void *context, const char *name, size_t length);
    const void *context;
};

/* Takes `text` apart; it has to outlive the template. */
enum template_fault template_make(struct template *made, const char *text, size_t length,
                                  const struct template_scope *scope, struct memory *memory);

/* Appends the text with the captures filled in; captures[i] is that of number i, `count` of them.
 */
void template_fill(const struct template *made, const struct capture *captures, size_t count,
                   struct buffer *out);

#endif
