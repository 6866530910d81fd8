/* SPDX-License-Identifier: MIT
 *
 * A command in a configuration: words by blanks, of which any may be in double quotes as a whole.
 * There is no shell and no escape.
 */
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

static void free_words(struct config_strings *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct config_strings){0};
}

/* Takes the word that `text` begins with; NULL with the reason in `why` where that is none. */
static const char *take_word(struct config_strings *words, const char *text, char *why)
{
    bool quoted = *text == '"';
    size_t length = strcspn(text + quoted, quoted ? "\"" : " \t\"");
    const char *end = text + quoted + length;
    if (quoted && *end != '"') {
        config_value_refuse(why, "%s has no closing quote", text);
        return NULL;
    }
    const char *behind = end + quoted;
    if (*behind != '\0' && *behind != ' ' && *behind != '\t') {
        config_value_refuse(why, "%s has a quote inside of a word", text);
        return NULL;
    }
    return config_strings_append(words, text + quoted, length, why) ? behind : NULL;
}

bool config_command_parse(const struct config_key *key, struct config_strings *field,
                          const char *text, char why[CONFIG_WHY_MAX])
{
    struct config_strings words = {0};
    while (text && *(text += strspn(text, " \t"))) {
        if (words.count == key->items_max) {
            config_value_refuse(why, "there are more than %zu words", key->items_max);
            text = NULL;
        } else {
            text = take_word(&words, text, why);
        }
    }
    bool nothing = words.count == 0 && !(key->flags & KEY_REQUIRED);
    if (text && !nothing && (words.count == 0 || words.items[0][0] == '\0')) {
        config_value_refuse(why, "there is no program");
        text = NULL;
    }
    if (!text) {
        free_words(&words);
        return false;
    }
    free_words(field);
    *field = words;
    return true;
}
