/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number_short.h"

/* digits [. digits], at least one of them. */
static bool is_plain(const char *text, size_t length)
{
    size_t points = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            points++;
        } else if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return points <= 1 && length > points;
}

/* The bytes in front of the text are anything. */
static void check(const char *text, size_t length, char before)
{
    char place[2 * NUMBER_SHORT_BYTES];
    memset(place, before, sizeof place);
    memcpy(place + sizeof place - length, text, length);
    for (int negative = 0; negative < 2; negative++) {
        char copy[NUMBER_SHORT_BYTES + 2];
        double value = 0;
        snprintf(copy, sizeof copy, "%s%.*s", negative ? "-" : "", (int)length, text);
        double expected = strtod(copy, NULL) + 0.0;
        bool read = number_short(place + sizeof place, length, negative, &value);
        assert_int_equal(read, is_plain(text, length));
        if (read && memcmp(&value, &expected, sizeof value) != 0) {
            print_error("differs from strtod: %s\n", copy);
            fail();
        }
    }
}

static void reads_every_short_text_as_strtod_does(void **state)
{
    (void)state;
    static const char alphabet[] = "0159./:-+e \x80\xFF";
    const size_t letters = sizeof alphabet - 1;
    size_t texts = 1;
    for (size_t length = 1; length <= 4; length++) {
        texts *= letters;
        for (size_t i = 0; i < texts; i++) {
            char text[4];
            size_t rest = i;
            for (size_t at = 0; at < length; at++, rest /= letters) {
                text[at] = alphabet[rest % letters];
            }
            check(text, length, alphabet[i % letters]);
        }
    }
}

static void reads_digits_with_a_point_anywhere(void **state)
{
    (void)state;
    srand(20);
    for (int round = 0; round < 300000; round++) {
        char text[NUMBER_SHORT_BYTES];
        size_t length = 1 + (size_t)rand() % sizeof text;
        for (size_t i = 0; i < length; i++) {
            text[i] = (char)('0' + rand() % 10);
        }
        if (round % 2 > 0) {
            text[(size_t)rand() % length] = '.';
        }
        if (round % 16 == 0) {
            text[(size_t)rand() % length] = (char)rand();
        }
        if (memchr(text, '\0', length) == NULL) {
            check(text, length, (char)rand());
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_short_text_as_strtod_does),
        cmocka_unit_test(reads_digits_with_a_point_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
