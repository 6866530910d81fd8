/* SPDX-License-Identifier: MIT
 *
 * A quantity is a plain decimal number and a unit from a table. The number goes through
 * number_parse(), so that fractions are read exactly; signs and exponents, which nobody means here,
 * are refused before.
 */
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/number.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first, which formatting relies upon. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit sizes[] = {
    {"TiB", UINT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
    {"KiB", 1 << 10},           {"B", 1},         {"", 1},
};
static const struct unit rate_periods_s[] = {
    {"d", 86400},
    {"h", 3600},
    {"min", 60},
    {"s", 1},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define RATE_LARGEST 1000000

static const struct unit *unit_find(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

/* Reads digits [. digits] from the start of the text; *rest is what follows. */
static bool parse_plain_number(const char *text, double *value, const char **rest)
{
    size_t length = strspn(text, "0123456789.");
    *rest = text + length;
    return number_parse(text, length, value);
}

/* The product must come out whole; a fraction such as 1.1 is inexact in binary, hence the
 * tolerance. */
static bool scale_to_whole(double number, uint64_t factor, uint64_t *out)
{
    double product = number * (double)factor;
    if (product > (double)UNITS_LARGEST)
        return false;
    uint64_t whole = (uint64_t)(product + 0.5);
    double difference = product - (double)whole;
    double tolerance = product * 1e-12;
    if (difference > tolerance || difference < -tolerance)
        return false;
    *out = whole;
    return true;
}

static bool parse_quantity(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    double number;
    const char *rest;
    if (!parse_plain_number(text, &number, &rest))
        return false;
    const struct unit *unit = unit_find(units, count, rest);
    return unit && scale_to_whole(number, unit->factor, out);
}

bool units_parse_duration(const char *text, uint64_t *ms)
{
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    return parse_quantity(text, durations, COUNT(durations), ms);
}

bool units_parse_size(const char *text, uint64_t *bytes)
{
    return parse_quantity(text, sizes, COUNT(sizes), bytes);
}

bool units_parse_percent(const char *text, double *fraction)
{
    double number;
    const char *rest;
    if (!parse_plain_number(text, &number, &rest))
        return false;
    if (strcmp(rest, "%") != 0 && strcmp(text, "0") != 0)
        return false;
    *fraction = number / 100;
    return true;
}

bool units_parse_whole(const char *text, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0')
        return false;
    uint64_t sum = 0;
    for (; *text; text++) {
        sum = sum * 10 + (uint64_t)(*text - '0');
        if (sum > UNITS_LARGEST)
            return false;
    }
    *value = sum;
    return true;
}

bool units_parse_rate(const char *text, double *per_second, unsigned *burst)
{
    char number[UNITS_TEXT_MAX];
    size_t digits = strspn(text, "0123456789");
    uint64_t count;
    if (digits >= sizeof(number))
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!units_parse_whole(number, &count) || count > RATE_LARGEST)
        return false;
    const struct unit *period = NULL;
    if (text[digits] == '/')
        period = unit_find(rate_periods_s, COUNT(rate_periods_s), text + digits + 1);
    if (!period && (count != 0 || text[digits] != '\0'))
        return false;
    *per_second = period ? (double)count / (double)period->factor : 0;
    *burst = (unsigned)count;
    return true;
}

bool units_parse_octal(const char *text, unsigned *mode)
{
    size_t digits = strspn(text, "01234567");
    if (digits < 3 || digits > 4 || text[digits] != '\0')
        return false;
    unsigned sum = 0;
    for (; *text; text++)
        sum = sum * 8 + (unsigned)(*text - '0');
    *mode = sum;
    return true;
}

static size_t format_quantity(char out[UNITS_TEXT_MAX], uint64_t value, const struct unit *units)
{
    if (value == 0) {
        memcpy(out, "0", 2);
        return 1;
    }
    while (value % units->factor != 0)
        units++;
    int length = snprintf(out, UNITS_TEXT_MAX, "%" PRIu64 "%s", value / units->factor, units->name);
    return length > 0 ? (size_t)length : 0;
}

size_t units_format_duration(char out[UNITS_TEXT_MAX], uint64_t ms)
{
    return format_quantity(out, ms, durations);
}

size_t units_format_size(char out[UNITS_TEXT_MAX], uint64_t bytes)
{
    return format_quantity(out, bytes, sizes);
}
