/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/core/table.h"
#include "tests/unit/random.h"

#define KEYS 700

static struct table_slot *find(const struct table *table, uint32_t hash, uint32_t value)
{
    struct table_slot *slot = table_first(table, hash);
    while (slot && slot->value != value) {
        slot = table_next(table, slot);
    }
    return slot;
}

static void check_against(const struct table *table, const uint32_t *hashes, const bool *held)
{
    size_t count = 0;
    for (uint32_t id = 0; id < KEYS; id++) {
        assert_int_equal(find(table, hashes[id], id) != NULL, held[id]);
        count += held[id];
    }
    assert_int_equal(table->count, count);
}

/* Hashes are drawn from few values, so that runs are long, wrap around and hold equal hashes. */
static void agrees_with_a_map_under_random_insert_and_remove(void **state)
{
    (void)state;
    static const uint64_t spreads[] = {3, 40, 1 << 12, UINT64_MAX};
    for (size_t spread = 0; spread < sizeof(spreads) / sizeof(spreads[0]); spread++) {
        struct table table;
        uint64_t seed = 77 + spread;
        uint32_t hashes[KEYS];
        bool held[KEYS] = {false};
        assert_true(table_init(&table));
        for (size_t i = 0; i < KEYS; i++) {
            hashes[i] = table_hash(UINT64_MAX - random_next(&seed) % spreads[spread]);
        }
        for (uint32_t step = 1; step < 8000; step++) {
            /* The number of keys in the table waxes and wanes. */
            uint32_t id = (uint32_t)(random_next(&seed) % (step % 2000 < 1000 ? KEYS : KEYS / 8));
            if (held[id]) {
                table_remove(&table, find(&table, hashes[id], id));
            } else {
                assert_true(table_insert(&table, hashes[id], id));
            }
            held[id] = !held[id];
            if (step % 500 == 0) {
                check_against(&table, hashes, held);
            }
        }
        check_against(&table, hashes, held);
        table_deinit(&table);
    }
}

static void is_never_more_than_half_full(void **state)
{
    (void)state;
    struct table table;
    assert_true(table_init(&table));
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(table_insert(&table, table_hash(i), i));
        assert_true(table.count * 2 <= table.mask + 1);
    }
    table_deinit(&table);
}

/* Looks at every key after every insertion, so at every stage of every growth, and removes some. */
static void finds_every_key_while_slots_move(void **state)
{
    (void)state;
    for (uint32_t spread = 1; spread <= 1000; spread *= 10) {
        struct table table;
        bool held[600] = {false};
        assert_true(table_init(&table));
        for (uint32_t i = 0; i < 600; i++) {
            assert_true(table_insert(&table, table_hash(i % spread * 7), i));
            held[i] = true;
            if (i % 11 == 10) {
                table_remove(&table, find(&table, table_hash((i / 2) % spread * 7), i / 2));
                held[i / 2] = false;
            }
            for (uint32_t j = 0; j <= i; j++) {
                assert_int_equal(find(&table, table_hash(j % spread * 7), j) != NULL, held[j]);
            }
        }
        table_deinit(&table);
    }
}

static void hash_zero_is_a_hash_like_another(void **state)
{
    (void)state;
    struct table table;
    assert_true(table_init(&table));
    assert_null(table_first(&table, table_hash(0)));
    assert_true(table_insert(&table, table_hash(0), 6));
    assert_int_equal(table_first(&table, table_hash(0))->value, 6);
    table_deinit(&table);
}

static void finds_every_slot_of_one_hash(void **state)
{
    (void)state;
    struct table table;
    bool seen[20] = {false};
    assert_true(table_init(&table));
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(table_insert(&table, 9, i));
    }
    size_t found = 0;
    for (const struct table_slot *slot = table_first(&table, 9); slot;
         slot = table_next(&table, slot)) {
        assert_false(seen[slot->value]);
        seen[slot->value] = true;
        found++;
    }
    assert_int_equal(found, 20);
    table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_map_under_random_insert_and_remove),
        cmocka_unit_test(is_never_more_than_half_full),
        cmocka_unit_test(finds_every_key_while_slots_move),
        cmocka_unit_test(hash_zero_is_a_hash_like_another),
        cmocka_unit_test(finds_every_slot_of_one_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
