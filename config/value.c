/* SPDX-License-Identifier: MIT
 *
 * One small function a type turns text into a field; a table finds it. Lists are in list.c.
 */
#include "config/value.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/condition.h"
#include "config/glob.h"
#include "config/machine.h"
#include "config/units.h"
#include "proto/number.h"

bool config_value_refuse(char why[CONFIG_WHY_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, CONFIG_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

void *config_value_field(const struct config_key *key, void *base)
{
    return (char *)base + key->offset;
}

static const void *constant_field(const struct config_key *key, const void *base)
{
    return (const char *)base + key->offset;
}

bool config_value_in_bounds(const struct config_key *key, double value, const char *text,
                            char why[CONFIG_WHY_MAX])
{
    char bounds[CONFIG_BOUNDS_MAX];
    bool low = key->flags & KEY_ABOVE_MIN ? value <= key->min : value < key->min;
    bool zero = (key->flags & KEY_OR_ZERO) && value == 0;
    bool missing = (key->flags & KEY_NOT_ZERO) && value == 0;
    if (zero || (!low && !missing && value <= key->max))
        return true;
    config_key_format_bounds(key, bounds);
    return config_value_refuse(why, "'%s' is out of bounds; it may be %s", text, bounds);
}

static bool means_zero(const struct config_key *key, const char *text)
{
    return (key->flags & KEY_OR_ZERO) && strcmp(text, "off") == 0;
}

static bool parse_bool(const struct config_key *key, void *field, const char *text, char *why)
{
    static const char *const words[2][4] = {{"false", "no", "off", "0"},
                                            {"true", "yes", "on", "1"}};
    (void)key;
    for (size_t i = 0; i < 4; i++) {
        for (int truth = 0; truth < 2; truth++) {
            if (strcmp(text, words[truth][i]) == 0) {
                *(bool *)field = truth;
                return true;
            }
        }
    }
    return config_value_refuse(why, "'%s' is neither true nor false", text);
}

static bool parse_whole(const struct config_key *key, const char *text, uint64_t *value, char *why)
{
    if (!units_parse_whole(text, value))
        return config_value_refuse(why, "'%s' is not a whole number", text);
    return config_value_in_bounds(key, (double)*value, text, why);
}

static bool parse_count(const struct config_key *key, void *field, const char *text, char *why)
{
    uint64_t value;
    if (!parse_whole(key, text, &value, why))
        return false;
    *(uint64_t *)field = value;
    return true;
}

static bool parse_unsigned(const struct config_key *key, void *field, const char *text, char *why)
{
    uint64_t value;
    if ((key->flags & KEY_OR_AUTO) && strcmp(text, "auto") == 0)
        value = config_machine_workers();
    else if (!parse_whole(key, text, &value, why))
        return false;
    *(unsigned *)field = (unsigned)value;
    return true;
}

static bool parse_duration(const struct config_key *key, void *field, const char *text, char *why)
{
    uint64_t ms = 0;
    if (!means_zero(key, text) && !units_parse_duration(text, &ms))
        return config_value_refuse(
            why, "'%s' is not a duration; write it like 500ms, 10s, 5m, 1h or 2d", text);
    if (!config_value_in_bounds(key, (double)ms, text, why))
        return false;
    *(uint64_t *)field = ms;
    return true;
}

static bool parse_share(const char *text, uint64_t *bytes)
{
    double share;
    if (strcmp(text, "0") == 0 || !units_parse_percent(text, &share) || share > 1)
        return false;
    *bytes = (uint64_t)(share * (double)config_machine_memory_bytes());
    return true;
}

static bool parse_size(const struct config_key *key, void *field, const char *text, char *why)
{
    uint64_t bytes = 0;
    bool share = (key->flags & KEY_OR_SHARE) && parse_share(text, &bytes);
    if (!share && !means_zero(key, text) && !units_parse_size(text, &bytes))
        return config_value_refuse(why, "'%s' is not a size; write it like 64KiB, 16MiB or 1GiB%s",
                                   text, key->flags & KEY_OR_SHARE ? ", or 1% to 100%" : "");
    if (!config_value_in_bounds(key, (double)bytes, text, why))
        return false;
    *(uint64_t *)field = bytes;
    return true;
}

static bool parse_number(const struct config_key *key, void *field, const char *text, char *why)
{
    double value;
    if (!number_parse(text, strlen(text), &value))
        return config_value_refuse(why, "'%s' is not a number", text);
    if (!config_value_in_bounds(key, value, text, why))
        return false;
    *(double *)field = value;
    return true;
}

static bool parse_percent(const struct config_key *key, void *field, const char *text, char *why)
{
    double fraction;
    if (!units_parse_percent(text, &fraction))
        return config_value_refuse(why, "'%s' is not a percentage; write it like 10%%", text);
    if (!config_value_in_bounds(key, fraction, text, why))
        return false;
    *(double *)field = fraction;
    return true;
}

static bool parse_mode(const struct config_key *key, void *field, const char *text, char *why)
{
    unsigned mode;
    (void)key;
    if (!units_parse_octal(text, &mode) || mode > 0777)
        return config_value_refuse(why, "'%s' is not a file mode; write it like 0640", text);
    if ((mode & 0600) != 0600)
        return config_value_refuse(why, "'%s' does not let the owner read and write", text);
    *(unsigned *)field = mode;
    return true;
}

static bool parse_path(const struct config_key *key, void *field, const char *text, char *why)
{
    char *path = NULL;
    if (text[0] == '"')
        return config_value_refuse(why, "%s is in quotes; %s written without", text,
                                   key->type == TYPE_PATH ? "paths are" : "it is");
    if (text[0] != '\0' && strcmp(text, "off") != 0) {
        path = strdup(text);
        if (!path)
            return config_value_refuse(why, "out of memory");
    }
    free(*(char **)field);
    *(char **)field = path;
    return true;
}

static const struct config_word *find_word(const struct config_word *words, const char *text)
{
    for (; words->word; words++)
        if (strcmp(words->word, text) == 0)
            return words;
    return NULL;
}

static bool parse_enum(const struct config_key *key, void *field, const char *text, char *why)
{
    char bounds[CONFIG_BOUNDS_MAX];
    const struct config_word *word = find_word(key->words, text);
    if (!word) {
        config_key_format_bounds(key, bounds);
        return config_value_refuse(why, "'%s' is none of %s", text, bounds);
    }
    /* Every enum of struct config is as wide as unsigned, since none has a negative value. */
    memcpy(field, &(unsigned){(unsigned)word->value}, sizeof(unsigned));
    return true;
}

_Static_assert(sizeof(enum statsd_dialect) == sizeof(unsigned), "enums are written as unsigned");

static bool parse_command(const struct config_key *key, void *field, const char *text, char *why)
{
    return config_command_parse(key, field, text, why);
}

static bool parse_text(const struct config_key *key, void *field, const char *text, char *why)
{
    (void)key;
    char *copy = strdup(text);
    if (!copy)
        return config_value_refuse(why, "out of memory");
    free(*(char **)field);
    *(char **)field = copy;
    return true;
}

static bool parse_condition(const struct config_key *key, void *field, const char *text, char *why)
{
    struct condition condition;
    char fault[CONDITION_WHY_MAX];
    if (!condition_parse(text, &condition, fault))
        return config_value_refuse(why, "the condition %s", fault);
    return parse_text(key, field, text, why);
}

static bool parse_glob(const struct config_key *key, void *field, const char *text, char *why)
{
    const char *fault = text[0] == '\0' ? "is empty" : glob_fault(text);
    if (fault)
        return config_value_refuse(why, "the pattern '%s' %s", text, fault);
    return parse_text(key, field, text, why);
}

typedef bool parse_function(const struct config_key *key, void *field, const char *text, char *why);

/* NULL for lists, and for TYPE_RATE, which has two fields. */
static parse_function *const parsers[TYPE_COUNT_OF_TYPES] = {
    [TYPE_COMMAND] = parse_command,     [TYPE_BOOL] = parse_bool,
    [TYPE_COUNT] = parse_count,         [TYPE_DURATION] = parse_duration,
    [TYPE_ENUM] = parse_enum,           [TYPE_MODE] = parse_mode,
    [TYPE_NUMBER] = parse_number,       [TYPE_PATH] = parse_path,
    [TYPE_PERCENT] = parse_percent,     [TYPE_SIZE] = parse_size,
    [TYPE_UNSIGNED] = parse_unsigned,   [TYPE_GROUP] = parse_path,
    [TYPE_TEXT] = parse_text,           [TYPE_GLOB] = parse_glob,
    [TYPE_CONDITION] = parse_condition,
};

static bool parse_rate(const struct config_key *key, void *base, const char *text, char *why)
{
    double *per_second = config_value_field(key, base);
    unsigned *burst = (unsigned *)(void *)((char *)base + key->burst_offset);
    if (!units_parse_rate(strcmp(text, "off") == 0 ? "0" : text, per_second, burst))
        return config_value_refuse(why, "'%s' is not a rate; write it like 10/min (s, min, h, d)",
                                   text);
    return true;
}

bool config_value_parse(const struct config_key *key, void *base, const char *text,
                        char why[CONFIG_WHY_MAX])
{
    if (key->type == TYPE_RATE)
        return parse_rate(key, base, text, why);
    return parsers[key->type](key, config_value_field(key, base), text, why);
}

void config_value_clear(const struct config_key *key, void *base)
{
    void *field = config_value_field(key, base);
    struct config_strings *strings = field;
    struct config_numbers *numbers = field;
    switch (key->type) {
    case TYPE_PATH:
    case TYPE_TAGS:
    case TYPE_GROUP:
    case TYPE_TEXT:
    case TYPE_GLOB:
    case TYPE_CONDITION:
        free(*(char **)field);
        *(char **)field = NULL;
        break;
    case TYPE_ADDRESSES:
    case TYPE_COMMAND:
    case TYPE_GLOBS:
    case TYPE_HEADERS:
    case TYPE_TEXTS:
    case TYPE_WORDS:
        for (size_t i = 0; i < strings->count; i++)
            free(strings->items[i]);
        free(strings->items);
        *strings = (struct config_strings){0};
        break;
    case TYPE_NUMBERS:
        free(numbers->items);
        *numbers = (struct config_numbers){0};
        break;
    default:
        break;
    }
}

static bool equal_texts(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : left == right;
}

static bool equal_strings(const struct config_strings *left, const struct config_strings *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (strcmp(left->items[i], right->items[i]) != 0)
            return false;
    return true;
}

static bool equal_numbers(const struct config_numbers *left, const struct config_numbers *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (left->items[i] != right->items[i])
            return false;
    return true;
}

bool config_value_equal(const struct config_key *key, const void *left, const void *right)
{
    const void *a = constant_field(key, left);
    const void *b = constant_field(key, right);
    switch (key->type) {
    case TYPE_PATH:
    case TYPE_TAGS:
    case TYPE_GROUP:
    case TYPE_TEXT:
    case TYPE_GLOB:
    case TYPE_CONDITION:
        return equal_texts(*(char *const *)a, *(char *const *)b);
    case TYPE_ADDRESSES:
    case TYPE_COMMAND:
    case TYPE_GLOBS:
    case TYPE_HEADERS:
    case TYPE_TEXTS:
    case TYPE_WORDS:
        return equal_strings(a, b);
    case TYPE_NUMBERS:
        return equal_numbers(a, b);
    case TYPE_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case TYPE_ENUM:
    case TYPE_MODE:
    case TYPE_UNSIGNED:
        return memcmp(a, b, sizeof(unsigned)) == 0;
    case TYPE_COUNT:
    case TYPE_DURATION:
    case TYPE_SIZE:
        return *(const uint64_t *)a == *(const uint64_t *)b;
    case TYPE_NUMBER:
    case TYPE_PERCENT:
    case TYPE_RATE:
        return *(const double *)a == *(const double *)b;
    default:
        return true;
    }
}
