/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/load_types.h"

#include <stddef.h>
#include <string.h>

#include "proto/number.h"

/* `c` or `c=50`, of `length` bytes. */
static bool parse_type(const char *text, size_t length, double weights[STATSD_TYPES])
{
    double weight = 1;
    const char *equals = memchr(text, '=', length);
    size_t word = equals ? (size_t)(equals - text) : length;
    if (equals && (!number_parse(equals + 1, length - word - 1, &weight) || weight <= 0)) {
        return false;
    }
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        const char *name = statsd_type_name((enum statsd_type)type);
        if (strlen(name) == word && memcmp(name, text, word) == 0 && weights[type] <= 0) {
            weights[type] = weight;
            return true;
        }
    }
    return false;
}

bool load_types_parse(const char *text, double weights[STATSD_TYPES])
{
    for (;;) {
        size_t length = strcspn(text, ",");
        if (!parse_type(text, length, weights)) {
            return false;
        }
        if (text[length] == '\0') {
            return true;
        }
        text += length + 1;
    }
}
