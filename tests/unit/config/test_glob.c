/* SPDX-License-Identifier: MIT
 *
 * Patterns: what they take, what is no pattern, and the same answers as fnmatch(3) gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <string.h>

#include "config/glob.h"
#include "tests/unit/random.h"

struct sample {
    const char *glob, *text;
    bool matches;
};

static void a_pattern_takes_the_whole_text_or_nothing(void **state)
{
    static const struct sample table[] = {
        {"api", "api", true},
        {"api", "api.", false},
        {"api", "ap", false},
        {"*", "", true},
        {"?", "", false},
        {"a*", "a", true},
        {"*.5xx", "web.status.5xx", true},
        {"*.5xx", "5xx", false},
        {"api.*.time", "api.users.get.time", true},
        {"api.*.time", "api.time", false},
        {"*error*", "error", true},
        {"*aab", "aaaaaaab", true},
        {"a**b?c", "a--bxc", true},
        {"[abc]x", "bx", true},
        {"[!abc]x", "bx", false},
        {"[!abc]x", "dx", true},
        {"[a-c1-3]", "2", true},
        {"[a-c1-3]", "-", false},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[a-]", "-", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"Api", "api", false},
        {"caf\xc3\xa9*", "caf\xc3\xa9.open", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_null(glob_fault(table[i].glob));
        if (glob_match(table[i].glob, table[i].text, strlen(table[i].text)) != table[i].matches) {
            fail_msg("%s on %s", table[i].glob, table[i].text);
        }
    }
    assert_true(glob_match("ab", "abc", 2));
}

static void letters_match_in_either_case_where_asked(void **state)
{
    (void)state;
    assert_true(glob_match_any_case("*Error*", "http.ERRORS", 11));
    assert_true(glob_match_any_case("[a-c]", "B", 1));
    assert_true(glob_match_any_case("[A-C]", "b", 1));
    assert_false(glob_match_any_case("\xc3\x89", "\xc3\xa9", 2));
}

static void says_what_is_no_pattern(void **state)
{
    (void)state;
    assert_string_equal(glob_fault(""), "is empty");
    assert_string_equal(glob_fault("a\\"), "ends with a backslash");
    assert_string_equal(glob_fault("a[bc"), "has a [ that is never closed");
    assert_string_equal(glob_fault("a[]"), "has a [ that is never closed");
    assert_null(glob_fault("a\\[b"));
    assert_null(glob_fault("a]"));
    assert_false(glob_is_wild("mem.used"));
    assert_true(glob_is_wild("mem?used"));
}

/* Stars, question marks and sets over a small alphabet, held against the C library. */
static void agrees_with_the_c_library(void **state)
{
    static const char *const elements[] = {"a",    "b",    ".",   "*",     "?",
                                           "[ab]", "[!a]", "\\*", "[a-b.]"};
    uint64_t seed = 7;
    unsigned matches = 0;
    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        char glob[64] = "";
        char text[10] = "";
        for (uint64_t left = random_next(&seed) % 7; left > 0; left--) {
            strcat(glob, elements[random_next(&seed) % 9]);
        }
        size_t length = random_next(&seed) % 9;
        for (size_t i = 0; i < length; i++) {
            text[i] = "ab.*"[random_next(&seed) % 4];
        }
        bool expected = fnmatch(glob, text, 0) == 0;
        if (glob_match(glob, text, length) != expected) {
            fail_msg("%s on %s", glob, text);
        }
        matches += expected;
    }
    assert_true(matches > 5000);
}

static void many_stars_on_a_long_text_take_no_time_to_speak_of(void **state)
{
    char glob[201];
    char text[4096];
    (void)state;
    for (size_t i = 0; i < 200; i += 2) {
        memcpy(glob + i, "*a", 2);
    }
    memcpy(glob + 199, "b", 2);
    memset(text, 'a', sizeof(text));
    for (unsigned i = 0; i < 100; i++) {
        assert_false(glob_match(glob, text, sizeof(text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_takes_the_whole_text_or_nothing),
        cmocka_unit_test(letters_match_in_either_case_where_asked),
        cmocka_unit_test(says_what_is_no_pattern),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(many_stars_on_a_long_text_take_no_time_to_speak_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
