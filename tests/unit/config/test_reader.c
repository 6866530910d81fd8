/* SPDX-License-Identifier: MIT
 *
 * What the reader hands over, as one line of text an event, and what it reports of lines that inih
 * swallows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Sections that begin with x are unknown. */
static bool note_section(void *user, unsigned line, const char *name)
{
    fprintf(user, "%u[%s]\n", line, name);
    return name[0] != 'x';
}

static void note_entry(void *user, unsigned line, const char *key, const char *value,
                       bool continuation)
{
    fprintf(user, "%u%s%s=%s\n", line, continuation ? "+" : " ", key, value);
}

static void note_fault(void *user, unsigned line, const char *message)
{
    fprintf(user, "%u!%s\n", line, message);
}

/* The events of a text; to be freed. */
static char *read_bytes(const char *text, size_t length)
{
    char *out = NULL;
    size_t size;
    FILE *events = open_memstream(&out, &size);
    FILE *stream = tmpfile();
    assert_non_null(events);
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    rewind(stream);
    const struct config_reader_sink sink = {
        .section = note_section, .entry = note_entry, .fault = note_fault, .user = events};
    config_reader_run(stream, &sink);
    fclose(stream);
    fclose(events);
    return out;
}

static void expect_events(const char *text, size_t length, const char *events)
{
    char *got = read_bytes(text, length);
    assert_string_equal(got, events);
    free(got);
}

#define NO_ENTRY "neither a [section] nor KEY = VALUE nor a comment\n"
#define NO_BRACKET "the section has no closing ]\n"
#define TEXT_BEHIND "there is text behind the section's ]; a key has its own line\n"
#define CONTROL "the line holds a control character\n"
#define OVERLONG "the line is longer than 199 bytes; a list may go on in indented lines\n"

static void hands_over_what_is_there(void **state)
{
    static const struct {
        const char *text, *events;
    } cases[] = {
        {"", ""},
        {"[a]\nk=v\n", "1[a]\n2 k=v\n"},
        {"[a]\nk=v", "1[a]\n2 k=v\n"},
        {"[a]\r\n  \r\nk = v ; why\r\n", "1[a]\n3 k=v\n"},
        {"\xef\xbb\xbf[a]\nk : v w\n", "1[a]\n2 k=v w\n"},
        {"; c\n# c\n  ; c\n[a] ; c\nk = ;c\nl =;c\n", "4[a]\n5 k=\n6 l=;c\n"},
        {"[a]\n  k = v\n", "1[a]\n2 k=v\n"},
        {"[a]\nk = 1,\n  2, ; two\n\n; c\n\t3\n", "1[a]\n2 k=1,\n3+k=2,\n6+k=3\n"},
        {"[a]\nk = 1\n  l = 2\n [b]\n", "1[a]\n2 k=1\n3+k=l = 2\n4+k=[b]\n"},
        {"[a]\nk = 1\n[b]\n  l = 2\n", "1[a]\n2 k=1\n3[b]\n4 l=2\n"},
        {"[a]\n[b]\n[b]\nk=v\n", "1[a]\n2[b]\n3[b]\n4 k=v\n"},
        {"[x]\nk = v\n  w\n[a]\nk=v\n", "1[x]\n4[a]\n5 k=v\n"},
        {"[exec \"a;b\"]\nk=v\n", "1[exec \"a;b\"]\n2 k=v\n"},
        {"[a]\nk = \xc3\xa4\ti\n", "1[a]\n2 k=\xc3\xa4\ti\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu\n", i);
        expect_events(cases[i].text, strlen(cases[i].text), cases[i].events);
    }
}

static void reports_what_inih_swallows(void **state)
{
    static const struct {
        const char *text, *events;
    } cases[] = {
        {"k = v\n", "1!the key stands in front of the first [section]\n"},
        {"[a]\nnonsense\nk=v\n", "1[a]\n2!" NO_ENTRY "3 k=v\n"},
        {"[a]\nnonsense", "1[a]\n2!" NO_ENTRY},
        {"[a]\n= v\n  w\n", "1[a]\n2!there is no key in front of the =\n3!" NO_ENTRY},
        {"[a\nk=v\n[b]\nl=w\n", "1!" NO_BRACKET "3[b]\n4 l=w\n"},
        {"[a ;]\n", "1!" NO_BRACKET},
        {"[a]\n[b\nk=v\n", "1[a]\n2!" NO_BRACKET},
        {"[a] k = v\nl=w\n", "1[a]\n1!" TEXT_BEHIND "2 l=w\n"},
        {"[x] y\n", "1[x]\n1!" TEXT_BEHIND},
        {"[a]\nk = \x01v\n  w\nl=w\n", "1[a]\n2!" CONTROL "3+k=w\n4 l=w\n"},
        {"[a]\nk = v\rl = w\r\n", "1[a]\n2!" CONTROL},
        {"[\x7f]\nk=v\n", "1!" CONTROL},
        {"; \x01 is fine here\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu\n", i);
        expect_events(cases[i].text, strlen(cases[i].text), cases[i].events);
    }
    static const char with_nul[] = "[a]\nk = v\0\nl = w\n";
    expect_events(with_nul, sizeof(with_nul) - 1, "1[a]\n2!" CONTROL "3 l=w\n");
}

/* "[a]\n", then `start` filled up to `length` bytes, then "\nl = w\n". */
static char *around_long_line(const char *start, size_t length)
{
    char text[2048] = "[a]\n";
    size_t at = strlen(text);
    memset(text + at, 'y', length);
    memcpy(text + at, start, strlen(start));
    strcpy(text + at + length, "\nl = w\n");
    return read_bytes(text, strlen(text));
}

static void reports_lines_over_199_bytes(void **state)
{
    static const size_t overlong[] = {200, 201, 398, 400, 1500};
    char *got = around_long_line("k = ", 199);
    (void)state;
    assert_memory_equal(got, "1[a]\n2 k=yyy", 12);
    assert_non_null(strstr(got, "y\n3 l=w\n"));
    free(got);
    for (size_t i = 0; i < COUNT(overlong); i++) {
        got = around_long_line("k = ", overlong[i]);
        assert_string_equal(got, "1[a]\n2!" OVERLONG "3 l=w\n");
        free(got);
        got = around_long_line("[b", overlong[i]);
        assert_string_equal(got, "1[a]\n2!" OVERLONG);
        free(got);
        got = around_long_line("; ", overlong[i]);
        assert_string_equal(got, "1[a]\n3 l=w\n");
        free(got);
    }
}

static void long_sections_and_keys_arrive_whole(void **state)
{
    char section[120];
    char text[700];
    char events[700];
    (void)state;
    memset(section, 'b', sizeof(section));
    section[sizeof(section) - 1] = '\0';
    snprintf(text, sizeof(text), "[%s]\n%s = v\n", section, section);
    snprintf(events, sizeof(events), "1[%s]\n2 %s=v\n", section, section);
    expect_events(text, strlen(text), events);
}

static void carriage_return_does_not_count_as_a_byte(void **state)
{
    char text[300];
    (void)state;
    memset(text, 'y', sizeof(text));
    memcpy(text, "[a]\nk=", 6);
    strcpy(text + 4 + 199, "\r\n");
    char *got = read_bytes(text, strlen(text));
    assert_null(strchr(got, '!'));
    free(got);
}

static void reports_a_stream_that_fails(void **state)
{
    char *out = NULL;
    size_t size;
    FILE *events = open_memstream(&out, &size);
    FILE *folder = fopen("/", "r");
    (void)state;
    assert_non_null(folder);
    const struct config_reader_sink sink = {
        .section = note_section, .entry = note_entry, .fault = note_fault, .user = events};
    config_reader_run(folder, &sink);
    fclose(folder);
    fclose(events);
    assert_string_equal(out, "0!Is a directory\n");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_over_what_is_there),
        cmocka_unit_test(reports_what_inih_swallows),
        cmocka_unit_test(reports_lines_over_199_bytes),
        cmocka_unit_test(long_sections_and_keys_arrive_whole),
        cmocka_unit_test(carriage_return_does_not_count_as_a_byte),
        cmocka_unit_test(reports_a_stream_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
