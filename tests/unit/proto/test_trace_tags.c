/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/trace_tags.h"

static void the_two_tags_are_cut_and_the_others_stay(void **state)
{
    (void)state;
    static const struct {
        enum tags_style style;
        const char *sent, *left, *trace, *span;
    } rows[] = {
        {TAGS_COLON, "a:1,trace_id:4b,b:2,span_id:0f", "a:1,b:2", "4b", "0f"},
        {TAGS_COLON, "trace_id:4b", "", "4b", ""},
        {TAGS_COLON, "span_id:0f,a", "a", "", "0f"},
        {TAGS_COLON, "#trace_id:4b,a:1,trace_id:5c", "a:1", "5c", ""},
        {TAGS_COLON, "a:1,trace_id:", "a:1", "", ""},
        {TAGS_COLON, "a:1,trace_id,trace_ids:1,xspan_id:2,", "a:1,trace_id,trace_ids:1,xspan_id:2,",
         "", ""},
        {TAGS_COLON, "trace_id=4b", "trace_id=4b", "", ""},
        {TAGS_COLON, "", "", "", ""},
        {TAGS_EQUALS, "trace_id=4b,a=1", "a=1", "4b", ""},
        {TAGS_SEMICOLON, "a=1;trace_id=4b;span_id=0f", "a=1", "4b", "0f"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[64] = {0};
        struct trace_ids ids;
        size_t left = trace_tags_cut(rows[i].style, rows[i].sent, strlen(rows[i].sent), out, &ids);
        out[left] = 0;
        assert_string_equal(out, rows[i].left);
        assert_int_equal(ids.trace_length, strlen(rows[i].trace));
        assert_int_equal(ids.span_length, strlen(rows[i].span));
        assert_true(!ids.trace || memcmp(ids.trace, rows[i].trace, ids.trace_length) == 0);
        assert_true(!ids.span || memcmp(ids.span, rows[i].span, ids.span_length) == 0);
    }
}

static void ids_beyond_128_characters_with_their_names_are_not_shown(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'a', sizeof(text));
    size_t room = 128 - strlen("trace_id") - strlen("span_id");
    struct trace_ids ids = {text, text, room - 16, 16};
    assert_true(trace_ids_can_be_shown(&ids));
    ids.trace_length++;
    assert_false(trace_ids_can_be_shown(&ids));
    assert_false(trace_ids_can_be_shown(&(struct trace_ids){0}));
}

static void ids_that_would_have_to_be_escaped_are_not_shown(void **state)
{
    (void)state;
    const char *ids[] = {"a\"b", "a\\b", "a b", "a\nb", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct trace_ids sent = {.trace = ids[i], .trace_length = strlen(ids[i])};
        assert_false(trace_ids_can_be_shown(&sent));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_tags_are_cut_and_the_others_stay),
        cmocka_unit_test(ids_beyond_128_characters_with_their_names_are_not_shown),
        cmocka_unit_test(ids_that_would_have_to_be_escaped_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
