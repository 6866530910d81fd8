/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/core/large.h"

static void memory_of_every_size_can_be_written_whole_and_given_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   4096,
                                   LARGE_BYTES_MIN - 1,
                                   LARGE_BYTES_MIN,
                                   LARGE_BYTES_MIN + 1,
                                   5 * LARGE_BYTES_MIN + 4097};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *memory = large_take(sizes[i]);
        assert_non_null(memory);
        memset(memory, 0xA5, sizes[i]);
        large_give(memory, sizes[i]);
    }
}

static void what_cannot_be_had_is_null(void **state)
{
    (void)state;
    assert_null(large_take(SIZE_MAX / 2));
    large_give(NULL, 0);
    large_give(NULL, LARGE_BYTES_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_every_size_can_be_written_whole_and_given_back),
        cmocka_unit_test(what_cannot_be_had_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
