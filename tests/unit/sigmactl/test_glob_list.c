/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tools/sigmactl/baseline_better.h"
#include "tools/sigmactl/glob_list.h"

static bool match(const char *list, const char *text)
{
    return glob_list_match(list, text, strlen(text));
}

static void any_glob_of_the_list_takes_a_text(void **state)
{
    (void)state;
    assert_true(match("mean,p9*", "p99"));
    assert_true(match("mean,p9*", "mean"));
    assert_false(match("mean,p9*", "p50"));
    assert_false(match("", "mean"));
    assert_true(match("mean,", "mean"));
}

static void faults_of_globs_are_found(void **state)
{
    static char text[GLOB_LIST_ITEM_MAX + 8];
    (void)state;
    assert_null(glob_list_fault("a,b*,[x]"));
    assert_non_null(glob_list_fault("a,b[,c"));
    memset(text, 'x', sizeof(text) - 1);
    assert_string_equal(glob_list_fault(text), "has a glob that is too long");
}

static void the_first_glob_that_takes_a_name_says_what_is_better(void **state)
{
    static const char globs[] = "db.hits=higher,db.*=lower,*=none";
    enum better better = BETTER_UNKNOWN;
    (void)state;
    assert_null(baseline_better_fault(globs));
    assert_true(baseline_better_asked(globs, "db.hits", &better));
    assert_int_equal(better, BETTER_HIGHER);
    assert_true(baseline_better_asked(globs, "db.rows", &better));
    assert_int_equal(better, BETTER_LOWER);
    assert_true(baseline_better_asked(globs, "x", &better));
    assert_int_equal(better, BETTER_UNKNOWN);
    assert_false(baseline_better_asked("a=lower", "b", &better));
    assert_false(baseline_better_asked(NULL, "b", &better));
}

static void words_that_are_no_direction_are_faults(void **state)
{
    static const char *const bad[] = {"a",      "a=", "a=up", "a=lower,b", "a=lowerlowerlowerlower",
                                      "[=lower"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_non_null(baseline_better_fault(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_glob_of_the_list_takes_a_text),
        cmocka_unit_test(faults_of_globs_are_found),
        cmocka_unit_test(the_first_glob_that_takes_a_name_says_what_is_better),
        cmocka_unit_test(words_that_are_no_direction_are_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
