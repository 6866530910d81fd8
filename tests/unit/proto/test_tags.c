/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tags.h"

/* Parses and writes in CSV form, which shows order, keys and values. */
static void canonical(const char *text, size_t length, char *out)
{
    struct tag tags[64];
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    int count = tags_parse(TAGS_COLON, copy, length, tags, 64);
    assert_true(count >= 0);
    out[tags_format_csv(out, tags, (size_t)count)] = '\0';
    free(copy);
}

static void parses_into_canonical_order(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", ""},
        {",", ""},
        {"a", "a"},
        {"a:", "a"},
        {":b", ""},
        {"a:b", "a=b"},
        {"b:1,a:2", "a=2;b=1"},
        {"a:b,,c", "a=b;c"},
        {"a:b,a:b", "a=b"},
        {"host:h2,host:h1,host", "host;host=h1;host=h2"},
        {"#a:b,#c:d", "a=b;c=d"},
        {"#", ""},
        {"#:x", ""},
        {"a:b#c", "a=b#c"},
        {"url:http://x/y?z=1", "url=http://x/y?z\\=1"},
        {"a=b", "a\\=b"},
        {"a;b:c\\d", "a\\;b=c\\\\d"},
        {"a\rb:c\nd", "a\\rb=c\\nd"},
        {"ab,a,abc", "a;ab;abc"},
        {"A:1,a:2", "A=1;a=2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[256];
        canonical(cases[i].text, strlen(cases[i].text), out);
        assert_string_equal(out, cases[i].expected);
    }
}

static void order_does_not_depend_on_the_input(void **state)
{
    (void)state;
    const char *words[] = {"a:1",        "a:2", "b",    "b:1", "ab:x",
                           "\xC3\xA9:z", "A:1", "#c:d", "a:1", ""};
    const size_t count = sizeof words / sizeof words[0];
    char first[256] = "";
    srand(3);
    for (int round = 0; round < 2000; round++) {
        char text[256] = "";
        char out[256];
        for (size_t i = count - 1; i > 0; i--) {
            size_t other = (size_t)rand() % (i + 1);
            const char *word = words[i];
            words[i] = words[other];
            words[other] = word;
        }
        for (size_t i = 0; i < count; i++) {
            strcat(text, i > 0 ? "," : "");
            strcat(text, words[i]);
        }
        canonical(text, strlen(text), out);
        if (round == 0) {
            strcpy(first, out);
        }
        assert_string_equal(out, first);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct tag tags[3];
    assert_int_equal(tags_parse(TAGS_COLON, "a,b,c", 5, tags, 3), 3);
    assert_int_equal(tags_parse(TAGS_COLON, "a,b,c,d", 7, tags, 3), -1);
    assert_int_equal(tags_parse(TAGS_COLON, "a,b,c,,:x", 9, tags, 3), 3);
    const size_t longest = UINT16_MAX;
    char *text = malloc(longest + 3);
    assert_non_null(text);
    memset(text, 'k', longest + 3);
    assert_int_equal(tags_parse(TAGS_COLON, text, longest, tags, 3), 1);
    assert_int_equal(tags_parse(TAGS_COLON, text, longest + 1, tags, 3), -1);
    text[1] = ':';
    assert_int_equal(tags_parse(TAGS_COLON, text, longest + 2, tags, 3), 1);
    assert_int_equal(tags[0].value_length, UINT16_MAX);
    assert_int_equal(tags_parse(TAGS_COLON, text, longest + 3, tags, 3), -1);
    free(text);
}

static int compare_words(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void sorts_thousands_as_qsort_does(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static char texts[COUNT][8];
    static const char *words[COUNT];
    static struct tag tags[COUNT];
    srand(5);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "k%d", rand() % 20000);
        words[i] = texts[i];
        tags[i] = (struct tag){.key = texts[i], .key_length = (uint16_t)strlen(texts[i])};
    }
    qsort(words, COUNT, sizeof words[0], compare_words);
    size_t kept = tags_sort(tags, COUNT);
    size_t at = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (i > 0 && strcmp(words[i], words[i - 1]) == 0) {
            continue;
        }
        assert_true(at < kept);
        assert_int_equal(tags[at].key_length, strlen(words[i]));
        assert_memory_equal(tags[at].key, words[i], strlen(words[i]));
        at++;
    }
    assert_int_equal(at, kept);
}

static void csv_form_is_read_back(void **state)
{
    static const char *const texts[] = {
        "", "a", "a:b", "a:b,c,d:e", "k:v,k:w,k", "a;b:c=d", "x\\:\\\\,y:\r\n", "=:;",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct tag tags[8], again[8];
        char text[128];
        size_t count = (size_t)tags_parse(TAGS_COLON, texts[i], strlen(texts[i]), tags, 8);
        size_t length = tags_format_csv(text, tags, count);
        assert_int_equal(tags_read_csv(text, length, again, 8), count);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(again[k].key_length, tags[k].key_length);
            assert_int_equal(again[k].value_length, tags[k].value_length);
            assert_memory_equal(again[k].key, tags[k].key, tags[k].key_length);
            assert_memory_equal(again[k].value, tags[k].value, tags[k].value_length);
        }
    }
}

static void csv_form_stays_within_its_bound(void **state)
{
    (void)state;
    static const char key[] = ";=\\\r\n";
    const struct tag tags[] = {
        {.key = key, .value = key, .key_length = 5, .value_length = 5},
        {.key = key, .value = key, .key_length = 5, .value_length = 1},
        {.key = key, .value = key, .key_length = 5, .value_length = 0},
    };
    const size_t bound = 2 * (10 + 6 + 5) + 2 * 3;
    char *out = malloc(bound);
    assert_non_null(out);
    assert_true(tags_format_csv(out, tags, 3) <= bound);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_into_canonical_order),
        cmocka_unit_test(order_does_not_depend_on_the_input),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(sorts_thousands_as_qsort_does),
        cmocka_unit_test(csv_form_is_read_back),
        cmocka_unit_test(csv_form_stays_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
