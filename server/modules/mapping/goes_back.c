/* SPDX-License-Identifier: MIT
 *
 * When matching without order goes back, as statsd_exporter decides it for all rules at once: a
 * rule with a star needs it where another rule of as many parts is the same up to that star, unless
 * one of the two kinds covers the other.
 */
#include <string.h>

#include "server/modules/mapping/glob.h"

static size_t count_parts(const char *match)
{
    size_t count = 1;
    for (; *match; match++) {
        count += *match == '.';
    }
    return count;
}

/* Whether each part of `wide` is a star or that of `narrow`; they have as many parts. */
static bool covers(const char *wide, const char *narrow)
{
    while (*wide) {
        size_t wide_length = strcspn(wide, ".");
        size_t narrow_length = strcspn(narrow, ".");
        bool star = wide_length == 1 && *wide == '*';
        if (!star && (wide_length != narrow_length || memcmp(wide, narrow, wide_length) != 0)) {
            return false;
        }
        wide += wide_length + (wide[wide_length] == '.');
        narrow += narrow_length + (narrow[narrow_length] == '.');
    }
    return true;
}

/* Whether `other` is the same up to one of the stars of `match`; up to the first is up to any. */
static bool shares_way(const char *match, const char *other)
{
    size_t length = strcspn(match, "*");
    return match[length] == '*' && strncmp(match, other, length) == 0;
}

static bool needs_it(const char *const *matches, const size_t *parts, size_t count, size_t at)
{
    bool shared = false;
    for (size_t i = 0; i < count; i++) {
        if (i == at || parts[i] != parts[at]) {
            continue;
        }
        if (covers(matches[at], matches[i]) || covers(matches[i], matches[at])) {
            return false;
        }
        shared |= shares_way(matches[at], matches[i]);
    }
    return shared;
}

bool glob_goes_back(const char *const *matches, size_t *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        parts[i] = count_parts(matches[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (needs_it(matches, parts, count, i)) {
            return true;
        }
    }
    return false;
}
