/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/net/reassembly.h"

#define LINE_MAX_BYTES 16
#define STREAM_BYTES_MAX 400000

/* Everything that came out, as text: a line a row, lost ones with their reason in front. */
struct taken {
    char *text;
    size_t length, size;
    FILE *stream;
    unsigned frames;
};

static void open_taken(struct taken *taken)
{
    *taken = (struct taken){0};
    taken->stream = open_memstream(&taken->text, &taken->size);
    assert_non_null(taken->stream);
}

static void close_taken(struct taken *taken)
{
    fclose(taken->stream);
    free(taken->text);
}

/* Empty lines are nothing to the parser, so that it does not matter whether they are told. */
static void on_lines(void *context, const char *bytes, uint32_t length)
{
    struct taken *taken = context;
    assert_true(length > 0);
    for (const char *at = bytes, *end = bytes + length; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed ? feed : end;
        if (stop > at) {
            fprintf(taken->stream, "%.*s\n", (int)(stop - at), at);
        }
        at = stop + 1;
    }
}

static void on_frame(void *context, const char *bytes, uint32_t length)
{
    struct taken *taken = context;
    taken->frames++;
    fprintf(taken->stream, "[%.*s]\n", (int)length, bytes);
}

static void on_refuse(void *context, enum statsd_reason reason, const char *bytes, uint32_t length)
{
    struct taken *taken = context;
    (void)length;
    fprintf(taken->stream, "%s %.4s\n", statsd_reason_name(reason), bytes);
}

static char scratch[REASSEMBLY_REST_BYTES_MAX + STREAM_BYTES_MAX + 64];

/* Feeds the stream in pieces of up to `step` bytes, random ones where that is 0. */
static enum reassembly_status feed(struct reassembly *reassembly, const char *stream, size_t length,
                                   size_t step, struct taken *taken)
{
    const struct reassembly_output output = {on_lines, on_frame, on_refuse, taken};
    enum reassembly_status status = REASSEMBLY_OK;
    for (size_t at = 0; at < length && status == REASSEMBLY_OK;) {
        size_t piece = step ? step : (size_t)(random() % 40) + 1;
        piece = piece < length - at ? piece : length - at;
        size_t kept = reassembly_begin(reassembly, scratch);
        assert_true(kept <= REASSEMBLY_REST_BYTES_MAX);
        memcpy(scratch + kept, stream + at, piece);
        status = reassembly_take(reassembly, scratch, kept + piece, &output);
        at += piece;
    }
    return status;
}

static void expect(const char *stream, size_t length, bool frames, bool by_sender,
                   const char *expected)
{
    static const size_t steps[] = {1, 2, 3, 5, 17, 0, 0, 0, STREAM_BYTES_MAX};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct reassembly reassembly;
        struct taken taken;
        open_taken(&taken);
        reassembly_init(&reassembly, LINE_MAX_BYTES, frames);
        assert_int_equal(feed(&reassembly, stream, length, steps[i], &taken), REASSEMBLY_OK);
        const struct reassembly_output output = {on_lines, on_frame, on_refuse, &taken};
        reassembly_end(&reassembly, by_sender, scratch, &output);
        fflush(taken.stream);
        assert_string_equal(taken.text, expected);
        assert_null(reassembly.rest);
        close_taken(&taken);
    }
}

static void expect_lines(const char *stream, const char *expected)
{
    expect(stream, strlen(stream), false, true, expected);
    expect(stream, strlen(stream), true, true, expected);
}

static void gives_lines_wherever_the_pieces_end(void **state)
{
    (void)state;
    expect_lines("", "");
    expect_lines("\n\n", "");
    expect_lines("a:1|c\n", "a:1|c\n");
    expect_lines("a:1|c\nbb:2|c\n\nccc:3|c", "a:1|c\nbb:2|c\nccc:3|c\n");
    expect_lines("a", "a\n");
}

static void refuses_lines_that_are_too_long_and_none_else(void **state)
{
    (void)state;
    expect_lines("1234567890123456\n", "1234567890123456\n");
    expect_lines("1234567890123456", "1234567890123456\n");
    expect_lines("12345678901234567\n", "line_too_long 1234\n");
    expect_lines("12345678901234567", "line_too_long 1234\n");
    expect_lines("a\n12345678901234567890123456789012345\nb\n", "a\nline_too_long 1234\nb\n");
    expect_lines("12345678901234567\n12345678901234567\nb",
                 "line_too_long 1234\nline_too_long 1234\nb\n");
}

static void a_line_that_another_than_the_sender_ends_is_cut(void **state)
{
    (void)state;
    expect("a:1|c\nb:1|c", 11, false, false, "a:1|c\nline_cut b:1|\n");
    expect("a:1|c\n", 6, false, false, "a:1|c\n");
    expect("12345678901234567", 17, false, false, "line_too_long 1234\n");
}

static void tells_frames_from_lines(void **state)
{
    static const char frames[] = "\5\0\0\0a:1|c\0\0\0\0\n\0\0\0b:1|c\nb:2|";
    static const char cut[] = "\5\0\0\0a:1|c\5\0\0\0b:1|";
    (void)state;
    expect(frames, sizeof(frames) - 1, true, true, "[a:1|c]\n[]\n[b:1|c\nb:2|]\n");
    expect(cut, sizeof(cut) - 1, true, true, "[a:1|c]\nline_cut \5\n");
}

static void a_stream_without_frames_has_lines_only(void **state)
{
    static const char stream[] = "\n\0\0\0b:1\n";
    (void)state;
    expect(stream, sizeof(stream) - 1, false, true, "\n");
}

static void the_largest_frame_is_taken_and_a_larger_one_is_no_frame(void **state)
{
    static char stream[2 * (4 + REASSEMBLY_FRAME_BYTES_MAX) + 4];
    struct reassembly reassembly;
    struct taken taken;
    (void)state;
    static const char largest[4] = {'\xff', '\xff', 0, 0};
    static const char larger[4] = {0, 0, 1, 0};
    memset(stream, 'x', sizeof(stream));
    memcpy(stream, largest, sizeof(largest));
    memcpy(stream + 4 + REASSEMBLY_FRAME_BYTES_MAX, larger, sizeof(larger));
    open_taken(&taken);
    reassembly_init(&reassembly, LINE_MAX_BYTES, true);
    assert_int_equal(feed(&reassembly, stream, sizeof(stream), 1000, &taken), REASSEMBLY_BAD_FRAME);
    assert_int_equal(taken.frames, 1);
    assert_null(reassembly.rest);
    close_taken(&taken);
}

/* Against the plain way: cut the whole stream at each LF. */
static void agrees_with_the_plain_way(void **state)
{
    (void)state;
    static char stream[3000];
    srandom(7);
    for (int round = 0; round < 200; round++) {
        size_t length = (size_t)random() % (sizeof(stream) - 1);
        for (size_t i = 0; i < length; i++) {
            stream[i] = random() % 12 == 0 ? '\n' : "abcdefghijklmnopqrstuvwxyz"[random() % 26];
        }
        stream[length] = '\0';
        char *expected;
        size_t size;
        FILE *out = open_memstream(&expected, &size);
        for (const char *at = stream; *at;) {
            size_t line = strcspn(at, "\n");
            if (line > LINE_MAX_BYTES) {
                fprintf(out, "line_too_long %.4s\n", at);
            } else if (line > 0) {
                fprintf(out, "%.*s\n", (int)line, at);
            }
            at += line + (at[line] == '\n');
        }
        fclose(out);
        expect_lines(stream, expected);
        free(expected);
    }
}

static void keeps_no_memory_between_two_lines(void **state)
{
    struct reassembly reassembly;
    struct taken taken;
    (void)state;
    open_taken(&taken);
    reassembly_init(&reassembly, LINE_MAX_BYTES, false);
    feed(&reassembly, "a:1|c\nb", 7, 7, &taken);
    assert_int_equal(reassembly.rest_length, 1);
    feed(&reassembly, ":1|c\n", 5, 5, &taken);
    assert_null(reassembly.rest);
    close_taken(&taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_lines_wherever_the_pieces_end),
        cmocka_unit_test(refuses_lines_that_are_too_long_and_none_else),
        cmocka_unit_test(a_line_that_another_than_the_sender_ends_is_cut),
        cmocka_unit_test(tells_frames_from_lines),
        cmocka_unit_test(a_stream_without_frames_has_lines_only),
        cmocka_unit_test(the_largest_frame_is_taken_and_a_larger_one_is_no_frame),
        cmocka_unit_test(agrees_with_the_plain_way),
        cmocka_unit_test(keeps_no_memory_between_two_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
