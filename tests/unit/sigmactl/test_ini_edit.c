/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "tests/unit/random.h"
#include "tools/sigmactl/ini_edit.h"

static void expect_set(const char *before, const char *section, const char *key, const char *value,
                       const char *after)
{
    struct ini_edit edit;
    struct buffer out = {0};
    ini_edit_read(&edit, before, strlen(before));
    ini_edit_set(&edit, section, key, value);
    ini_edit_write(&edit, &out);
    buffer_append(&out, "", 1);
    assert_false(out.failed);
    assert_string_equal(out.bytes, after);
    buffer_deinit(&out);
    ini_edit_deinit(&edit);
}

static void a_value_is_replaced_and_its_comment_stays_where_it_is(void **state)
{
    (void)state;
    expect_set("[server]\nworkers = 1             ; threads\nudp = :1\n", "server", "workers",
               "auto", "[server]\nworkers = auto          ; threads\nudp = :1\n");
    expect_set("[a]\n  k=1;2\n", "a", "k", "7", "[a]\n  k= 7\n");
    expect_set("[a]\nk =\n", "a", "k", "7", "[a]\nk = 7\n");
    expect_set("[a]\nk = 1 ; c", "a", "k", "a long value", "[a]\nk = a long value ; c");
    expect_set("[a]\r\nk = 1\r\n", "a", "k", "2", "[a]\r\nk = 2\r\n");
}

static void the_same_key_of_another_section_stays(void **state)
{
    (void)state;
    expect_set("[graphite]\nbuffer = 1\n[exec \"a\"]\nbuffer = 2\n", "exec \"a\"", "buffer", "3",
               "[graphite]\nbuffer = 1\n[exec \"a\"]\nbuffer = 3\n");
    expect_set("[a]\nkey2 = 1\n;key = 1\n", "a", "key", "2", "[a]\nkey2 = 1\nkey = 2\n;key = 1\n");
}

static void of_a_key_given_twice_the_last_one_counts(void **state)
{
    (void)state;
    expect_set("[a]\nk = 1\nk = 2\n", "a", "k", "3", "[a]\nk = 1\nk = 3\n");
}

static void lines_that_go_on_with_the_value_go(void **state)
{
    (void)state;
    expect_set("[a]\nk = 1,\n    2, ; two\n    ; a comment\n    3\nl = 4\n", "a", "k", "5",
               "[a]\nk = 5\n    ; a comment\nl = 4\n");
}

static void a_key_that_is_not_there_comes_behind_the_others(void **state)
{
    (void)state;
    expect_set("[a]\nk = 1\n    ; of k\n\n; about b\n[b]\nl = 2\n", "a", "m", "3",
               "[a]\nk = 1\n    ; of k\nm = 3\n\n; about b\n[b]\nl = 2\n");
    expect_set("[a]\n", "a", "m", "3", "[a]\nm = 3\n");
}

static void a_section_that_is_not_there_comes_at_the_end(void **state)
{
    (void)state;
    expect_set("", "a", "k", "1", "[a]\nk = 1\n");
    expect_set("[b]\nl = 2\n", "a", "k", "1", "[b]\nl = 2\n\n[a]\nk = 1\n");
    expect_set(";[a]\n;k = 2", "a", "k", "1", ";[a]\n;k = 2\n\n[a]\nk = 1\n");
}

static void the_difference_is_a_unified_diff(void **state)
{
    static const char before[] = "1\n2\n3\n4\n[a]\nk = 1\n5\n6\n7\n8\n9\n10\n11\n12\n";
    struct ini_edit edit;
    struct buffer out = {0};
    (void)state;
    ini_edit_read(&edit, before, strlen(before));
    ini_edit_diff(&edit, "old", "new", &out);
    assert_int_equal(out.length, 0);
    ini_edit_set(&edit, "a", "k", "2");
    ini_edit_set(&edit, "b", "l", "3");
    ini_edit_diff(&edit, "old", "new", &out);
    buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, "--- old\n+++ new\n"
                                   "@@ -3,7 +3,7 @@\n 3\n 4\n [a]\n-k = 1\n+k = 2\n 5\n 6\n 7\n"
                                   "@@ -12,3 +12,6 @@\n 10\n 11\n 12\n+\n+[b]\n+l = 3\n");
    buffer_deinit(&out);
    ini_edit_deinit(&edit);
}

/* Every key of the shipped file: the loader reads what was set, and all other lines are as before.
 */
static void what_is_set_in_the_shipped_file_is_what_is_read(void **state)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    struct ini_edit edit;
    struct buffer out = {0};
    char path[] = "/tmp/ini-edit-XXXXXX";
    (void)state;
    assert_non_null(memory);
    config_write_documented(memory);
    fclose(memory);
    ini_edit_read(&edit, text, length);
    ini_edit_set(&edit, "server", "receive_buffer", "16MiB");
    ini_edit_set(&edit, "prometheus", "buckets", "1, 2");
    ini_edit_set(&edit, "flush", "percentiles", "50, 99");
    ini_edit_set(&edit, "exec \"x\"", "command", "/bin/cat");
    ini_edit_write(&edit, &out);
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && write(descriptor, out.bytes, out.length) == (ssize_t)out.length);
    close(descriptor);
    struct config_sources sources = {.path = path};
    struct config *config = config_load(&sources, stderr, NULL);
    unlink(path);
    assert_non_null(config);
    assert_int_equal(config->server.receive_buffer_bytes, 16 << 20);
    assert_int_equal(config->prometheus.buckets.count, 2);
    assert_int_equal(config->flush.percentiles.count, 2);
    assert_int_equal(config->execs.count, 1);
    config_free(config);
    buffer_deinit(&out);
    ini_edit_deinit(&edit);
    free(text);
}

/* Whatever a file holds: what is not set stays, and to set twice is to set once. */
static void any_text_survives(void **state)
{
    static const char letters[] = "[]=;#: \t\r\n\n\nabk\"1,";
    uint64_t seed = 5;
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        char text[64];
        size_t length = random_next(&seed) % sizeof(text);
        struct ini_edit edit;
        struct buffer same = {0}, once = {0}, twice = {0};
        for (size_t i = 0; i < length; i++) {
            text[i] = letters[random_next(&seed) % (sizeof(letters) - 1)];
        }
        ini_edit_read(&edit, text, length);
        ini_edit_write(&edit, &same);
        assert_int_equal(same.length, length);
        assert_true(length == 0 || memcmp(same.bytes, text, length) == 0);
        ini_edit_set(&edit, "a", "k", "7");
        ini_edit_write(&edit, &once);
        ini_edit_set(&edit, "a", "k", "7");
        ini_edit_write(&edit, &twice);
        assert_int_equal(once.length, twice.length);
        assert_memory_equal(once.bytes, twice.bytes, once.length);
        buffer_deinit(&same);
        buffer_deinit(&once);
        buffer_deinit(&twice);
        ini_edit_deinit(&edit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_replaced_and_its_comment_stays_where_it_is),
        cmocka_unit_test(the_same_key_of_another_section_stays),
        cmocka_unit_test(of_a_key_given_twice_the_last_one_counts),
        cmocka_unit_test(lines_that_go_on_with_the_value_go),
        cmocka_unit_test(a_key_that_is_not_there_comes_behind_the_others),
        cmocka_unit_test(a_section_that_is_not_there_comes_at_the_end),
        cmocka_unit_test(any_text_survives),
        cmocka_unit_test(the_difference_is_a_unified_diff),
        cmocka_unit_test(what_is_set_in_the_shipped_file_is_what_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
