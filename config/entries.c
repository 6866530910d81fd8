/* SPDX-License-Identifier: MIT
 *
 * The arrays have an item type each, so their pointers are read and written as bytes.
 */
#include "config/entries.h"

#include <stdlib.h>
#include <string.h>

#include "config/value.h"

/* An array in struct config: every one is laid out like this. */
struct list {
    void *items;
    size_t count;
};

_Static_assert(sizeof(((struct config *)NULL)->execs) == sizeof(struct list),
               "a list of entries is a pointer and a count");

static struct list read_list(const struct config_section *section, const struct config *config)
{
    struct list list;
    memcpy(&list, (const char *)config + section->list_offset, sizeof(list));
    return list;
}

static void write_list(const struct config_section *section, struct config *config,
                       struct list list)
{
    memcpy((char *)config + section->list_offset, &list, sizeof(list));
}

size_t config_entries_count(const struct config_section *section, const struct config *config)
{
    return read_list(section, config).count;
}

void *config_entry_at(const struct config_section *section, const struct config *config,
                      size_t index)
{
    return (char *)read_list(section, config).items + index * section->entry_bytes;
}

/* The name is the first field. */
static char *read_name(const void *entry)
{
    char *name;
    memcpy(&name, entry, sizeof(name));
    return name;
}

const char *config_entry_name(const struct config_section *section, const struct config *config,
                              size_t index)
{
    return read_name(config_entry_at(section, config, index));
}

size_t config_entry_find(const struct config_section *section, const struct config *config,
                         const char *name)
{
    size_t count = config_entries_count(section, config);
    for (size_t i = 0; i < count; i++)
        if (strcmp(config_entry_name(section, config, i), name) == 0)
            return i;
    return count;
}

bool config_entry_add(const struct config_section *section, struct config *config, const char *name)
{
    struct list list = read_list(section, config);
    char *copy = strdup(name);
    void *grown = reallocarray(list.items, list.count + 1, section->entry_bytes);
    if (grown) {
        list.items = grown;
        write_list(section, config, list);
    }
    if (!grown || !copy) {
        free(copy);
        return false;
    }
    char *entry = (char *)list.items + list.count * section->entry_bytes;
    memset(entry, 0, section->entry_bytes);
    memcpy(entry, &copy, sizeof(copy));
    list.count++;
    write_list(section, config, list);
    return true;
}

static bool belongs(const struct config_key *key, const struct config_section *section)
{
    return strcmp(key->section, section->name) == 0;
}

void config_entries_clear(const struct config_section *section, struct config *config)
{
    struct list list = read_list(section, config);
    for (size_t i = 0; i < list.count; i++) {
        void *entry = config_entry_at(section, config, i);
        for (size_t k = 0; k < config_key_count; k++)
            if (belongs(&config_keys[k], section))
                config_value_clear(&config_keys[k], entry);
        free(read_name(entry));
    }
    free(list.items);
    write_list(section, config, (struct list){0});
}

static bool equal_entry(const struct config_section *section, const void *left, const void *right)
{
    for (size_t k = 0; k < config_key_count; k++)
        if (belongs(&config_keys[k], section) && !config_value_equal(&config_keys[k], left, right))
            return false;
    return strcmp(read_name(left), read_name(right)) == 0;
}

bool config_entries_equal(const struct config_section *section, const struct config *left,
                          const struct config *right)
{
    size_t count = config_entries_count(section, left);
    if (count != config_entries_count(section, right))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!equal_entry(section, config_entry_at(section, left, i),
                         config_entry_at(section, right, i)))
            return false;
    return true;
}

bool config_entries_copy(const struct config_section *section, struct config *to,
                         const struct config *from)
{
    size_t count = config_entries_count(section, from);
    for (size_t i = 0; i < count; i++) {
        const void *entry = config_entry_at(section, from, i);
        if (!config_entry_add(section, to, read_name(entry)))
            return false;
        for (size_t k = 0; k < config_key_count; k++)
            if (belongs(&config_keys[k], section) &&
                !config_value_copy(&config_keys[k], config_entry_at(section, to, i), entry))
                return false;
    }
    return true;
}
