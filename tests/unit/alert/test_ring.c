/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "server/alert/ring.h"

#define SECOND_NS UINT64_C(1000000000)
#define OVER_S 600
#define STEP_S (OVER_S / ALERT_RING_STEPS)

static double before(const struct alert_ring *ring, uint64_t now_s, uint64_t gap_s)
{
    return alert_ring_before(ring, now_s * SECOND_NS, gap_s * SECOND_NS);
}

static struct alert_ring *filled(uint64_t from_s, uint64_t until_s)
{
    struct alert_ring *ring = alert_ring_new(OVER_S * 1000, "", 0);
    assert_non_null(ring);
    for (uint64_t now_s = from_s; now_s <= until_s; now_s++) {
        alert_ring_add(ring, now_s * SECOND_NS, (double)now_s);
    }
    return ring;
}

static void what_was_so_long_ago_is_at_most_a_step_too_old(void **unused)
{
    (void)unused;
    struct alert_ring *ring = filled(1000, 5000);
    for (uint64_t now_s = 5000; now_s < 5000 + OVER_S; now_s++) {
        double then = before(ring, now_s, 0);
        assert_true(then <= (double)(now_s - OVER_S));
        assert_true(then > (double)(now_s - OVER_S - STEP_S));
    }
    alert_ring_unref(ring);
}

static void nothing_is_as_old_as_that_yet(void **unused)
{
    (void)unused;
    struct alert_ring *ring = filled(1000, 1000 + OVER_S / 2);
    assert_true(isnan(before(ring, 1000 + OVER_S - 1, 0)));
    assert_true(before(ring, 1000 + OVER_S, 0) == 1000);
    alert_ring_unref(ring);
}

static void a_value_from_before_a_gap_stands_for_so_long_and_no_longer(void **unused)
{
    (void)unused;
    struct alert_ring *ring = filled(1000, 2000);
    assert_true(before(ring, 2000 + OVER_S + STEP_S + 30, 30) == 2000);
    assert_true(isnan(before(ring, 2000 + OVER_S + STEP_S + 31, 30)));
    alert_ring_add(ring, 4000 * SECOND_NS, 4000);
    assert_true(isnan(before(ring, 4100, 30)));
    assert_true(before(ring, 4000 + OVER_S, 30) == 4000);
    alert_ring_unref(ring);
}

static void a_copy_says_the_same_of_every_moment(void **unused)
{
    (void)unused;
    for (uint64_t until_s = 1000; until_s < 1000 + 3 * OVER_S; until_s += 7) {
        struct alert_ring *ring = filled(1000, until_s),
                          *other = alert_ring_new(OVER_S * 1000, "", 0);
        struct alert_ring_value values[ALERT_RING_VALUES_MAX];
        size_t count = alert_ring_copy(ring, values);
        assert_non_null(other);
        for (size_t i = 0; i < count; i++) {
            assert_true(i == 0 || values[i].at_ns > values[i - 1].at_ns);
            alert_ring_restore(other, &values[i]);
        }
        for (uint64_t now_s = until_s; now_s < until_s + 2 * OVER_S; now_s += 3) {
            double left = before(ring, now_s, 30), right = before(other, now_s, 30);
            assert_true(left == right || (isnan(left) && isnan(right)));
        }
        alert_ring_unref(ring);
        alert_ring_unref(other);
    }
}

static void moments_may_be_from_before_the_clock_began(void **unused)
{
    (void)unused;
    struct alert_ring *ring = alert_ring_new(OVER_S * 1000, "", 0);
    assert_non_null(ring);
    alert_ring_restore(
        ring, &(struct alert_ring_value){.at_ns = 5 * SECOND_NS - 300 * SECOND_NS, .value = 7});
    alert_ring_add(ring, 5 * SECOND_NS, 8);
    assert_true(isnan(before(ring, 5 + OVER_S - 301, 0)));
    assert_true(before(ring, 5 + OVER_S - 300, 0) == 7);
    assert_true(before(ring, 5 + OVER_S, 0) == 8);
    alert_ring_unref(ring);
}

static void what_somebody_else_holds_is_not_added_to(void **unused)
{
    (void)unused;
    struct alert_ring *ring = alert_ring_new(OVER_S * 1000, "a label", 7);
    assert_non_null(ring);
    alert_ring_add(ring, 1000 * SECOND_NS, 7);
    struct alert_ring *own = ring;
    assert_true(alert_ring_own(&own));
    assert_ptr_equal(own, ring); /* nobody else has it */
    struct alert_ring *held = alert_ring_ref(ring);
    assert_true(alert_ring_own(&own));
    assert_ptr_not_equal(own, held);
    alert_ring_add(own, 1100 * SECOND_NS, 8);
    struct alert_ring_value values[ALERT_RING_VALUES_MAX];
    size_t label_bytes;
    assert_int_equal(alert_ring_copy(held, values), 1);
    assert_int_equal(alert_ring_copy(own, values), 2);
    assert_true(values[0].value == 7 && values[1].value == 8);
    assert_memory_equal(alert_ring_label(own, &label_bytes), "a label", 7);
    assert_int_equal(label_bytes, 7);
    alert_ring_unref(held);
    alert_ring_unref(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_so_long_ago_is_at_most_a_step_too_old),
        cmocka_unit_test(nothing_is_as_old_as_that_yet),
        cmocka_unit_test(a_value_from_before_a_gap_stands_for_so_long_and_no_longer),
        cmocka_unit_test(a_copy_says_the_same_of_every_moment),
        cmocka_unit_test(what_somebody_else_holds_is_not_added_to),
        cmocka_unit_test(moments_may_be_from_before_the_clock_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
