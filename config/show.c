/* SPDX-License-Identifier: MIT
 *
 * The values in force, in the notation of the file but for lists, which are as they were resolved.
 */
#include <string.h>

#include "config/config.h"
#include "config/schema.h"
#include "config/units.h"
#include "proto/number.h"

static void write_number(FILE *out, double value)
{
    char text[NUMBER_TEXT_MAX];
    number_format(text, value);
    fputs(text, out);
}

static void write_strings(FILE *out, const struct config_strings *strings, const char *between)
{
    for (size_t i = 0; i < strings->count; i++)
        fprintf(out, "%s%s", i > 0 ? between : "", strings->items[i]);
}

/* The names; a value may be a secret. */
static void write_headers(FILE *out, const struct config_strings *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        fprintf(out, "%s%.*s: (set)", i > 0 ? ", " : "", (int)strcspn(headers->items[i], ":"),
                headers->items[i]);
}

static void write_numbers(FILE *out, const struct config_numbers *numbers)
{
    for (size_t i = 0; i < numbers->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_number(out, numbers->items[i]);
    }
}

static void write_word(FILE *out, const struct config_key *key, int value)
{
    const struct config_word *word = key->words;
    while (word->word && word->value != value)
        word++;
    fputs(word->word ? word->word : "", out);
}

/* A token is not for whoever may connect. */
static void write_text(FILE *out, const struct config_key *key, const char *text)
{
    bool secret = key->offset == offsetof(struct config, http.admin_token) &&
                  strcmp(key->section, "http") == 0;
    fputs(!text ? "off" : secret ? "(set)" : text, out);
}

static void write_value(FILE *out, const struct config_key *key, const void *field)
{
    char text[UNITS_TEXT_MAX];
    switch (key->type) {
    case TYPE_ADDRESSES:
    case TYPE_GLOBS:
    case TYPE_TEXTS:
    case TYPE_WORDS:
        write_strings(out, field, ", ");
        break;
    case TYPE_HEADERS:
        write_headers(out, field);
        break;
    case TYPE_COMMAND:
        write_strings(out, field, " ");
        break;
    case TYPE_BOOL:
        fputs(*(const bool *)field ? "true" : "false", out);
        break;
    case TYPE_COUNT:
        fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
        break;
    case TYPE_DURATION:
        units_format_duration(text, *(const uint64_t *)field);
        fputs(text, out);
        break;
    case TYPE_SIZE:
        units_format_size(text, *(const uint64_t *)field);
        fputs(text, out);
        break;
    case TYPE_ENUM:
        write_word(out, key, *(const int *)field);
        break;
    case TYPE_MODE:
        fprintf(out, "%04o", *(const unsigned *)field);
        break;
    case TYPE_UNSIGNED:
        fprintf(out, "%u", *(const unsigned *)field);
        break;
    case TYPE_NUMBERS:
        write_numbers(out, field);
        break;
    case TYPE_NUMBER:
        write_number(out, *(const double *)field);
        break;
    case TYPE_PERCENT:
        write_number(out, *(const double *)field * 100);
        putc('%', out);
        break;
    case TYPE_RATE:
        write_number(out, *(const double *)field);
        fputs("/s", out);
        break;
    default:
        write_text(out, key, *(char *const *)field);
        break;
    }
}

/* `base` is the configuration, or an entry of a named section. */
static void write_keys(FILE *out, const struct config_section *section, const char *name,
                       const char *base)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (strcmp(key->section, section->name) != 0)
            continue;
        fputs(section->name, out);
        if (name)
            fprintf(out, " \"%s\"", name);
        fprintf(out, " > %s: ", key->name);
        write_value(out, key, base + key->offset);
        putc('\n', out);
    }
}

void config_write_effective(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < config_section_count; i++) {
        const struct config_section *section = &config_sections[i];
        if (!config_section_is_named(section)) {
            write_keys(out, section, NULL, (const char *)config);
            continue;
        }
        const char *list = (const char *)config + section->list_offset;
        const char *entry = *(const char *const *)list;
        size_t count = *(const size_t *)(list + sizeof(void *));
        for (size_t k = 0; k < count; k++, entry += section->entry_bytes)
            write_keys(out, section, *(const char *const *)entry, entry);
    }
}
