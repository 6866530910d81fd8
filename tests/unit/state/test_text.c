/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/state_text.h"

static void add(struct state_text *state, const char *name, const char *text)
{
    buffer_append_text(&state_text_section(state, name)->text, text);
}

static struct buffer write_text(const struct state_text *state)
{
    struct buffer out = {0};
    state_text_write(state, &out);
    assert_false(out.failed);
    return out;
}

static struct buffer made(void)
{
    struct state_text state = {.count = 0};
    add(&state, "alerts", "one\n[two\nsum 3\n");
    add(&state, "empty", "");
    add(&state, "later", "\n");
    struct buffer out = write_text(&state);
    state_text_deinit(&state);
    return out;
}

static void what_is_written_is_read(void **unused)
{
    (void)unused;
    struct buffer out = made();
    struct state_text state = {.count = 0};
    char reason[STATE_REASON_BYTES];
    assert_memory_equal(out.bytes, "sigmad state 2\n[alerts 3 ", 25);
    assert_memory_equal(out.bytes + out.length - 6, "end 2\n", 6);
    assert_true(state_text_read(&state, out.bytes, out.length, reason));
    assert_int_equal(state.count, 2);
    const struct buffer *text = &state_text_section(&state, "alerts")->text;
    assert_int_equal(text->length, 15);
    assert_memory_equal(text->bytes, "one\n[two\nsum 3\n", 15);
    struct buffer again = write_text(&state);
    assert_int_equal(again.length, out.length);
    assert_memory_equal(again.bytes, out.bytes, out.length);
    buffer_deinit(&again);
    buffer_deinit(&out);
    state_text_deinit(&state);
}

static void every_cut_is_told_of_and_costs_the_sections_behind_it(void **unused)
{
    (void)unused;
    struct buffer out = made();
    size_t first = strlen("sigmad state 2\n[alerts 3 0123456789abcdef]\none\n[two\nsum 3\n");
    for (size_t length = 0; length < out.length; length++) {
        struct state_text state = {.count = 0};
        char reason[STATE_REASON_BYTES] = "";
        assert_false(state_text_read(&state, out.bytes, length, reason));
        assert_true(reason[0] != '\0');
        assert_int_equal(state_text_find(&state, "alerts") != NULL, length >= first);
        state_text_deinit(&state);
    }
    buffer_deinit(&out);
}

static void every_other_bit_is_told_of_and_costs_its_own_section(void **unused)
{
    (void)unused;
    struct buffer out = made();
    size_t head = strlen("sigmad state 2\n");
    size_t second = head + strlen("[alerts 3 0123456789abcdef]\none\n[two\nsum 3\n");
    for (size_t i = 0; i < 8 * out.length; i++) {
        struct state_text state = {.count = 0};
        char reason[STATE_REASON_BYTES];
        out.bytes[i / 8] = (char)(out.bytes[i / 8] ^ (1 << i % 8));
        assert_false(state_text_read(&state, out.bytes, out.length, reason));
        assert_int_equal(state_text_find(&state, "alerts") != NULL, i / 8 >= second);
        /* The LF in front of a heading is the heading's as well. */
        assert_int_equal(state_text_find(&state, "later") != NULL,
                         i / 8 >= head && (i / 8 < second - 1 || i / 8 >= out.length - 6));
        state_text_deinit(&state);
        out.bytes[i / 8] = (char)(out.bytes[i / 8] ^ (1 << i % 8));
    }
    buffer_deinit(&out);
}

static void a_section_behind_noise_is_found(void **unused)
{
    (void)unused;
    struct buffer out = made();
    struct buffer text = {0};
    struct state_text state = {.count = 0};
    char reason[STATE_REASON_BYTES];
    buffer_append_text(&text, "sigmad state 2\n[alerts 9999 0000000000000000]\n");
    for (int i = 0; i < 20; i++) {
        buffer_append_text(&text,
                           "a line that is longer than any of ours, so that it is passed over "
                           "without being looked at\n");
    }
    buffer_append(&text, out.bytes + strlen("sigmad state 2\n"),
                  out.length - strlen("sigmad state 2\n"));
    assert_false(state_text_read(&state, text.bytes, text.length, reason));
    assert_string_equal(reason, "is damaged: [alerts] is not what was written");
    assert_int_equal(state.count, 2);
    state_text_deinit(&state);
    buffer_deinit(&text);
    buffer_deinit(&out);
}

static void headings_without_end_are_given_up(void **unused)
{
    (void)unused;
    struct buffer text = {0};
    struct state_text state = {.count = 0};
    char reason[STATE_REASON_BYTES];
    buffer_append_text(&text, "sigmad state 2\n");
    for (int i = 0; i < STATE_SECTIONS_MAX; i++) {
        buffer_append_text(&text, "[alerts 1 0000000000000000]\n");
    }
    struct buffer out = made();
    buffer_append(&text, out.bytes + strlen("sigmad state 2\n"),
                  out.length - strlen("sigmad state 2\n"));
    assert_false(state_text_read(&state, text.bytes, text.length, reason));
    assert_int_equal(state.count, 0);
    buffer_deinit(&out);
    buffer_deinit(&text);
}

/* As version 1 wrote it: a sum of the whole file. */
#define OLD "sigmad state 1\n[alerts 2]\nslow\t1\n[x\nsum 0c6932f7d2161a45\n"

static void files_of_version_1_are_read(void **unused)
{
    (void)unused;
    struct state_text state = {.count = 0};
    char reason[STATE_REASON_BYTES];
    char text[] = OLD;
    assert_true(state_text_read(&state, text, strlen(text), reason));
    assert_int_equal(state.count, 1);
    const struct buffer *lines = &state_text_find(&state, "alerts")->text;
    assert_int_equal(lines->length, strlen("slow\t1\n[x\n"));
    assert_memory_equal(lines->bytes, "slow\t1\n[x\n", lines->length);
    state_text_deinit(&state);
    for (size_t i = 0; i < 8 * strlen(OLD); i++) {
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
        assert_false(state_text_read(&state, text, strlen(OLD), reason));
        assert_int_equal(state.count, 0);
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
    }
}

static void says_what_it_is_instead(void **unused)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "is not a state file"},
        {"timestamp,metric\n", "is not a state file"},
        {"sigmad state 3\nwhatever\n", "is of version '3', not 2"},
        {"sigmad state 2\n", "is damaged: its end is missing"},
        {"sigmad state 2\nend 1\n", "is damaged: it is not made of sections"},
        {"sigmad state 1\n", "is damaged: its sum is another, or missing"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct state_text state = {.count = 0};
        char reason[STATE_REASON_BYTES];
        assert_false(state_text_read(&state, cases[i].text, strlen(cases[i].text), reason));
        assert_string_equal(reason, cases[i].reason);
    }
}

static void there_are_so_many_sections_and_no_more(void **unused)
{
    (void)unused;
    struct state_text state = {.count = 0};
    char name[] = "a";
    for (int i = 0; i < STATE_SECTIONS_MAX; i++, name[0]++) {
        assert_non_null(state_text_section(&state, name));
    }
    assert_null(state_text_section(&state, name));
    assert_ptr_equal(state_text_section(&state, "b"), &state.sections[1]);
    state_text_deinit(&state);
}

static void a_file_leaves_room_for_sections(void **unused)
{
    (void)unused;
    for (size_t count = STATE_SECTIONS_MAX / 2; count <= STATE_SECTIONS_MAX; count++) {
        struct state_text state = {.count = 0}, again = {.count = 0};
        char name[] = "a", reason[STATE_REASON_BYTES];
        for (size_t i = 0; i < count; i++, name[0]++) {
            add(&state, name, "x\n");
        }
        struct buffer out = write_text(&state);
        assert_int_equal(state_text_read(&again, out.bytes, out.length, reason),
                         count == STATE_SECTIONS_MAX / 2);
        buffer_deinit(&out);
        state_text_deinit(&state);
        state_text_deinit(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_cut_is_told_of_and_costs_the_sections_behind_it),
        cmocka_unit_test(every_other_bit_is_told_of_and_costs_its_own_section),
        cmocka_unit_test(a_section_behind_noise_is_found),
        cmocka_unit_test(headings_without_end_are_given_up),
        cmocka_unit_test(files_of_version_1_are_read),
        cmocka_unit_test(says_what_it_is_instead),
        cmocka_unit_test(a_file_leaves_room_for_sections),
        cmocka_unit_test(there_are_so_many_sections_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
