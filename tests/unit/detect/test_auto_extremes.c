/* SPDX-License-Identifier: MIT
 *
 * The memory of extremes against a search through the whole history: it never claims too long, and
 * falls short by at most a block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "server/detect/auto_extremes.h"
#include "tests/unit/random.h"

#define VALUES 20000
#define STEP_S 60.0
#define START_S 1.7e9

static float values[VALUES];

/* Seconds back to the latest value beyond this one, INFINITY for none. */
static double naive(int at, bool above)
{
    for (int i = at - 1; i >= 0; i--) {
        if (above ? values[i] > values[at] : values[i] < values[at]) {
            return (at - i) * STEP_S;
        }
    }
    return (double)INFINITY;
}

static void check(const struct auto_extremes *extremes, int at, bool above)
{
    double time = START_S + at * STEP_S;
    double claimed = auto_extremes_reach(extremes, time, values[at], above);
    double most = AUTO_EXTREMES_BLOCK_S * AUTO_EXTREMES_BLOCKS;
    double real = fmin(naive(at, above), at * STEP_S);
    assert_true(claimed >= 0 && claimed <= most);
    assert_true(claimed <= naive(at, above));
    assert_true(claimed >= fmin(real, most - AUTO_EXTREMES_BLOCK_S) - AUTO_EXTREMES_BLOCK_S);
}

static void claims_no_more_than_is_true_and_little_less(void **context)
{
    (void)context;
    struct auto_extremes extremes = {0};
    uint64_t seed = 7;
    float walk = 0;
    for (int i = 0; i < VALUES; i++) {
        walk += (float)(random_next(&seed) % 2001) - 1000;
        values[i] = walk;
        if (i > 0) {
            check(&extremes, i, true);
            check(&extremes, i, false);
        }
        auto_extremes_add(&extremes, START_S + i * STEP_S, values[i]);
    }
}

static void gaps_and_steps_of_the_clock_are_survived(void **context)
{
    (void)context;
    struct auto_extremes extremes = {0};
    auto_extremes_add(&extremes, START_S, 5);
    auto_extremes_add(&extremes, START_S + 10 * 86400, 3);
    assert_true(auto_extremes_reach(&extremes, START_S + 10 * 86400, 4, true) >= 79200);
    auto_extremes_add(&extremes, START_S, 9); /* backwards: counts as now */
    assert_true(auto_extremes_reach(&extremes, START_S + 10 * 86400, 4, true) == 0);
    auto_extremes_add(&extremes, (double)NAN, 9);
    auto_extremes_add(&extremes, (double)INFINITY, 9);
    auto_extremes_add(&extremes, -1e300, 9);
    assert_true(auto_extremes_reach(&extremes, (double)NAN, 10, true) == 0);
    assert_true(auto_extremes_reach(&extremes, START_S, 10, true) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_no_more_than_is_true_and_little_less),
        cmocka_unit_test(gaps_and_steps_of_the_clock_are_survived),
    };
    return cmocka_run_group_tests_name("auto_extremes", tests, NULL, NULL);
}
