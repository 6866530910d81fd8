/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/header.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void free_list(struct config_strings *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
}

static void takes_name_and_value_apart(void **state)
{
    static const char *const texts[] = {"X-Key: a b", "X-Key:a b", "X-Key:\t  a b \t"};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config_header header;
        char why[CONFIG_HEADER_WHY_MAX];
        assert_true(config_header_parse(texts[i], strlen(texts[i]), &header, why));
        assert_int_equal(header.name_length, 5);
        assert_memory_equal(header.name, "X-Key", 5);
        assert_int_equal(header.value_length, 3);
        assert_memory_equal(header.value, "a b", 3);
    }
}

static void a_value_may_have_colons_commas_and_any_visible_byte(void **state)
{
    static const char text[] = "Authorization: Basic a:b, \"c\"=; \xc3\xa9~";
    struct config_header header;
    char why[CONFIG_HEADER_WHY_MAX];
    (void)state;
    assert_true(config_header_parse(text, strlen(text), &header, why));
    assert_string_equal(header.value, "Basic a:b, \"c\"=; \xc3\xa9~");
}

static void refuses_what_is_none_and_shows_no_value(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *why;
    } cases[] = {
        {"", 0, "no colon"},
        {"s3cret", 6, "no colon"},
        {": s3cret", 8, "no name"},
        {"X:", 2, "X has no value"},
        {"X: \t ", 5, "X has no value"},
        {"X Y: s3cret", 11, "is no name"},
        {" X: s3cret", 10, "is no name"},
        {"X : s3cret", 10, "is no name"},
        {"X\0: s3cret", 10, "is no name"},
        {"s3cret(: 1", 10, "is no name"},
        {"X: s3cret\r", 10, "control character"},
        {"X: s3cret\r\nY: z", 15, "control character"},
        {"X: s3\0cret", 10, "control character"},
        {"X: s3\tcret", 10, "control character"},
        {"X: s3cret\x7f", 10, "control character"},
        {"Host: s3cret", 12, "Host is decided by the request itself"},
        {"content-LENGTH: 1", 17, "content-LENGTH is decided"},
        {"Transfer-Encoding: s3cret", 25, "is decided"},
        {"Connection: s3cret", 18, "is decided"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_header header;
        char why[CONFIG_HEADER_WHY_MAX];
        assert_false(config_header_parse(cases[i].text, cases[i].length, &header, why));
        assert_non_null(strstr(why, cases[i].why));
        assert_null(strstr(why, "s3cret"));
    }
}

static void the_longest_is_taken_and_one_byte_more_is_not(void **state)
{
    static char text[CONFIG_HEADER_BYTES_MAX + 1];
    struct config_header header;
    char why[CONFIG_HEADER_WHY_MAX];
    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "X:", 2);
    assert_true(config_header_parse(text, CONFIG_HEADER_BYTES_MAX, &header, why));
    assert_false(config_header_parse(text, CONFIG_HEADER_BYTES_MAX + 1, &header, why));
    assert_non_null(strstr(why, "longer than"));
}

static void a_name_is_there_once_in_whatever_case(void **state)
{
    struct config_strings list = {0};
    char why[CONFIG_HEADER_WHY_MAX];
    (void)state;
    assert_true(config_headers_append(&list, "X-Key:  a", 9, why));
    assert_true(config_headers_append(&list, "X-Key2: b", 9, why));
    assert_false(config_headers_append(&list, "x-kEY: c", 8, why));
    assert_string_equal(why, "x-kEY is there twice");
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0], "X-Key: a");
    assert_true(config_headers_have(&list, "X-KEY", 5));
    assert_false(config_headers_have(&list, "X-Ke", 4));
    free_list(&list);
}

static void there_is_a_bound_on_their_number(void **state)
{
    struct config_strings list = {0};
    char why[CONFIG_HEADER_WHY_MAX], text[32];
    (void)state;
    for (int i = 0; i < CONFIG_HEADERS_MAX; i++) {
        snprintf(text, sizeof(text), "X-%d: a", i);
        assert_true(config_headers_append(&list, text, strlen(text), why));
    }
    assert_false(config_headers_append(&list, "Y: a", 4, why));
    assert_non_null(strstr(why, "more than 32"));
    free_list(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_name_and_value_apart),
        cmocka_unit_test(a_value_may_have_colons_commas_and_any_visible_byte),
        cmocka_unit_test(refuses_what_is_none_and_shows_no_value),
        cmocka_unit_test(the_longest_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(a_name_is_there_once_in_whatever_case),
        cmocka_unit_test(there_is_a_bound_on_their_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
