/* SPDX-License-Identifier: MIT */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "server/modules/mapping/regex.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps of one match, about a millisecond's; a sound expression takes dozens a byte of name. */
#define MATCH_STEPS_MAX 100000
#define MATCH_HEAP_KIB_MAX 1024

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    int groups;
};

static bool starts(const char *at, const char *end, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(end - at) >= length && memcmp(at, text, length) == 0;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The bytes of a class, `[...]`, whose first byte is at `at`. */
static size_t class_length(const char *at, const char *end)
{
    const char *from = at;
    at += 1;
    at += at < end && *at == '^';
    at += at < end && *at == ']';
    while (at < end && *at != ']') {
        if (*at == '\\') {
            at++;
        } else if (starts(at, end, "[:")) {
            const char *close = memmem(at + 2, (size_t)(end - at - 2), ":]", 2);
            at = close ? close + 1 : at;
        }
        at++;
    }
    return (size_t)(at < end ? at + 1 - from : end - from);
}

/* What begins a group that RE2 does not know: all but (?:  (?P<  (?<name>  and flags. */
static bool is_foreign_group(const char *at, const char *end)
{
    static const char *const foreign[] = {"(?=", "(?!", "(?<=", "(?<!", "(?>",  "(?|",
                                          "(?#", "(?(", "(?&",  "(?R",  "(?P=", "(?P>",
                                          "(?'", "(?C", "(?+",  "(?^",  "(*"};
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (starts(at, end, foreign[i])) {
            return true;
        }
    }
    bool recursion = starts(at, end, "(?") && end - at > 2 && is_digit(at[2]);
    bool back = starts(at, end, "(?-") && end - at > 3 && is_digit(at[3]);
    return recursion || back;
}

/* A quantifier's bytes, `*`, `{2,3}`, without what may follow it; 0 where there is none. */
static size_t quantifier_length(const char *at, const char *end)
{
    if (at < end && (*at == '*' || *at == '+' || *at == '?')) {
        return 1;
    }
    if (at == end || *at != '{') {
        return 0;
    }
    const char *close = memchr(at, '}', (size_t)(end - at));
    bool inside = close && close > at + 1 && is_digit(at[1]);
    for (const char *digit = at + 1; inside && digit < close; digit++) {
        inside = is_digit(*digit) || *digit == ',';
    }
    return inside ? (size_t)(close - at) + 1 : 0;
}

/* The text of the first construct that RE2 has not; NULL where there is none. */
static const char *find_foreign(const char *at, const char *end)
{
    while (at < end) {
        size_t quantifier = quantifier_length(at, end);
        if (*at == '\\' && at + 1 < end) {
            if (strchr("123456789gkKGRXhHNZ", at[1])) {
                return at;
            }
            const char *quoted = at[1] == 'Q' ? memmem(at, (size_t)(end - at), "\\E", 2) : NULL;
            at = at[1] != 'Q' ? at + 2 : quoted ? quoted + 2 : end;
        } else if (*at == '[') {
            at += class_length(at, end);
        } else if (*at == '(') {
            if (is_foreign_group(at, end)) {
                return at;
            }
            /* The '?' behind is no quantifier. */
            at += starts(at, end, "(?") ? 2 : 1;
        } else if (quantifier > 0) {
            const char *behind = at + quantifier;
            bool lazy = behind < end && *behind == '?';
            if (quantifier_length(behind + lazy, end) > 0) {
                return at;
            }
            at = behind + lazy;
        } else {
            at++;
        }
    }
    return NULL;
}

static bool compile(struct regex *regex, const char *pattern, size_t length,
                    char reason[REGEX_REASON_MAX])
{
    int error;
    PCRE2_SIZE offset;
    /* As RE2: `$` is the very end; a group may have a name; names are text, or else bytes. */
    const uint32_t options =
        PCRE2_DOLLAR_ENDONLY | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, length, options, &error, &offset, NULL);
    if (!regex->code) {
        PCRE2_UCHAR text[128];
        pcre2_get_error_message(error, text, sizeof(text));
        snprintf(reason, REGEX_REASON_MAX, "%s at byte %zu", (const char *)text, offset + 1);
        return false;
    }
    uint32_t groups = 0;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups >= REGEX_CAPTURES_MAX) {
        snprintf(reason, REGEX_REASON_MAX, "there are more than %d groups", REGEX_CAPTURES_MAX - 1);
        return false;
    }
    regex->groups = (int)groups;
    return true;
}

static bool prepare(struct regex *regex)
{
    regex->data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    regex->context = pcre2_match_context_create(NULL);
    if (!regex->data || !regex->context) {
        return false;
    }
    pcre2_set_match_limit(regex->context, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(regex->context, MATCH_STEPS_MAX);
    pcre2_set_heap_limit(regex->context, MATCH_HEAP_KIB_MAX);
    return true;
}

struct regex *regex_new(const char *pattern, size_t length, char reason[REGEX_REASON_MAX])
{
    const char *foreign = find_foreign(pattern, pattern + length);
    if (foreign) {
        snprintf(reason, REGEX_REASON_MAX, "RE2 does not know '%.8s' at byte %zu", foreign,
                 (size_t)(foreign - pattern) + 1);
        return NULL;
    }
    struct regex *regex = calloc(1, sizeof(*regex));
    snprintf(reason, REGEX_REASON_MAX, "out of memory");
    if (regex && compile(regex, pattern, length, reason) && prepare(regex)) {
        return regex;
    }
    regex_free(regex);
    return NULL;
}

void regex_free(struct regex *regex)
{
    if (regex) {
        pcre2_match_context_free(regex->context);
        pcre2_match_data_free(regex->data);
        pcre2_code_free(regex->code);
        free(regex);
    }
}

int regex_groups(const struct regex *regex)
{
    return regex->groups;
}

int regex_group_by_name(const void *regex, const char *name, size_t length)
{
    char terminated[128];
    if (length >= sizeof(terminated)) {
        return TEMPLATE_NOTHING;
    }
    memcpy(terminated, name, length);
    terminated[length] = '\0';
    int number = pcre2_substring_number_from_name(((const struct regex *)regex)->code,
                                                  (PCRE2_SPTR)terminated);
    return number > 0 ? number : TEMPLATE_NOTHING;
}

enum regex_result regex_match(const struct regex *regex, const char *name, size_t length,
                              struct capture captures[REGEX_CAPTURES_MAX], size_t *count)
{
    int matched =
        pcre2_match(regex->code, (PCRE2_SPTR)name, length, 0, 0, regex->data, regex->context);
    if (matched < 0) {
        return matched == PCRE2_ERROR_NOMATCH ? REGEX_NO_MATCH : REGEX_GAVE_UP;
    }
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->data);
    *count = (size_t)regex->groups + 1;
    for (size_t i = 0; i < *count; i++) {
        bool took_part = offsets[2 * i] != PCRE2_UNSET;
        captures[i] =
            took_part ? (struct capture){name + offsets[2 * i], offsets[2 * i + 1] - offsets[2 * i]}
                      : (struct capture){"", 0};
    }
    return REGEX_MATCH;
}
