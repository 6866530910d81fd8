/* SPDX-License-Identifier: MIT
 *
 * One element of the pattern against one byte, and a loop that goes back to the latest star.
 */
#include "config/glob.h"

#include <ctype.h>
#include <string.h>

static unsigned char folded(char byte, bool any_case)
{
    unsigned char value = (unsigned char)byte;
    return any_case && value < 128 ? (unsigned char)tolower(value) : value;
}

/* Behind the bracket that closes a set, NULL where there is none. `set` is behind the one that
 * opens it; a bracket that comes first is a member. */
static const char *set_end(const char *set)
{
    const char *at = set + (*set == '!');
    for (at += *at == ']'; *at != '\0' && *at != ']'; at++) {
    }
    return *at == ']' ? at + 1 : NULL;
}

static bool set_has(const char *set, const char *end, char byte, bool any_case)
{
    bool negated = *set == '!';
    const unsigned char wanted = folded(byte, any_case);
    for (const char *at = set + negated; at < end - 1; at++) {
        const unsigned char low = folded(*at, any_case);
        bool range = at[1] == '-' && at + 2 < end - 1;
        const unsigned char high = range ? folded(at[2], any_case) : low;
        if (low <= wanted && wanted <= high) {
            return !negated;
        }
        at += range ? 2 : 0;
    }
    return negated;
}

/* Behind the pattern's first element where it takes the byte, else NULL. It is not a star. */
static const char *take(const char *glob, char byte, bool any_case)
{
    if (*glob == '?') {
        return glob + 1;
    }
    if (*glob == '[') {
        const char *end = set_end(glob + 1);
        return end != NULL && set_has(glob + 1, end, byte, any_case) ? end : NULL;
    }
    glob += *glob == '\\' && glob[1] != '\0';
    return *glob != '\0' && folded(*glob, any_case) == folded(byte, any_case) ? glob + 1 : NULL;
}

static bool match(const char *glob, const char *text, size_t length, bool any_case)
{
    const char *star = NULL;
    size_t starred = 0;
    size_t at = 0;
    while (at < length) {
        if (*glob == '*') {
            star = ++glob;
            starred = at;
            continue;
        }
        const char *next = take(glob, text[at], any_case);
        if (next != NULL) {
            glob = next;
            at++;
        } else if (star != NULL) {
            glob = star;
            at = ++starred;
        } else {
            return false;
        }
    }
    return glob[strspn(glob, "*")] == '\0';
}

bool glob_match(const char *glob, const char *text, size_t length)
{
    return match(glob, text, length, false);
}

bool glob_match_any_case(const char *glob, const char *text, size_t length)
{
    return match(glob, text, length, true);
}

bool glob_is_wild(const char *glob)
{
    return strpbrk(glob, "*?[\\") != NULL;
}

const char *glob_fault(const char *glob)
{
    if (*glob == '\0') {
        return "is empty";
    }
    for (const char *at = glob; *at != '\0'; at++) {
        const char *end = at + 1;
        if (*at == '\\') {
            end = at[1] != '\0' ? at + 2 : NULL;
        } else if (*at == '[') {
            end = set_end(at + 1);
        }
        if (end == NULL) {
            return *at == '[' ? "has a [ that is never closed" : "ends with a backslash";
        }
        at = end - 1;
    }
    return NULL;
}
