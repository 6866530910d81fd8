/* SPDX-License-Identifier: MIT
 *
 * The loader of modules, with shared objects made for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/buffer.h"
#include "server/core/module.h"
#include "tests/unit/core/greeter.h"

static const void *load(const char *name, enum module_kind kind, char reason[512])
{
    reason[0] = '\0';
    return module_load(name, kind, "section.key", reason, 512);
}

static void a_module_uses_the_programs_functions(void **state)
{
    (void)state;
    char reason[512];
    const struct greeter *greeter = load("greeter", MODULE_SINK, reason);
    assert_string_equal(reason, "");
    assert_non_null(greeter);
    struct buffer text;
    buffer_init(&text);
    assert_int_equal(greeter->greet(&text, "you"), 1);
    assert_int_equal(greeter->greet(&text, ""), 2);
    buffer_append(&text, "", 1);
    assert_string_equal(text.bytes, "hello youhello ");
    buffer_deinit(&text);
}

static void a_module_is_loaded_once(void **state)
{
    (void)state;
    char reason[512];
    assert_ptr_equal(load("greeter", MODULE_SINK, reason), load("greeter", MODULE_SINK, reason));
}

static void a_missing_module_is_named_with_the_folders_searched(void **state)
{
    (void)state;
    char reason[512];
    assert_null(load("absent", MODULE_SINK, reason));
    assert_non_null(strstr(reason, "section.key needs the module absent, which was not found: "
                                   "there is no sigmad-absent.so in " TEST_MODULE_FOLDER));
    assert_non_null(strstr(reason, "/unit,"));
}

static void refuses_another_build_another_kind_and_what_is_no_module(void **state)
{
    (void)state;
    char reason[512];
    assert_null(load("stale", MODULE_SINK, reason));
    assert_non_null(strstr(reason, "which is of another build: "));
    assert_null(load("greeter", MODULE_MAPPER, reason));
    assert_non_null(strstr(reason, "which is another one: "));
    assert_null(load("nothing", MODULE_SINK, reason));
    assert_non_null(strstr(reason, "which is no module of sigmad: "));
}

static void a_short_buffer_cuts_the_reason(void **state)
{
    (void)state;
    char reason[16];
    memset(reason, 'x', sizeof(reason));
    assert_null(module_load("absent", MODULE_SINK, "section.key", reason, sizeof(reason)));
    assert_string_equal(reason, "section.key nee");
}

int main(void)
{
    setenv(MODULE_PATH_VARIABLE, TEST_MODULE_FOLDER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_uses_the_programs_functions),
        cmocka_unit_test(a_module_is_loaded_once),
        cmocka_unit_test(a_missing_module_is_named_with_the_folders_searched),
        cmocka_unit_test(refuses_another_build_another_kind_and_what_is_no_module),
        cmocka_unit_test(a_short_buffer_cuts_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
