/* SPDX-License-Identifier: MIT
 *
 * Which changes of a reload have to wait for a restart: what the schema says of each key that
 * differs.
 */
#include <stdio.h>

#include "config/entries.h"
#include "config/value.h"

/* The text that names what differs, by comma. */
struct changes {
    char *out;
    size_t size;
    size_t length;
    size_t count;
};

static void add_change(struct changes *changes, const char *section, const char *key)
{
    if (changes->length < changes->size)
        changes->length +=
            (size_t)snprintf(changes->out + changes->length, changes->size - changes->length,
                             "%s%s%s%s", changes->count ? "," : "", section, *key ? "." : "", key);
    changes->count++;
}

static bool waits(const struct config_key *key, const struct config *before,
                  const struct config *after)
{
    return !config_key_is_named(key) && key->effect == EFFECT_RESTART &&
           !config_value_equal(key, before, after);
}

static bool entries_wait(const struct config_section *section, const struct config *before,
                         const struct config *after)
{
    return config_section_is_named(section) && section->effect == EFFECT_RESTART &&
           !config_entries_equal(section, before, after);
}

size_t config_changes_for_restart(const struct config *before, const struct config *after,
                                  char *out, size_t out_size)
{
    struct changes changes = {.out = out, .size = out_size};
    if (out_size > 0)
        out[0] = '\0';
    for (size_t i = 0; i < config_key_count; i++)
        if (waits(&config_keys[i], before, after))
            add_change(&changes, config_keys[i].section, config_keys[i].name);
    for (size_t i = 0; i < config_section_count; i++)
        if (entries_wait(&config_sections[i], before, after))
            add_change(&changes, config_sections[i].name, "");
    return changes.count;
}

bool config_keep_for_restart(struct config *after, const struct config *before)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (!waits(key, before, after))
            continue;
        config_value_clear(key, after);
        if (!config_value_copy(key, after, before))
            return false;
    }
    for (size_t i = 0; i < config_section_count; i++) {
        const struct config_section *section = &config_sections[i];
        if (!entries_wait(section, before, after))
            continue;
        config_entries_clear(section, after);
        if (!config_entries_copy(section, after, before))
            return false;
    }
    return true;
}
