/* SPDX-License-Identifier: MIT
 *
 * Applying a file: what the reader hands over becomes assignments. A key that takes one value may
 * be given once; a list may be given again, or go on in indented lines, and grows.
 */
#include <stdlib.h>
#include <string.h>

#include "config/loader.h"
#include "config/reader.h"
#include "config/value.h"

static struct config_origin origin_of_line(const struct config_loader *loader, unsigned line)
{
    return (struct config_origin){.source = SOURCE_FILE, .line = line, .name = loader->path};
}

static bool take_section(void *user, unsigned line, const char *name)
{
    struct config_loader *loader = user;
    struct config_origin origin = origin_of_line(loader, line);
    loader->section = config_loader_find_section(loader, name, &origin);
    return loader->section != NULL;
}

/* An indented `key = value` or `[section]`, meant as such, would silently become part of the list
 * above. */
static bool looks_like_own_line(const struct config_section *section, const char *text)
{
    char name[CONFIG_NAME_MAX];
    bool bracket = text[0] == '[';
    size_t length = strcspn(text + bracket, bracket ? "]" : "= \t");
    const char *behind = text + bracket + length;
    if (length >= sizeof(name))
        return false;
    memcpy(name, text + bracket, length);
    name[length] = '\0';
    if (bracket)
        return strcmp(behind, "]") == 0 && config_section_find_heading(name);
    return behind[strspn(behind, " \t")] == '=' && config_key_find(section->name, name);
}

static void take_continuation(struct config_loader *loader, const struct config_key *key,
                              const char *value, const struct config_origin *origin)
{
    bool begun = config_loader_origin(loader, key)->source == SOURCE_FILE;
    if (looks_like_own_line(loader->section, value))
        config_loader_fault(loader, key, origin,
                            "an indented line goes on with the key above; begin it at the margin");
    else if (!config_key_is_list(key))
        config_loader_fault(loader, key, origin,
                            "an indented line goes on with the key above, which takes one value");
    else
        config_loader_assign(loader, key, value, origin, begun ? ASSIGN_EXTEND : ASSIGN_REPLACE);
}

static void take_value(struct config_loader *loader, const struct config_key *key,
                       const char *value, const struct config_origin *origin)
{
    char why[CONFIG_WHY_MAX];
    const struct config_origin *before = config_loader_origin(loader, key);
    if (before->source != SOURCE_FILE) {
        config_loader_assign(loader, key, value, origin, ASSIGN_REPLACE);
    } else if (config_key_is_list(key)) {
        config_loader_assign(loader, key, value, origin, ASSIGN_EXTEND);
    } else {
        snprintf(why, sizeof(why), "the key is there twice, first in line %u", before->line);
        config_loader_fault(loader, key, origin, why);
    }
}

/* A '#' that would begin a comment elsewhere: at the start of a value or behind a blank. */
static bool has_hash_comment(const char *value)
{
    for (const char *hash = strchr(value, '#'); hash; hash = strchr(hash + 1, '#'))
        if (hash > value && (hash[-1] == ' ' || hash[-1] == '\t'))
            return true;
    return value[0] == '#' && (value[1] == ' ' || value[1] == '\t');
}

static void take_entry(void *user, unsigned line, const char *name, const char *value,
                       bool continuation)
{
    struct config_loader *loader = user;
    struct config_origin origin = origin_of_line(loader, line);
    const struct config_key *key = config_key_find(loader->section->name, name);
    if (!key) {
        /* What continues an unknown key is part of its fault. */
        if (!continuation)
            config_loader_find_key(loader, loader->section, name, &origin);
        return;
    }
    if (has_hash_comment(value))
        config_loader_fault(loader, key, &origin,
                            "# begins no comment behind a value; write a blank and ;");
    else if (continuation)
        take_continuation(loader, key, value, &origin);
    else
        take_value(loader, key, value, &origin);
}

static void take_fault(void *user, unsigned line, const char *message)
{
    struct config_loader *loader = user;
    struct config_origin origin = origin_of_line(loader, line);
    config_faults_add(&loader->faults, &origin, "%s", message);
}

void config_apply_file(struct config_loader *loader, FILE *stream)
{
    const struct config_reader_sink sink = {
        .section = take_section, .entry = take_entry, .fault = take_fault, .user = loader};
    config_reader_run(stream, &sink);
}
