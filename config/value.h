/* SPDX-License-Identifier: MIT
 *
 * The values of keys: read from text and checked against the schema's bounds, compared, copied,
 * released. `base` is what holds the field: a struct config, or for keys of named sections an entry
 * (config/entries.h). Belongs to the thread that makes the configuration.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>

#include "config/config.h"
#include "config/schema.h"

/* Bytes for the reason of a refusal, including the closing NUL. */
#define CONFIG_WHY_MAX 384

/* Reads the text of a key that holds no list into its field. False with the reason in `why` when it
 * is not taken; the field is then as before. An empty text or `off` turns a path off. */
bool config_value_parse(const struct config_key *key, void *base, const char *text,
                        char why[CONFIG_WHY_MAX]);

/* Appends one item to the field of a key that holds a list; otherwise as above. Repeats of
 * addresses (but those with port 0) are refused. */
bool config_value_append(const struct config_key *key, void *base, const char *item,
                         char why[CONFIG_WHY_MAX]);

/* Frees what the field holds and leaves it empty. */
void config_value_clear(const struct config_key *key, void *base);

/* True where both hold the same. */
bool config_value_equal(const struct config_key *key, const void *left, const void *right);

/* Gives the field of `to`, which is empty, what that of `from` holds. False without memory; what is
 * there then is cleared as ever. */
bool config_value_copy(const struct config_key *key, void *to, const void *from);

/* Writes a refusal and returns false. */
bool config_value_refuse(char why[CONFIG_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The field of a key. */
void *config_value_field(const struct config_key *key, void *base);

/* Appends a copy of a text. */
bool config_strings_append(struct config_strings *list, const char *text, size_t length,
                           char why[CONFIG_WHY_MAX]);

/* Reads the words of a command, each as it is or in double quotes. */
bool config_command_parse(const struct config_key *key, struct config_strings *field,
                          const char *text, char why[CONFIG_WHY_MAX]);

/* Checks a number against the key's bounds, 0 beside them included where the key takes it. */
bool config_value_in_bounds(const struct config_key *key, double value, const char *text,
                            char why[CONFIG_WHY_MAX]);

#endif
