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
    assert_memory_equal(out.bytes, "sigmad state 1\n[alerts 3]\none\n", 30);
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

static void every_cut_is_refused(void **unused)
{
    (void)unused;
    struct buffer out = made();
    for (size_t length = 0; length < out.length; length++) {
        struct state_text state = {.count = 0};
        char reason[STATE_REASON_BYTES] = "";
        assert_false(state_text_read(&state, out.bytes, length, reason));
        assert_true(reason[0] != '\0');
        assert_int_equal(state.count, 0);
    }
    buffer_deinit(&out);
}

static void every_other_bit_is_refused(void **unused)
{
    (void)unused;
    struct buffer out = made();
    for (size_t i = 0; i < 8 * out.length; i++) {
        struct state_text state = {.count = 0};
        char reason[STATE_REASON_BYTES];
        out.bytes[i / 8] = (char)(out.bytes[i / 8] ^ (1 << i % 8));
        assert_false(state_text_read(&state, out.bytes, out.length, reason));
        out.bytes[i / 8] = (char)(out.bytes[i / 8] ^ (1 << i % 8));
    }
    buffer_deinit(&out);
}

static void says_what_it_is_instead(void **unused)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "is not a state file"},
        {"timestamp,metric\n", "is not a state file"},
        {"sigmad state 2\nwhatever\n", "is of version '2', not 1"},
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
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_other_bit_is_refused),
        cmocka_unit_test(says_what_it_is_instead),
        cmocka_unit_test(a_file_leaves_room_for_sections),
        cmocka_unit_test(there_are_so_many_sections_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
