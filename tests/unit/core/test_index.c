/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/index.h"

#define ITEMS 500

static bool has(const struct index *index, uint32_t hash, const void *pointer)
{
    struct table_slot *slot = index_first(index, hash);
    while (slot && index_at(index, slot) != pointer) {
        slot = index_next(index, slot);
    }
    return slot != NULL;
}

/* Five pointers a hash, so that a removal has to tell them apart. */
static void finds_what_was_entered_and_not_removed(void **state)
{
    (void)state;
    struct index index;
    static char items[ITEMS];
    assert_true(index_init(&index));
    for (unsigned round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < ITEMS; i++) {
            assert_true(index_insert(&index, table_hash(i / 5), &items[i]));
        }
        for (uint32_t i = round; i < ITEMS; i += 2) {
            index_remove(&index, table_hash(i / 5), &items[i]);
        }
        for (uint32_t i = 0; i < ITEMS; i++) {
            bool removed = i >= round && (i - round) % 2 == 0;
            assert_int_equal(has(&index, table_hash(i / 5), &items[i]), !removed);
        }
        for (uint32_t i = 0; i < ITEMS; i++) {
            index_remove(&index, table_hash(i / 5), &items[i]);
        }
        assert_int_equal(index.table.count, 0);
    }
    index_deinit(&index);
}

static void positions_are_used_again(void **state)
{
    (void)state;
    struct index index;
    char item;
    assert_true(index_init(&index));
    for (uint32_t i = 0; i < 10000; i++) {
        assert_true(index_insert(&index, table_hash(i), &item));
        index_remove(&index, table_hash(i), &item);
    }
    assert_int_equal(index.count, 1);
    index_deinit(&index);
}

static void removing_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    struct index index;
    char items[2];
    assert_true(index_init(&index));
    assert_true(index_insert(&index, table_hash(1), &items[0]));
    index_remove(&index, table_hash(1), &items[1]);
    index_remove(&index, table_hash(2), &items[0]);
    assert_true(has(&index, table_hash(1), &items[0]));
    index_deinit(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_entered_and_not_removed),
        cmocka_unit_test(positions_are_used_again),
        cmocka_unit_test(removing_what_is_not_there_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
