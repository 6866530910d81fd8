/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/import_draft.h"

#include <stdarg.h>
#include <string.h>

#include "config/schema.h"

#define VALUE_MAX 4096

/* NULL when there is no room. */
static struct draft_section *find_section(struct draft *draft, const char *heading)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (strcmp(draft->sections[i].heading, heading) == 0) {
            return &draft->sections[i];
        }
    }
    if (draft->count == DRAFT_SECTIONS_MAX || strlen(heading) >= DRAFT_HEADING_MAX) {
        return NULL;
    }
    struct draft_section *section = &draft->sections[draft->count++];
    snprintf(section->heading, sizeof(section->heading), "%s", heading);
    return section;
}

static bool is_known(const char *section, const char *key)
{
    return config_key_find(section, key) != NULL;
}

/* A blank in front of a semicolon begins a comment, and a line ends where it ends. */
static bool can_stand(const char *value)
{
    bool blank = true;
    for (const char *at = value; *at; at++) {
        if ((unsigned char)*at < ' ' || (blank && *at == ';')) {
            return false;
        }
        blank = *at == ' ';
    }
    return !blank || *value == '\0';
}

static void add(struct draft *draft, const char *section, const char *heading, const char *key,
                const char *value)
{
    struct draft_section *into = can_stand(value) ? find_section(draft, heading) : NULL;
    if (!into) {
        draft_remark(draft, "[%s] %s: `%s` cannot stand in a file", heading, key, value);
        return;
    }
    bool known = is_known(section, key);
    into->known = into->known || known;
    buffer_append_format(&into->lines, "%s%s =%s%s\n", known ? "" : "; not in this version: ", key,
                         *value ? " " : "", value);
}

void draft_set(struct draft *draft, const char *section, const char *key, const char *format, ...)
{
    char value[VALUE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(value)) {
        draft_remark(draft, "[%s] %s: is too long", section, key);
        return;
    }
    add(draft, section, section, key, value);
}

void draft_set_named(struct draft *draft, const char *section, const char *name, const char *key,
                     const char *value)
{
    char heading[DRAFT_HEADING_MAX];
    int length = snprintf(heading, sizeof(heading), "%s \"%s\"", section, name);
    if (length < 0 || (size_t)length >= sizeof(heading) || *name == '\0' ||
        strpbrk(name, "\"]\\") || !can_stand(name)) {
        draft_remark(draft, "[%s \"%s\"] %s = %s: no section can have such a name", section, name,
                     key, value);
        return;
    }
    add(draft, section, heading, key, value);
}

void draft_remark(struct draft *draft, const char *format, ...)
{
    char text[VALUE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    for (char *at = text; *at; at++) {
        *at = (unsigned char)*at < ' ' ? ' ' : *at;
    }
    buffer_append_format(&draft->remarks, "; %s\n", text);
}

static bool is_whole(const struct draft *draft)
{
    bool whole = !draft->remarks.failed;
    for (size_t i = 0; i < draft->count; i++) {
        whole = whole && !draft->sections[i].lines.failed;
    }
    return whole;
}

static void write_section(const struct draft_section *section, FILE *out)
{
    fprintf(out, "\n%s[%s]\n", section->known ? "" : "; not in this version: ", section->heading);
    fwrite(section->lines.bytes, 1, section->lines.length, out);
}

bool draft_write(const struct draft *draft, FILE *out)
{
    if (!is_whole(draft)) {
        return false;
    }
    for (size_t i = 0; i < draft->count; i++) {
        write_section(&draft->sections[i], out);
    }
    if (draft->remarks.length > 0) {
        fputs("\n; What has no counterpart, or another one:\n", out);
        fwrite(draft->remarks.bytes, 1, draft->remarks.length, out);
    }
    return true;
}

void draft_deinit(struct draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        buffer_deinit(&draft->sections[i].lines);
    }
    buffer_deinit(&draft->remarks);
}
