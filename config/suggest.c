/* SPDX-License-Identifier: MIT
 *
 * Three rows of the usual dynamic programme are enough: the one before the last is for swapped
 * neighbours.
 */
#include "config/suggest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *left, const char *right)
{
    size_t rows[3][SUGGEST_WORD_MAX + 1];
    size_t left_length = strnlen(left, SUGGEST_WORD_MAX);
    size_t right_length = strnlen(right, SUGGEST_WORD_MAX);
    for (size_t j = 0; j <= right_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= left_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            size_t replaced = above[j - 1] + (left[i - 1] != right[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[left_length % 3][right_length];
}

const struct config_section *suggest_section(const char *name)
{
    size_t nearest = 0;
    for (size_t i = 1; i < config_section_count; i++)
        if (suggest_distance(name, config_sections[i].name) <
            suggest_distance(name, config_sections[nearest].name))
            nearest = i;
    return &config_sections[nearest];
}

const struct config_key *suggest_key(const struct config_section *section, const char *name)
{
    const struct config_key *nearest = NULL;
    size_t nearest_distance = 0;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (strcmp(key->section, section->name) != 0)
            continue;
        size_t distance = suggest_distance(name, key->name);
        if (!nearest || distance < nearest_distance) {
            nearest = key;
            nearest_distance = distance;
        }
    }
    return nearest;
}

const struct config_key *suggest_elsewhere(const char *name)
{
    for (size_t i = 0; i < config_key_count; i++)
        if (strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}
