/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/lines.h"
#include "server/metrics/held.h"

static void holds_what_was_put_and_not_dropped(void **state)
{
    (void)state;
    static const uint32_t indexes[] = {0, 63, 64, 1023, 1024, 4999};
    struct held held;
    assert_true(held_init(&held, 5000));
    for (size_t i = 0; i < 6; i++) {
        assert_false(held_has(&held, indexes[i]));
        assert_true(held_reserve(&held, indexes[i]));
        assert_false(held_has(&held, indexes[i]));
        held_put(&held, indexes[i]);
        assert_int_equal(held.end, indexes[i] + 1);
    }
    held_drop(&held, 64);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(held_has(&held, indexes[i]), indexes[i] != 64);
    }
    assert_false(held_has(&held, 65));
    assert_int_equal(held.end, 5000);
    held_deinit(&held);
}

static void a_chain_costs_nothing_until_there_is_one(void **state)
{
    (void)state;
    struct held held;
    assert_true(held_init(&held, 2000));
    assert_true(held_reserve(&held, 1500));
    assert_null(held_chain_if_any(&held, 1500));
    uint32_t *chain = held_chain(&held, 1500);
    assert_non_null(chain);
    assert_int_equal(*chain, LINES_NONE);
    *chain = 7;
    assert_int_equal(*held_chain_if_any(&held, 1500), 7);
    assert_int_equal(*held_chain(&held, 1501), LINES_NONE);
    held_deinit(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_put_and_not_dropped),
        cmocka_unit_test(a_chain_costs_nothing_until_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
