/* SPDX-License-Identifier: MIT
 *
 * number_format_javascript() of number.h. Nearly every value is laid out alike by both; of the
 * others number_format() gives the digits and the exponent.
 */
#include <math.h>
#include <string.h>

#include "proto/number.h"

/* From here on, and below, values have an exponent. */
#define PLAIN_END 1e21
#define PLAIN_MIN 1e-6

/* Between these number_format() writes none. */
#define SAME_END 1e15
#define SAME_MIN 1e-4

struct parts {
    char digits[NUMBER_TEXT_MAX];
    size_t count;
    int exponent; /* of the first digit */
};

/* Takes `1.234e+50` apart. */
static void take_apart(const char *text, struct parts *parts)
{
    *parts = (struct parts){0};
    for (; *text != 'e'; text++) {
        if (*text != '.') {
            parts->digits[parts->count++] = *text;
        }
    }
    int sign = *++text == '-' ? -1 : 1;
    while (*++text) {
        parts->exponent = parts->exponent * 10 + (*text - '0');
    }
    parts->exponent *= sign;
}

/* 1e15 to below 1e21: at most 17 digits, then zeros. */
static size_t put_integer(char *out, const struct parts *parts)
{
    size_t whole = (size_t)parts->exponent + 1;
    memset(out, '0', whole);
    memcpy(out, parts->digits, parts->count < whole ? parts->count : whole);
    if (parts->count <= whole) {
        return whole;
    }
    out[whole] = '.';
    memcpy(out + whole + 1, parts->digits + whole, parts->count - whole);
    return parts->count + 1;
}

/* 1e-6 to below 1e-4. */
static size_t put_fraction(char *out, const struct parts *parts)
{
    size_t zeros = (size_t)-parts->exponent;
    memset(out, '0', zeros + 1);
    out[1] = '.';
    memcpy(out + zeros + 1, parts->digits, parts->count);
    return zeros + 1 + parts->count;
}

static size_t put_scientific(char *out, const struct parts *parts)
{
    size_t length = 0;
    out[length++] = parts->digits[0];
    if (parts->count > 1) {
        out[length++] = '.';
        memcpy(out + length, parts->digits + 1, parts->count - 1);
        length += parts->count - 1;
    }
    out[length++] = 'e';
    out[length++] = parts->exponent < 0 ? '-' : '+';
    return length + number_format(out + length, fabs((double)parts->exponent));
}

size_t number_format_javascript(char out[NUMBER_TEXT_MAX], double value)
{
    char text[NUMBER_TEXT_MAX];
    struct parts parts;
    double size = fabs(value);
    if (isinf(value)) {
        strcpy(out, value > 0 ? "Infinity" : "-Infinity");
        return strlen(out);
    }
    if (!(size >= SAME_END || (size > 0 && size < SAME_MIN))) {
        return number_format(out, value);
    }
    number_format(text, size);
    take_apart(text, &parts);
    size_t length = 0;
    if (value < 0) {
        out[length++] = '-';
    }
    if (size >= PLAIN_END || size < PLAIN_MIN) {
        length += put_scientific(out + length, &parts);
    } else if (size >= SAME_END) {
        length += put_integer(out + length, &parts);
    } else {
        length += put_fraction(out + length, &parts);
    }
    out[length] = '\0';
    return length;
}
