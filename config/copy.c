/* SPDX-License-Identifier: MIT
 *
 * Copies of values, a case a type of field.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

static bool copy_strings(struct config_strings *to, const struct config_strings *from)
{
    *to = (struct config_strings){.items = calloc(from->count + 1, sizeof(char *))};
    for (; to->items && to->count < from->count; to->count++) {
        to->items[to->count] = strdup(from->items[to->count]);
        if (!to->items[to->count])
            return false;
    }
    return to->items != NULL;
}

static bool copy_numbers(struct config_numbers *to, const struct config_numbers *from)
{
    to->items = malloc((from->count + 1) * sizeof(double));
    to->count = to->items ? from->count : 0;
    if (to->count > 0)
        memcpy(to->items, from->items, from->count * sizeof(double));
    return to->items != NULL;
}

static bool copy_text(char **to, char *const *from)
{
    *to = *from ? strdup(*from) : NULL;
    return *to || !*from;
}

bool config_value_copy(const struct config_key *key, void *to_base, const void *from_base)
{
    void *to = config_value_field(key, to_base);
    const void *from = (const char *)from_base + key->offset;
    switch (key->type) {
    case TYPE_ADDRESSES:
    case TYPE_COMMAND:
    case TYPE_GLOBS:
    case TYPE_HEADERS:
    case TYPE_TEXTS:
    case TYPE_WORDS:
        return copy_strings(to, from);
    case TYPE_NUMBERS:
        return copy_numbers(to, from);
    case TYPE_PATH:
    case TYPE_TAGS:
    case TYPE_GROUP:
    case TYPE_TEXT:
    case TYPE_GLOB:
    case TYPE_CONDITION:
        return copy_text(to, from);
    case TYPE_BOOL:
        memcpy(to, from, sizeof(bool));
        return true;
    case TYPE_ENUM:
    case TYPE_MODE:
    case TYPE_UNSIGNED:
        memcpy(to, from, sizeof(unsigned));
        return true;
    case TYPE_RATE:
        memcpy((char *)to_base + key->burst_offset, (const char *)from_base + key->burst_offset,
               sizeof(unsigned));
        memcpy(to, from, sizeof(double));
        return true;
    default:
        memcpy(to, from, sizeof(uint64_t));
        return true;
    }
}
