/* SPDX-License-Identifier: MIT
 *
 * Numbers: number_parse() must equal strtod() on whatever it accepts and accept nothing outside the
 * grammar; what number_format() writes must be read back as the same double, by strtod() as well,
 * and no decimal with a digit less may be.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "proto/number_shortest.h"
#include "server/core/require.h"

#define LENGTH_MAX 1024

static const char *skip_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

/* The grammar once more, by other means than the parser's. */
static bool is_number(const char *text)
{
    text += *text == '+' || *text == '-';
    const char *whole = text;
    text = skip_digits(text);
    size_t digits = (size_t)(text - whole);
    if (*text == '.') {
        const char *fraction = ++text;
        text = skip_digits(text);
        digits += (size_t)(text - fraction);
    }
    if (digits > 0 && (*text == 'e' || *text == 'E')) {
        text++;
        text += *text == '+' || *text == '-';
        if (skip_digits(text) == text) {
            return false;
        }
        text = skip_digits(text);
    }
    return digits > 0 && *text == '\0';
}

static void check_parsing(const char *text, size_t length)
{
    double value = 42;
    bool parsed = number_parse(text, length, &value);
    char *copy = malloc(length + 1);
    REQUIRE(copy != NULL);
    memcpy(copy, text, length);
    copy[length] = '\0';
    double expected = strtod(copy, NULL);
    bool grammatical = strlen(copy) == length && length <= LENGTH_MAX && is_number(copy);
    REQUIRE(parsed == (grammatical && isfinite(expected)));
    REQUIRE(parsed ? memcmp(&value, &expected, sizeof value) == 0 : value == 42);
    free(copy);
}

static double value_of(uint64_t digits, int exponent)
{
    char text[40];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
    return strtod(text, NULL);
}

/* The decimals next to the shortest one on the grid that is ten times as coarse. */
static void check_shortness(double value)
{
    struct number_decimal decimal = number_shortest(value);
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    uint64_t fewer = decimal.digits / 10;
    REQUIRE(value_of(decimal.digits, decimal.exponent) == value);
    REQUIRE(fewer == 0 || value_of(fewer, decimal.exponent + 1) != value);
    REQUIRE(fewer == 0 || value_of(fewer + 1, decimal.exponent + 1) != value);
}

static void check_formatting(double value)
{
    char out[NUMBER_TEXT_MAX];
    double again = 0;
    size_t length = number_format(out, value);
    REQUIRE(length < NUMBER_TEXT_MAX && strlen(out) == length);
    if (isfinite(value)) {
        REQUIRE(number_parse(out, length, &again) && again == value);
        REQUIRE(strtod(out, NULL) == value);
        if (value != 0) {
            check_shortness(fabs(value));
        }
    } else {
        REQUIRE(!number_parse(out, length, &again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parsing((const char *)data, size);
    double value = 0;
    memcpy(&value, data, size < sizeof value ? size : sizeof value);
    check_formatting(value);
    if (number_parse((const char *)data, size, &value)) {
        check_formatting(value);
    }
    return 0;
}
