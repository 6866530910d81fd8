/* SPDX-License-Identifier: MIT
 *
 * Loading the entries of named sections: what each was begun by, its defaults, and what it must
 * have in the end.
 */
#include <stdlib.h>
#include <string.h>

#include "config/entries.h"
#include "config/loader.h"
#include "config/value.h"

static struct config_entry_origins *find_origins(const struct config_loader *loader,
                                                 const struct config_section *section, size_t index)
{
    for (size_t i = 0; i < loader->entry_count; i++)
        if (loader->entries[i].section == section && loader->entries[i].index == index)
            return &loader->entries[i];
    return NULL;
}

static bool add_entry(struct config_loader *loader, const struct config_section *section,
                      const char *name, const struct config_origin *origin)
{
    size_t index = config_entries_count(section, loader->config);
    void *grown = reallocarray(loader->entries, loader->entry_count + 1, sizeof(*loader->entries));
    if (!grown)
        return false;
    loader->entries = grown;
    if (!config_entry_add(section, loader->config, name))
        return false;
    loader->entry = loader->entry_count++;
    loader->entries[loader->entry] = (struct config_entry_origins){
        .section = section,
        .index = index,
        .begun = {.source = origin->source, .line = origin->line},
    };
    const struct config_origin preset = {.source = SOURCE_DEFAULT};
    for (size_t k = 0; k < config_key_count; k++) {
        const struct config_key *key = &config_keys[k];
        if (strcmp(key->section, section->name) == 0 && !(key->flags & KEY_REQUIRED))
            config_loader_assign(loader, key, key->preset, &preset, ASSIGN_REPLACE);
    }
    return true;
}

bool config_loader_open_entry(struct config_loader *loader, const struct config_section *section,
                              const char *name, const struct config_origin *origin)
{
    size_t index = config_entry_find(section, loader->config, name);
    if (index == config_entries_count(section, loader->config)) {
        if (add_entry(loader, section, name, origin))
            return true;
        loader->faults.out_of_memory = true;
        return false;
    }
    struct config_entry_origins *entry = find_origins(loader, section, index);
    loader->entry = (size_t)(entry - loader->entries);
    if (origin->source != SOURCE_FILE)
        return true;
    config_faults_add(&loader->faults, origin,
                      "section [%s \"%s\"] is there twice, first in line %u", section->name, name,
                      entry->begun.line);
    return false;
}

void config_loader_speak_of(struct config_loader *loader, const char *section, size_t index)
{
    const struct config_entry_origins *entry =
        find_origins(loader, config_section_find(section), index);
    loader->entry = (size_t)(entry - loader->entries);
}

void config_loader_entry_fault(struct config_loader *loader, const char *message)
{
    const struct config_entry_origins *entry = &loader->entries[loader->entry];
    const char *name = config_entry_name(entry->section, loader->config, entry->index);
    struct config_origin origin = entry->begun;
    origin.name = origin.source == SOURCE_FILE ? loader->path : entry->section->name;
    config_faults_add(&loader->faults, &origin, "[%s \"%s\"] %s", entry->section->name, name,
                      message);
}

static void check_key(struct config_loader *loader, const struct config_key *key, void *entry)
{
    char why[CONFIG_WHY_MAX];
    if ((key->flags & KEY_REQUIRED) &&
        config_loader_origin(loader, key)->source == SOURCE_DEFAULT) {
        snprintf(why, sizeof(why), "has no '%s'", key->name);
        config_loader_entry_fault(loader, why);
    } else if (key->type == TYPE_NUMBERS) {
        config_check_ascending(loader, key, config_value_field(key, entry));
    }
}

void config_check_entries(struct config_loader *loader)
{
    for (loader->entry = 0; loader->entry < loader->entry_count; loader->entry++) {
        const struct config_entry_origins *entry = &loader->entries[loader->entry];
        void *values = config_entry_at(entry->section, loader->config, entry->index);
        for (size_t k = 0; k < config_key_count; k++)
            if (strcmp(config_keys[k].section, entry->section->name) == 0)
                check_key(loader, &config_keys[k], values);
    }
}
