/* SPDX-License-Identifier: MIT
 *
 * Questions to the schema table: finding its rows, and saying their bounds in words.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "config/units.h"
#include "proto/number.h"

const struct config_section *config_section_find(const char *name)
{
    for (size_t i = 0; i < config_section_count; i++)
        if (strcmp(config_sections[i].name, name) == 0)
            return &config_sections[i];
    return NULL;
}

const struct config_section *config_section_find_heading(const char *heading)
{
    size_t word = strcspn(heading, " \t\"");
    for (size_t i = 0; i < config_section_count; i++)
        if (strlen(config_sections[i].name) == word &&
            strncmp(config_sections[i].name, heading, word) == 0)
            return &config_sections[i];
    return NULL;
}

bool config_section_is_named(const struct config_section *section)
{
    return section->entry_bytes > 0;
}

bool config_key_is_named(const struct config_key *key)
{
    return config_section_is_named(config_section_find(key->section));
}

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < config_key_count; i++)
        if (strcmp(config_keys[i].name, name) == 0 && strcmp(config_keys[i].section, section) == 0)
            return &config_keys[i];
    return NULL;
}

bool config_key_is_list(const struct config_key *key)
{
    return key->type == TYPE_ADDRESSES || key->type == TYPE_GLOBS || key->type == TYPE_HEADERS ||
           key->type == TYPE_NUMBERS || key->type == TYPE_TAGS || key->type == TYPE_TEXTS ||
           key->type == TYPE_WORDS;
}

/* Text that grows in a buffer of CONFIG_BOUNDS_MAX bytes and is cut at its end. */
struct phrase {
    char *out;
    size_t length;
};

static void phrase_add(struct phrase *phrase, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void phrase_add(struct phrase *phrase, const char *format, ...)
{
    size_t room = CONFIG_BOUNDS_MAX - phrase->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(phrase->out + phrase->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        phrase->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void phrase_add_bound(struct phrase *phrase, const struct config_key *key, double bound)
{
    char text[UNITS_TEXT_MAX > NUMBER_TEXT_MAX ? UNITS_TEXT_MAX : NUMBER_TEXT_MAX];
    switch (key->type) {
    case TYPE_DURATION:
        units_format_duration(text, (uint64_t)bound);
        break;
    case TYPE_SIZE:
        units_format_size(text, (uint64_t)bound);
        break;
    case TYPE_PERCENT:
        number_format(text, bound * 100);
        break;
    default:
        number_format(text, bound);
        break;
    }
    phrase_add(phrase, "%s%s", text, key->type == TYPE_PERCENT ? "%" : "");
}

static void phrase_add_words(struct phrase *phrase, const struct config_word *words)
{
    const char *part = "";
    for (; words->word; words++) {
        phrase_add(phrase, "%s%s", part, words->word);
        part = " | ";
    }
}

static void phrase_add_range(struct phrase *phrase, const struct config_key *key)
{
    bool open = key->max >= (double)UNITS_LARGEST;
    if (open && key->min <= 0)
        return;
    phrase_add(phrase, "%s%s%s", key->flags & KEY_OR_ZERO ? "0 or " : "",
               key->flags & KEY_ABOVE_MIN ? "above " : "", open ? "at least " : "");
    phrase_add_bound(phrase, key, key->min);
    if (!open) {
        phrase_add(phrase, "%s", key->flags & KEY_ABOVE_MIN ? ", up to " : " to ");
        phrase_add_bound(phrase, key, key->max);
    }
    if (key->flags & KEY_NOT_ZERO)
        phrase_add(phrase, ", not 0");
    if (key->unit)
        phrase_add(phrase, " %s", key->unit);
}

size_t config_key_format_bounds(const struct config_key *key, char out[CONFIG_BOUNDS_MAX])
{
    struct phrase phrase = {.out = out};
    out[0] = '\0';
    switch (key->type) {
    case TYPE_ENUM:
    case TYPE_WORDS:
        phrase_add_words(&phrase, key->words);
        break;
    case TYPE_BOOL:
        phrase_add(&phrase, "true | false");
        break;
    case TYPE_COUNT:
    case TYPE_DURATION:
    case TYPE_NUMBER:
    case TYPE_NUMBERS:
    case TYPE_PERCENT:
    case TYPE_SIZE:
    case TYPE_UNSIGNED:
        phrase_add_range(&phrase, key);
        break;
    default:
        break;
    }
    return phrase.length;
}
