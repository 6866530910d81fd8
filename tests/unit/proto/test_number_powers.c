/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/number_powers.h"

/* Room for 2^128 * 10^324, which has 1,205 bits. */
#define LIMBS 40

/* A whole number, its lowest 32 bits first. */
struct whole {
    uint32_t limbs[LIMBS];
};

static void multiply(struct whole *whole, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)whole->limbs[i] * factor;
        whole->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

/* left - right, where right is not the greater. */
static struct whole difference(const struct whole *left, const struct whole *right)
{
    struct whole result;
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t limb = (uint64_t)left->limbs[i] - right->limbs[i] - borrow;
        result.limbs[i] = (uint32_t)limb;
        borrow = limb >> 63;
    }
    assert_int_equal(borrow, 0);
    return result;
}

static int bit_length(const struct whole *whole)
{
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (whole->limbs[i] != 0) {
            return 32 * (i + 1) - __builtin_clz(whole->limbs[i]);
        }
    }
    return 0;
}

static struct whole two_to(int exponent)
{
    struct whole whole = {0};
    whole.limbs[exponent / 32] = UINT32_C(1) << exponent % 32;
    return whole;
}

static struct whole ten_to(int exponent)
{
    struct whole whole = {.limbs = {1}};
    for (int i = 0; i < exponent; i++) {
        multiply(&whole, 10);
    }
    return whole;
}

/* entry * 2^exponent for exponent >= 0. */
static struct whole shifted_entry(struct number_power entry, int exponent)
{
    struct whole whole = {.limbs = {(uint32_t)entry.low, (uint32_t)(entry.low >> 32),
                                    (uint32_t)entry.high, (uint32_t)(entry.high >> 32)}};
    for (int i = 0; i < exponent; i++) {
        multiply(&whole, 2);
    }
    return whole;
}

/* 0 <= entry * 2^s - 10^k < 2^s, or for s below 0 the same in units of 2^s. */
static void assert_rounds_up_large(int k, struct number_power entry)
{
    struct whole power = ten_to(k);
    int scale = number_power_log2(k) - 127;
    for (int i = 0; i > scale; i--) {
        multiply(&power, 2);
    }
    struct whole scaled = shifted_entry(entry, scale > 0 ? scale : 0);
    struct whole excess = difference(&scaled, &power);
    assert_true(bit_length(&excess) <= (scale > 0 ? scale : 0));
}

/* 0 <= entry * 10^-k - 2^s < 10^-k. */
static void assert_rounds_up_small(int k, struct number_power entry)
{
    struct whole product = shifted_entry(entry, 0);
    for (int i = 0; i > k; i--) {
        multiply(&product, 10);
    }
    struct whole one = two_to(127 - number_power_log2(k));
    struct whole excess = difference(&product, &one);
    struct whole power = ten_to(-k);
    struct whole room = difference(&power, &excess);
    assert_true(bit_length(&room) > 0);
}

static void every_entry_is_its_power_rounded_up_to_128_bits(void **state)
{
    (void)state;
    for (int k = NUMBER_POWER_FIRST; k <= NUMBER_POWER_LAST; k++) {
        struct number_power entry = number_powers[k - NUMBER_POWER_FIRST];
        assert_true(entry.high >> 63 == 1);
        if (k >= 0) {
            assert_rounds_up_large(k, entry);
        } else {
            assert_rounds_up_small(k, entry);
        }
    }
}

static void logarithms_are_rounded_down(void **state)
{
    (void)state;
    for (int k = 0; k <= 324; k++) {
        struct whole power = ten_to(k);
        assert_int_equal(number_power_log2(k), bit_length(&power) - 1);
        assert_int_equal(number_power_log2(-k), k > 0 ? -bit_length(&power) : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_is_its_power_rounded_up_to_128_bits),
        cmocka_unit_test(logarithms_are_rounded_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
