/* SPDX-License-Identifier: MIT
 *
 * Loading: defaults, file, environment, overrides, each over the one before, then the checks across
 * keys. Every source is read to its end whatever the faults, so that a user sees all of them at
 * once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/entries.h"
#include "config/loader.h"
#include "config/value.h"

struct config_origin *config_loader_origin(struct config_loader *loader,
                                           const struct config_key *key)
{
    if (!config_key_is_named(key))
        return &loader->origins[key - config_keys];
    const struct config_key *first = key;
    while (first > config_keys && strcmp(first[-1].section, key->section) == 0)
        first--;
    return &loader->entries[loader->entry].keys[key - first];
}

/* What holds the field of a key. */
static void *find_base(struct config_loader *loader, const struct config_key *key)
{
    if (!config_key_is_named(key))
        return loader->config;
    const struct config_entry_origins *entry = &loader->entries[loader->entry];
    return config_entry_at(entry->section, loader->config, entry->index);
}

/* `flush`, or of a named section with the entry, `exec "disk"`. */
static void format_heading(const struct config_loader *loader, const struct config_key *key,
                           char out[CONFIG_HEADING_MAX])
{
    if (!config_key_is_named(key)) {
        snprintf(out, CONFIG_HEADING_MAX, "%s", key->section);
        return;
    }
    const struct config_entry_origins *entry = &loader->entries[loader->entry];
    snprintf(out, CONFIG_HEADING_MAX, "%s \"%s\"", key->section,
             config_entry_name(entry->section, loader->config, entry->index));
}

void config_loader_fault(struct config_loader *loader, const struct config_key *key,
                         const struct config_origin *origin, const char *message)
{
    char heading[CONFIG_HEADING_MAX];
    char name[CONFIG_HEADING_MAX + CONFIG_NAME_MAX];
    format_heading(loader, key, heading);
    struct config_origin named = {.source = origin->source, .line = origin->line, .name = name};
    if (origin->source == SOURCE_FILE) {
        named.name = loader->path;
        config_faults_add(&loader->faults, &named, "[%s] %s: %s", heading, key->name, message);
        return;
    }
    if (origin->source == SOURCE_ENVIRONMENT)
        config_variable_name(key, name);
    else
        snprintf(name, sizeof(name), "%s.%s", heading, key->name);
    config_faults_add(&loader->faults, &named, "%s", message);
}

/* Paths of a file, and of the defaults beside it, are from the file's folder; those of the command
 * line and the environment are from the current one. The result is to be freed; NULL when out of
 * memory. */
static char *resolve_path(const struct config_loader *loader, const char *text,
                          const struct config_origin *origin)
{
    const char *slash = loader->path ? strrchr(loader->path, '/') : NULL;
    bool from_file = origin->source == SOURCE_FILE || origin->source == SOURCE_DEFAULT;
    char *path;
    if (!slash || !from_file || text[0] == '/' || text[0] == '"' || text[0] == '\0' ||
        strcmp(text, "off") == 0)
        return strdup(text);
    int length = asprintf(&path, "%.*s/%s", (int)(slash - loader->path), loader->path, text);
    return length < 0 ? NULL : path;
}

/* The program of a command, as any path, where it is one and not a word to be looked up. */
static bool resolve_program(const struct config_loader *loader, struct config_strings *command,
                            const struct config_origin *origin)
{
    if (command->count == 0 || !strchr(command->items[0], '/'))
        return true;
    char *program = resolve_path(loader, command->items[0], origin);
    if (program) {
        free(command->items[0]);
        command->items[0] = program;
    }
    return program != NULL;
}

static void assign_scalar(struct config_loader *loader, const struct config_key *key,
                          const char *text, const struct config_origin *origin)
{
    char why[CONFIG_WHY_MAX];
    char *path = NULL;
    if (key->type == TYPE_PATH) {
        path = resolve_path(loader, text, origin);
        if (!path) {
            config_loader_fault(loader, key, origin, "out of memory");
            return;
        }
    }
    void *base = find_base(loader, key);
    if (!config_value_parse(key, base, path ? path : text, why))
        config_loader_fault(loader, key, origin, why);
    else if (key->type == TYPE_COMMAND &&
             !resolve_program(loader, config_value_field(key, base), origin))
        config_loader_fault(loader, key, origin, "out of memory");
    free(path);
}

static void append_item(struct config_loader *loader, const struct config_key *key, char *item,
                        const struct config_origin *origin)
{
    char why[CONFIG_WHY_MAX];
    item += strspn(item, " \t");
    size_t length = strlen(item);
    while (length > 0 && (item[length - 1] == ' ' || item[length - 1] == '\t'))
        item[--length] = '\0';
    if (length == 0)
        config_loader_fault(loader, key, origin, "there is nothing between two commas");
    else if (!config_value_append(key, find_base(loader, key), item, why))
        config_loader_fault(loader, key, origin, why);
}

/* Items by comma. One comma at the end is taken, as where the list goes on in the next line. */
static void assign_list(struct config_loader *loader, const struct config_key *key,
                        const char *text, const struct config_origin *origin,
                        enum config_assignment how)
{
    if (how == ASSIGN_REPLACE)
        config_value_clear(key, find_base(loader, key));
    if (how == ASSIGN_REPLACE && (text[0] == '\0' || strcmp(text, "off") == 0))
        return;
    char *items = strdup(text);
    if (!items) {
        config_loader_fault(loader, key, origin, "out of memory");
        return;
    }
    char *rest = items;
    while (rest && *rest) {
        char *item = strsep(&rest, ",");
        append_item(loader, key, item, origin);
    }
    free(items);
}

void config_loader_assign(struct config_loader *loader, const struct config_key *key,
                          const char *text, const struct config_origin *origin,
                          enum config_assignment how)
{
    if (config_key_is_list(key))
        assign_list(loader, key, text, origin, how);
    else
        assign_scalar(loader, key, text, origin);
    if (how == ASSIGN_REPLACE)
        *config_loader_origin(loader, key) =
            (struct config_origin){.source = origin->source, .line = origin->line};
}

static void apply_defaults(struct config_loader *loader)
{
    const struct config_origin origin = {.source = SOURCE_DEFAULT};
    for (size_t i = 0; i < config_key_count; i++)
        if (!config_key_is_named(&config_keys[i]))
            config_loader_assign(loader, &config_keys[i], config_keys[i].preset, &origin,
                                 ASSIGN_REPLACE);
}

/* A file that gives every key its usual default, as the shipped one does, leaves a profile little
 * to say: that is told. */
static void note_given(const struct config_loader *loader, const struct config_key *key,
                       const struct config_origin *origin)
{
    unsigned profile = loader->config->server.profile;
    if (!loader->notes)
        return;
    fprintf(loader->notes, "profile %s: [%s] %s is given", config_profile_word(profile),
            key->section, key->name);
    if (origin->source == SOURCE_FILE)
        fprintf(loader->notes, " in line %u", origin->line);
    fprintf(loader->notes, "; the profile's default is %s\n", key->profile_presets[profile]);
}

/* What nobody has set follows the profile. */
static void apply_profile(struct config_loader *loader)
{
    const struct config_origin preset = {.source = SOURCE_DEFAULT};
    unsigned profile = loader->config->server.profile;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (!key->profile_presets[profile] || config_key_is_named(key))
            continue;
        const struct config_origin *origin = config_loader_origin(loader, key);
        if (origin->source == SOURCE_DEFAULT)
            config_loader_assign(loader, key, key->profile_presets[profile], &preset,
                                 ASSIGN_REPLACE);
        else
            note_given(loader, key, origin);
    }
}

static void finish(struct config_loader *loader, FILE *faults)
{
    apply_profile(loader);
    config_check(loader);
    if (config_faults_any(&loader->faults)) {
        if (faults)
            config_faults_write(&loader->faults, faults);
        config_free(loader->config);
        loader->config = NULL;
    }
    config_faults_deinit(&loader->faults);
    free(loader->entries);
}

struct config *config_load_stream(FILE *stream, const char *name,
                                  const struct config_sources *sources, FILE *faults, FILE *notes)
{
    struct config_loader loader = {.notes = notes, .path = name};
    loader.config = calloc(1, sizeof(*loader.config));
    if (!loader.config) {
        if (faults)
            fputs("configuration: out of memory\n", faults);
        return NULL;
    }
    apply_defaults(&loader);
    if (stream)
        config_apply_file(&loader, stream);
    config_apply_environment(&loader, sources->environment);
    config_apply_overrides(&loader, sources->overrides, sources->override_count);
    finish(&loader, faults);
    return loader.config;
}

const char *config_find_file(const char *path)
{
    static const char *const usual[] = {"statsd.ini", "/etc/sigmad/statsd.ini"};
    if (path)
        return path;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (access(usual[i], F_OK) == 0)
            return usual[i];
    return NULL;
}

struct config *config_load(const struct config_sources *sources, FILE *faults, FILE *notes)
{
    const char *path = config_find_file(sources->path);
    FILE *stream = path ? fopen(path, "re") : NULL;
    if (path && !stream) {
        if (faults)
            fprintf(faults, "%s: %s\n", path, strerror(errno));
        return NULL;
    }
    struct config *config = config_load_stream(stream, path, sources, faults, notes);
    if (stream)
        fclose(stream);
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config_key_count; i++)
        if (!config_key_is_named(&config_keys[i]))
            config_value_clear(&config_keys[i], config);
    for (size_t i = 0; i < config_section_count; i++)
        if (config_section_is_named(&config_sections[i]))
            config_entries_clear(&config_sections[i], config);
    free(config);
}
