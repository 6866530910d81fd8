/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/text.h"
#include "tests/unit/random.h"
#include "tools/sigmactl/csv_line.h"

#define ROOM 4096

static struct csv_line line;

static const char *split(const char *text)
{
    static char bytes[ROOM];
    size_t length = strlen(text);
    memcpy(bytes, text, length);
    return csv_line_split(bytes, length, &line);
}

static void assert_fields(const char *text, size_t count, const char *const *expected)
{
    assert_null(split(text));
    assert_int_equal(line.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(line.fields[i].text, expected[i]);
        assert_int_equal(line.fields[i].length, strlen(expected[i]));
    }
}

static void splits_at_commas_outside_quotes(void **state)
{
    (void)state;
    assert_fields("", 1, (const char *[]){""});
    assert_fields(",", 2, (const char *[]){"", ""});
    assert_fields("1,a.b,,7", 4, (const char *[]){"1", "a.b", "", "7"});
    assert_fields("\"a,b\",c", 2, (const char *[]){"a,b", "c"});
    assert_fields("\"say \"\"so\"\"\",\"\",\"\"\"\"", 3, (const char *[]){"say \"so\"", "", "\""});
}

static void refuses_what_quotes_leave_open(void **state)
{
    (void)state;
    assert_string_equal(split("\"a,b"), "a quote is not closed");
    assert_string_equal(split("a,\""), "a quote is not closed");
    assert_string_equal(split("\"a\"b,c"), "text follows a closing quote");
    assert_string_equal(split("a\"b,c"), "there is a quote inside a field that is not quoted");
}

static void refuses_more_fields_than_there_is_room_for(void **state)
{
    char text[CSV_LINE_FIELDS_MAX + 1];
    (void)state;
    memset(text, ',', sizeof(text));
    text[CSV_LINE_FIELDS_MAX - 1] = '\0';
    assert_null(split(text));
    assert_int_equal(line.count, CSV_LINE_FIELDS_MAX);
    text[CSV_LINE_FIELDS_MAX - 1] = ',';
    text[CSV_LINE_FIELDS_MAX] = '\0';
    assert_string_equal(split(text), "it has too many fields");
}

static void takes_escapes_off(void **state)
{
    char text[] = "a\\nb\\r\\\\n";
    char odd[] = "a\\t";
    char open[] = "a\\";
    (void)state;
    struct csv_field field = {text, strlen(text)};
    assert_null(csv_line_unescape(&field));
    assert_string_equal(field.text, "a\nb\r\\n");
    assert_int_equal(field.length, 6);
    field = (struct csv_field){odd, strlen(odd)};
    assert_non_null(csv_line_unescape(&field));
    field = (struct csv_field){open, strlen(open)};
    assert_non_null(csv_line_unescape(&field));
}

/* Property: what text_escape_csv() writes comes back, whatever the bytes. */
static void reads_back_whatever_was_written(void **state)
{
    static const char alphabet[] = "ab,\"\\\r\n;=";
    uint64_t seed = 7;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char fields[3][16], text[256];
        size_t lengths[3], length = 0;
        for (int i = 0; i < 3; i++) {
            lengths[i] = random_next(&seed) % sizeof(fields[i]);
            for (size_t j = 0; j < lengths[i]; j++) {
                fields[i][j] = alphabet[random_next(&seed) % sizeof(alphabet)]; /* NUL too */
            }
            length += text_escape_csv(text + length, fields[i], lengths[i]);
            text[length++] = ',';
        }
        assert_null(csv_line_split(text, length - 1, &line));
        assert_int_equal(line.count, 3);
        for (int i = 0; i < 3; i++) {
            assert_null(csv_line_unescape(&line.fields[i]));
            assert_int_equal(line.fields[i].length, lengths[i]);
            assert_memory_equal(line.fields[i].text, fields[i], lengths[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_commas_outside_quotes),
        cmocka_unit_test(refuses_what_quotes_leave_open),
        cmocka_unit_test(refuses_more_fields_than_there_is_room_for),
        cmocka_unit_test(takes_escapes_off),
        cmocka_unit_test(reads_back_whatever_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
