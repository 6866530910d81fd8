/* SPDX-License-Identifier: MIT
 *
 * A word at a time: the text is cut where blanks are and where operators begin and end.
 */
#include "config/condition.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/units.h"
#include "proto/number.h"

#define WORD_BYTES 64

struct scanner {
    const char *rest;
    char word[WORD_BYTES]; /* the word in hand; "" at the end */
    char *why;
};

static const char *const statistic_words[CONDITION_STATISTICS] = {
    [CONDITION_COUNT] = "count",   [CONDITION_RATE] = "rate",   [CONDITION_SUM] = "sum",
    [CONDITION_MEAN] = "mean",     [CONDITION_MIN] = "min",     [CONDITION_MAX] = "max",
    [CONDITION_STDDEV] = "stddev", [CONDITION_VALUE] = "value", [CONDITION_UNIQUE] = "unique",
};

static const char *const operator_words[] = {
    [CONDITION_ABOVE] = ">",    [CONDITION_AT_LEAST] = ">=", [CONDITION_BELOW] = "<",
    [CONDITION_AT_MOST] = "<=", [CONDITION_EQUAL] = "=",     [CONDITION_UNEQUAL] = "!=",
};
#define OPERATORS (sizeof(operator_words) / sizeof(*operator_words))

static const char *const severity_words[] = {"info", "warning", "critical"};
#define SEVERITY_WORDS (sizeof(severity_words) / sizeof(*severity_words))

static bool refuse(struct scanner *scanner, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct scanner *scanner, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scanner->why, CONDITION_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_operator(char c)
{
    return c != '\0' && strchr("<>=!", c) != NULL;
}

/* Takes the next word in hand. What does not fit is cut, and then is no word that is known. */
static void next(struct scanner *scanner)
{
    const char *at = scanner->rest + strspn(scanner->rest, " \t");
    const char *end = at;
    bool wants = is_operator(*at);
    while (*end != '\0' && *end != ' ' && *end != '\t' && is_operator(*end) == wants) {
        end++;
    }
    size_t length = (size_t)(end - at);
    size_t kept = length < WORD_BYTES - 1 ? length : WORD_BYTES - 1;
    memcpy(scanner->word, at, kept);
    scanner->word[kept] = '\0';
    scanner->rest = end;
}

static bool is_word(const struct scanner *scanner, const char *word)
{
    return strcmp(scanner->word, word) == 0;
}

/* "at 'foo'", or that the text ends there. */
static bool refuse_word(struct scanner *scanner, const char *wanted)
{
    if (scanner->word[0] == '\0') {
        return refuse(scanner, "ends where %s should follow", wanted);
    }
    return refuse(scanner, "has '%s' where %s should be", scanner->word, wanted);
}

static bool read_percent(const char *text, double *percent)
{
    return text[0] == 'p' && isdigit((unsigned char)text[1]) &&
           number_parse(text + 1, strlen(text + 1), percent) && *percent > 0 && *percent <= 100;
}

/* Whether the word in hand is a statistic. */
static bool read_statistic(const struct scanner *scanner, struct condition *condition)
{
    for (int i = CONDITION_COUNT; i < CONDITION_PERCENTILE; i++) {
        if (is_word(scanner, statistic_words[i])) {
            condition->statistic = (enum condition_statistic)i;
            return true;
        }
    }
    if (read_percent(scanner->word, &condition->percent)) {
        condition->statistic = CONDITION_PERCENTILE;
        return true;
    }
    return false;
}

static bool read_operator(struct scanner *scanner, struct condition *condition)
{
    if (is_word(scanner, "==")) {
        condition->compare = CONDITION_EQUAL;
        next(scanner);
        return true;
    }
    for (size_t i = 0; i < OPERATORS; i++) {
        if (is_word(scanner, operator_words[i])) {
            condition->compare = (enum condition_operator)i;
            next(scanner);
            return true;
        }
    }
    return refuse_word(scanner, "one of > >= < <= = !=");
}

/* A number with what may stand behind it; `suffix` is left at that. */
static bool read_number(struct scanner *scanner, double *value, const char **suffix)
{
    const char *word = scanner->word;
    size_t length = strspn(word, "+-.0123456789eE");
    if (length == 0 || !number_parse(word, length, value) || !isfinite(*value)) {
        return refuse_word(scanner, "a number");
    }
    *suffix = word + length;
    return true;
}

static bool read_time(struct scanner *scanner, struct condition *condition)
{
    if (scanner->word[0] == '\0' || !units_parse_duration(scanner->word, &condition->time_ms)) {
        return refuse_word(scanner, "a duration such as 5m");
    }
    if (condition->time_ms < CONDITION_TIME_MS_MIN || condition->time_ms > CONDITION_TIME_MS_MAX) {
        return refuse(scanner, "has '%s', which is not within 1s to 31d", scanner->word);
    }
    next(scanner);
    return true;
}

static bool at_end(struct scanner *scanner)
{
    return scanner->word[0] == '\0' ||
           refuse(scanner, "goes on with '%s' where it should end", scanner->word);
}

static bool parse_threshold(struct scanner *scanner, struct condition *condition)
{
    const char *suffix;
    condition->form = CONDITION_THRESHOLD;
    if (!read_operator(scanner, condition) ||
        !read_number(scanner, &condition->threshold, &suffix)) {
        return false;
    }
    condition->seconds = *suffix != '\0';
    if (strcmp(suffix, "s") == 0) {
        condition->threshold *= 1000;
    } else if (*suffix != '\0' && strcmp(suffix, "ms") != 0) {
        return refuse(scanner, "has '%s', a number with a unit other than ms or s", scanner->word);
    }
    next(scanner);
    return at_end(scanner);
}

static bool parse_change(struct scanner *scanner, struct condition *condition)
{
    const char *suffix;
    condition->form = CONDITION_CHANGE;
    condition->magnitude = is_word(scanner, "|change|");
    next(scanner);
    if (!read_operator(scanner, condition) ||
        !read_number(scanner, &condition->threshold, &suffix)) {
        return false;
    }
    if (strcmp(suffix, "%") != 0) {
        return refuse(scanner, "has '%s' where a percentage such as 20%% should be", scanner->word);
    }
    condition->threshold /= 100;
    next(scanner);
    if (!is_word(scanner, "over")) {
        return refuse_word(scanner, "'over' and a duration");
    }
    next(scanner);
    return read_time(scanner, condition) && at_end(scanner);
}

static bool parse_anomaly(struct scanner *scanner, struct condition *condition)
{
    condition->form = CONDITION_ANOMALY;
    next(scanner);
    if (!read_operator(scanner, condition)) {
        return false;
    }
    size_t i = 0;
    while (i < SEVERITY_WORDS && !is_word(scanner, severity_words[i])) {
        i++;
    }
    if (i == SEVERITY_WORDS) {
        return refuse_word(scanner, "info, warning or critical");
    }
    condition->threshold = (double)i;
    next(scanner);
    return at_end(scanner);
}

static bool parse_absent(struct scanner *scanner, struct condition *condition)
{
    condition->form = CONDITION_ABSENT;
    next(scanner);
    return read_time(scanner, condition) && at_end(scanner);
}

bool condition_parse(const char *text, struct condition *condition, char why[CONDITION_WHY_MAX])
{
    struct scanner scanner = {.rest = text, .why = why};
    *condition = (struct condition){.statistic = CONDITION_MAIN};
    next(&scanner);
    if (is_word(&scanner, "anomaly")) {
        return parse_anomaly(&scanner, condition);
    }
    if (is_word(&scanner, "absent")) {
        return parse_absent(&scanner, condition);
    }
    bool named = read_statistic(&scanner, condition);
    if (named) {
        next(&scanner);
    }
    if (is_word(&scanner, "change") || is_word(&scanner, "|change|")) {
        return parse_change(&scanner, condition);
    }
    if (!named) {
        return refuse_word(&scanner, "a statistic (count rate sum mean min max stddev value unique "
                                     "p99), change, anomaly or absent");
    }
    return parse_threshold(&scanner, condition);
}

bool condition_holds(const struct condition *condition, double value)
{
    switch (condition->compare) {
    case CONDITION_ABOVE:
        return value > condition->threshold;
    case CONDITION_AT_LEAST:
        return value >= condition->threshold;
    case CONDITION_BELOW:
        return value < condition->threshold;
    case CONDITION_AT_MOST:
        return value <= condition->threshold;
    case CONDITION_EQUAL:
        return value == condition->threshold;
    case CONDITION_UNEQUAL:
        return !isnan(value) && value != condition->threshold;
    }
    return false;
}

const char *condition_statistic_name(const struct condition *condition,
                                     char room[CONDITION_NAME_MAX])
{
    if (condition->statistic != CONDITION_PERCENTILE) {
        return condition->statistic == CONDITION_MAIN ? "" : statistic_words[condition->statistic];
    }
    room[0] = 'p';
    number_format(room + 1, condition->percent);
    return room;
}

const char *condition_operator_text(enum condition_operator compare)
{
    return operator_words[compare];
}
