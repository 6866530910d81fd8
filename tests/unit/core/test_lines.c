/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/core/lines.h"
#include "tests/unit/random.h"

#define CHUNK_BYTES ((uint64_t)LINES_CHUNK * LINE_BYTES)
#define RECORDS 3000

struct record {
    uint32_t line;
    size_t bytes; /* 0: not taken */
    char fill;
};

static void check_filled(const struct lines *lines, const struct record *record)
{
    const char *bytes = lines_at(lines, record->line);
    assert_int_equal((uintptr_t)bytes % LINE_BYTES, 0);
    for (size_t i = 0; i < record->bytes; i++) {
        assert_int_equal(bytes[i], record->fill);
    }
}

static void records_keep_their_bytes_and_their_place(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 28);
    struct lines lines;
    static struct record records[RECORDS];
    static const char *places[RECORDS];
    uint64_t seed = 4;
    assert_true(lines_init(&lines, pool));
    for (unsigned step = 0; step < 40000; step++) {
        size_t which = random_next(&seed) % RECORDS;
        struct record *record = &records[which];
        if (record->bytes) {
            check_filled(&lines, record);
            assert_ptr_equal(lines_at(&lines, record->line), places[which]);
            lines_give(&lines, record->line, record->bytes);
            record->bytes = 0;
            continue;
        }
        record->bytes =
            1 + random_next(&seed) % (step % 50 == 0 ? LINES_RUN_MAX * LINE_BYTES : 300);
        record->line = lines_take(&lines, record->bytes);
        record->fill = (char)step;
        assert_int_not_equal(record->line, LINES_NONE);
        places[which] = lines_at(&lines, record->line);
        memset(lines_at(&lines, record->line), record->fill, record->bytes);
    }
    for (size_t i = 0; i < RECORDS; i++) {
        if (records[i].bytes) {
            check_filled(&lines, &records[i]);
        }
    }
    lines_deinit(&lines);
    assert_int_equal(pool_bytes(pool), 0);
    pool_free(pool);
}

static void a_freed_run_is_the_next_of_its_length(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 20);
    struct lines lines;
    assert_true(lines_init(&lines, pool));
    uint32_t two = lines_take(&lines, LINE_BYTES + 1);
    uint32_t one = lines_take(&lines, LINE_BYTES);
    lines_give(&lines, two, 2 * LINE_BYTES);
    lines_give(&lines, one, 1);
    assert_int_equal(lines_take(&lines, 2 * LINE_BYTES), two);
    assert_int_equal(lines_take(&lines, 33), one);
    lines_deinit(&lines);
    pool_free(pool);
}

static void steady_traffic_takes_no_further_memory(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 24);
    struct lines lines;
    uint32_t taken[500];
    uint64_t after_first = 0;
    assert_true(lines_init(&lines, pool));
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < 500; i++) {
            taken[i] = lines_take(&lines, 1 + i);
        }
        for (size_t i = 0; i < 500; i++) {
            lines_give(&lines, taken[i], 1 + i);
        }
        after_first = round == 0 ? pool_bytes(pool) : after_first;
    }
    assert_int_equal(pool_bytes(pool), after_first);
    lines_deinit(&lines);
    pool_free(pool);
}

static void the_tail_of_a_chunk_is_not_lost(void **state)
{
    (void)state;
    struct pool *pool = pool_new(2 * CHUNK_BYTES);
    struct lines lines;
    assert_true(lines_init(&lines, pool));
    assert_int_not_equal(lines_take(&lines, 512 * LINE_BYTES), LINES_NONE);
    assert_int_not_equal(lines_take(&lines, 300 * LINE_BYTES), LINES_NONE);
    /* 212 lines are left, which the next chunk leaves behind as a free run. */
    assert_int_not_equal(lines_take(&lines, 213 * LINE_BYTES), LINES_NONE);
    assert_int_equal(lines_take(&lines, 212 * LINE_BYTES), 812);
    lines_deinit(&lines);
    pool_free(pool);
}

static void the_budget_is_the_bound_and_is_given_back(void **state)
{
    (void)state;
    struct pool *pool = pool_new(3 * CHUNK_BYTES + 100);
    struct lines lines;
    assert_true(lines_init(&lines, pool));
    uint32_t taken = 0;
    while (lines_take(&lines, LINE_BYTES) != LINES_NONE) {
        taken++;
    }
    assert_int_equal(taken, 3 * LINES_CHUNK);
    assert_int_equal(pool_bytes(pool), 3 * CHUNK_BYTES);
    lines_give(&lines, 77, LINE_BYTES);
    assert_int_equal(lines_take(&lines, LINE_BYTES), 77);
    lines_deinit(&lines);
    assert_int_equal(pool_bytes(pool), 0);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_keep_their_bytes_and_their_place),
        cmocka_unit_test(a_freed_run_is_the_next_of_its_length),
        cmocka_unit_test(steady_traffic_takes_no_further_memory),
        cmocka_unit_test(the_tail_of_a_chunk_is_not_lost),
        cmocka_unit_test(the_budget_is_the_bound_and_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
