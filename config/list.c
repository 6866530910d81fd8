/* SPDX-License-Identifier: MIT
 *
 * Appending to the keys that hold a list. Tags are kept as one text by comma until they are put in
 * order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/glob.h"
#include "config/header.h"
#include "config/value.h"
#include "proto/number.h"
#include "proto/text.h"

static bool refuse_full(const struct config_key *key, char *why)
{
    return config_value_refuse(why, "there are more than %zu items", key->items_max);
}

/* Room for one more item, or false. */
static bool grow(void **items, size_t count, size_t item_bytes, char *why)
{
    void *grown = reallocarray(*items, count + 1, item_bytes);
    if (!grown)
        return config_value_refuse(why, "out of memory");
    *items = grown;
    return true;
}

static bool parse_item(const struct config_key *key, const char *item, double *value, char *why)
{
    if ((key->flags & KEY_OR_INF) && strcmp(item, "inf") == 0) {
        *value = HUGE_VAL;
        return true;
    }
    if (!number_parse(item, strlen(item), value))
        return config_value_refuse(why, "'%s' is not a number", item);
    return config_value_in_bounds(key, *value, item, why);
}

static bool append_number(const struct config_key *key, struct config_numbers *list,
                          const char *item, char *why)
{
    double value;
    void *items = list->items;
    if (!parse_item(key, item, &value, why))
        return false;
    if (list->count == key->items_max)
        return refuse_full(key, why);
    if (!grow(&items, list->count, sizeof(*list->items), why))
        return false;
    list->items = items;
    list->items[list->count++] = value;
    return true;
}

bool config_strings_append(struct config_strings *list, const char *text, size_t length,
                           char why[CONFIG_WHY_MAX])
{
    void *items = list->items;
    if (!grow(&items, list->count, sizeof(*list->items), why))
        return false;
    list->items = items;
    list->items[list->count] = strndup(text, length);
    if (!list->items[list->count])
        return config_value_refuse(why, "out of memory");
    list->count++;
    return true;
}

static bool holds_address(const struct config_strings *list, const char *item)
{
    if (config_address_picks_port(item))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

static bool append_address(const struct config_key *key, struct config_strings *list,
                           const char *item, char *why)
{
    const char *fault = config_address_fault(item);
    if (fault)
        return config_value_refuse(why, "'%s' %s", item, fault);
    if (holds_address(list, item))
        return config_value_refuse(why, "'%s' is there twice", item);
    if (list->count == key->items_max)
        return refuse_full(key, why);
    return config_strings_append(list, item, strlen(item), why);
}

static bool append_text(const struct config_key *key, struct config_strings *list, const char *item,
                        char *why)
{
    if (list->count == key->items_max)
        return refuse_full(key, why);
    return config_strings_append(list, item, strlen(item), why);
}

static const char *tag_fault(const char *item)
{
    const char *key = item + strspn(item, "#");
    if (*key == ':' || *key == '\0')
        return "has no key";
    if (*item == '"')
        return "is in quotes; tags are written without";
    if (!strchr(item, ':') && strchr(item, '='))
        return "has = where tags have a colon";
    if (strchr(item, '|'))
        return "holds a |, which ends the tags of a metric";
    if (!text_is_utf8(item, strlen(item)))
        return "is not UTF-8";
    return NULL;
}

static bool append_tag(const struct config_key *key, char **field, const char *item, char *why)
{
    const char *fault = tag_fault(item);
    if (fault)
        return config_value_refuse(why, "'%s' %s", item, fault);
    size_t before = *field ? strlen(*field) : 0;
    size_t count = before ? 1 : 0;
    for (size_t i = 0; i < before; i++)
        count += (*field)[i] == ',';
    if (count == key->items_max)
        return refuse_full(key, why);
    char *grown = realloc(*field, before + strlen(item) + 2);
    if (!grown)
        return config_value_refuse(why, "out of memory");
    *field = grown;
    if (before)
        grown[before++] = ',';
    strcpy(grown + before, item);
    return true;
}

static bool append_word(const struct config_key *key, struct config_strings *list, const char *item,
                        char *why)
{
    const struct config_word *word = key->words;
    while (word->word && strcmp(word->word, item) != 0)
        word++;
    if (!word->word) {
        char bounds[CONFIG_BOUNDS_MAX];
        config_key_format_bounds(key, bounds);
        return config_value_refuse(why, "'%s' is not known; it may be %s", item, bounds);
    }
    return config_strings_append(list, item, strlen(item), why);
}

static bool append_glob(const struct config_key *key, struct config_strings *list, const char *item,
                        char *why)
{
    const char *fault =
        item[0] == '"' ? "is in quotes; patterns are written without" : glob_fault(item);
    if (fault)
        return config_value_refuse(why, "'%s' %s", item, fault);
    if (list->count == key->items_max)
        return refuse_full(key, why);
    return config_strings_append(list, item, strlen(item), why);
}

static bool append_header(struct config_strings *list, const char *item, char *why)
{
    char fault[CONFIG_HEADER_WHY_MAX];
    return config_headers_append(list, item, strlen(item), fault) ||
           config_value_refuse(why, "%s", fault);
}

bool config_value_append(const struct config_key *key, void *base, const char *item,
                         char why[CONFIG_WHY_MAX])
{
    void *field = config_value_field(key, base);
    switch (key->type) {
    case TYPE_NUMBERS:
        return append_number(key, field, item, why);
    case TYPE_ADDRESSES:
        return append_address(key, field, item, why);
    case TYPE_GLOBS:
        return append_glob(key, field, item, why);
    case TYPE_HEADERS:
        return append_header(field, item, why);
    case TYPE_TEXTS:
        return append_text(key, field, item, why);
    case TYPE_WORDS:
        return append_word(key, field, item, why);
    case TYPE_TAGS:
        return append_tag(key, field, item, why);
    default:
        return config_value_refuse(why, "the key holds no list");
    }
}
