/* SPDX-License-Identifier: MIT
 *
 * Which changes of a reload have to wait for a restart: what the schema says of each key that
 * differs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

size_t config_changes_for_restart(const struct config *before, const struct config *after,
                                  char *out, size_t out_size)
{
    size_t changes = 0;
    size_t length = 0;
    if (out_size > 0)
        out[0] = '\0';
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->effect != EFFECT_RESTART || config_value_equal(key, before, after))
            continue;
        if (length < out_size)
            length += (size_t)snprintf(out + length, out_size - length, "%s%s.%s",
                                       changes ? "," : "", key->section, key->name);
        changes++;
    }
    return changes;
}

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

/* The field of `after` is empty. */
static bool copy_value(const struct config_key *key, struct config *after,
                       const struct config *before)
{
    void *to = config_value_field(key, after);
    const void *from = (const char *)before + key->offset;
    switch (key->type) {
    case TYPE_ADDRESSES:
        return copy_strings(to, from);
    case TYPE_NUMBERS:
        return copy_numbers(to, from);
    case TYPE_PATH:
    case TYPE_TAGS:
    case TYPE_TEXT:
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
        memcpy((char *)after + key->burst_offset, (const char *)before + key->burst_offset,
               sizeof(unsigned));
        memcpy(to, from, sizeof(double));
        return true;
    default:
        memcpy(to, from, sizeof(uint64_t));
        return true;
    }
}

bool config_keep_for_restart(struct config *after, const struct config *before)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->effect != EFFECT_RESTART || config_value_equal(key, before, after))
            continue;
        config_value_clear(key, after);
        if (!copy_value(key, after, before))
            return false;
    }
    return true;
}
