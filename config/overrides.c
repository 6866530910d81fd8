/* SPDX-License-Identifier: MIT
 *
 * Values from outside the file: SIGMAD_* variables and --set, and the faults of names that are not
 * known.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/loader.h"
#include "config/suggest.h"

#define PREFIX "SIGMAD_"
#define MODULE_PATH "SIGMAD_MODULE_PATH" /* no key; server/core/module.c reads it */

/* Opens the entry of a heading like exec "disk"; false with a fault where it has another form. */
static bool open_heading(struct config_loader *loader, const struct config_section *section,
                         const char *heading, const struct config_origin *origin)
{
    const char *open = heading + strlen(section->name);
    open += strspn(open, " \t");
    size_t length = strlen(open);
    if (length < 3 || open[0] != '"' || open[length - 1] != '"' ||
        memchr(open + 1, '"', length - 2)) {
        config_faults_add(&loader->faults, origin,
                          "section [%s] needs a name in quotes, as in [%s \"%s\"]", heading,
                          section->name, section->example);
        return false;
    }
    char *name = strndup(open + 1, length - 2);
    bool opened = name && config_loader_open_entry(loader, section, name, origin);
    loader->faults.out_of_memory |= !name;
    free(name);
    return opened;
}

const struct config_section *config_loader_find_section(struct config_loader *loader,
                                                        const char *name,
                                                        const struct config_origin *origin)
{
    const struct config_section *section = config_section_find_heading(name);
    if (section && config_section_is_named(section))
        return open_heading(loader, section, name, origin) ? section : NULL;
    if (section && strcmp(section->name, name) == 0)
        return section;
    if (section) {
        config_faults_add(&loader->faults, origin, "section [%s] takes no name", section->name);
        return NULL;
    }
    config_faults_add(&loader->faults, origin, "there is no section [%s]; did you mean [%s]?", name,
                      suggest_section(name)->name);
    return NULL;
}

const struct config_key *config_loader_find_key(struct config_loader *loader,
                                                const struct config_section *section,
                                                const char *name,
                                                const struct config_origin *origin)
{
    const struct config_key *key = config_key_find(section->name, name);
    if (key)
        return key;
    const struct config_key *elsewhere = suggest_elsewhere(name);
    if (elsewhere)
        config_faults_add(&loader->faults, origin,
                          "there is no key '%s' in [%s]; did you mean that of [%s]?", name,
                          section->name, elsewhere->section);
    else
        config_faults_add(&loader->faults, origin,
                          "there is no key '%s' in [%s]; did you mean '%s'?", name, section->name,
                          suggest_key(section, name)->name);
    return NULL;
}

/* Copies without the blanks at both ends; to be freed, NULL when out of memory. */
static char *copy_trimmed(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    return strndup(text, length);
}

static void assign_trimmed(struct config_loader *loader, const struct config_key *key,
                           const char *value, enum config_source source)
{
    const struct config_origin origin = {.source = source};
    char *text = copy_trimmed(value, strlen(value));
    if (text)
        config_loader_assign(loader, key, text, &origin, ASSIGN_REPLACE);
    else
        config_loader_fault(loader, key, &origin, "out of memory");
    free(text);
}

void config_variable_name(const struct config_key *key, char out[CONFIG_NAME_MAX])
{
    snprintf(out, CONFIG_NAME_MAX, PREFIX "%s_%s", key->section, key->name);
    for (; *out; out++)
        *out = (char)toupper((unsigned char)*out);
}

static const struct config_key *find_variable(const char *variable, size_t length)
{
    char name[CONFIG_NAME_MAX];
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_key_is_named(&config_keys[i]))
            continue;
        config_variable_name(&config_keys[i], name);
        if (strlen(name) == length && strncmp(name, variable, length) == 0)
            return &config_keys[i];
    }
    return NULL;
}

void config_apply_environment(struct config_loader *loader, char *const *environment)
{
    for (; environment && *environment; environment++) {
        const char *variable = *environment;
        const char *equals = strchr(variable, '=');
        if (!equals || strncmp(variable, PREFIX, strlen(PREFIX)) != 0)
            continue;
        int length = (int)(equals - variable);
        const struct config_key *key = find_variable(variable, (size_t)length);
        if (key)
            assign_trimmed(loader, key, equals + 1, SOURCE_ENVIRONMENT);
        else if (loader->notes && strncmp(variable, MODULE_PATH "=", sizeof(MODULE_PATH)) != 0)
            fprintf(loader->notes, "environment %.*s: names no key, ignored\n", length, variable);
    }
}

/* The dot between section and key: the first one, behind the name in quotes where there is one. */
static char *find_dot(char *name)
{
    char *quote = strrchr(name, '"');
    return strchr(quote ? quote : name, '.');
}

/* `name` is SECTION.KEY and is cut in two at that dot. */
static void apply_override(struct config_loader *loader, char *name, const char *value)
{
    char *whole = strdup(name);
    struct config_origin origin = {.source = SOURCE_OVERRIDE, .name = whole};
    char *dot = find_dot(name);
    if (!whole) {
        loader->faults.out_of_memory = true;
        return;
    }
    if (!dot) {
        config_faults_add(&loader->faults, &origin, "expected SECTION.KEY=VALUE");
        free(whole);
        return;
    }
    *dot = '\0';
    const struct config_section *section = config_loader_find_section(loader, name, &origin);
    const struct config_key *key =
        section ? config_loader_find_key(loader, section, dot + 1, &origin) : NULL;
    if (key)
        assign_trimmed(loader, key, value, SOURCE_OVERRIDE);
    free(whole);
}

void config_apply_overrides(struct config_loader *loader, const char *const *overrides,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct config_origin origin = {.source = SOURCE_OVERRIDE, .name = overrides[i]};
        const char *equals = strchr(overrides[i], '=');
        if (!equals) {
            config_faults_add(&loader->faults, &origin, "expected SECTION.KEY=VALUE");
            continue;
        }
        char *name = copy_trimmed(overrides[i], (size_t)(equals - overrides[i]));
        if (name)
            apply_override(loader, name, equals + 1);
        else
            loader->faults.out_of_memory = true;
        free(name);
    }
}
