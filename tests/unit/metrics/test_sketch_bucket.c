/* SPDX-License-Identifier: MIT */
#include <float.h>

#include "tests/unit/metrics/sketch_samples.h"

/* The neighbours of a bound lie on its two sides. */
static void bucket_bounds_are_exact(void **state)
{
    (void)state;
    static const int exponents[] = {-1074, -1073, -1060, -1024, -1023, -1022, -1021, -500,
                                    -1,    0,     1,     2,     52,    500,   1022,  1023};
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++) {
        for (int schema = 0; schema <= SKETCH_SCHEMA_MAX; schema++) {
            int32_t first = exponents[e] * (1 << schema);
            for (int32_t index = first; index < first + (1 << schema); index++) {
                double bound = sketch_bucket_bound(index, schema);
                double above = nextafter(bound, (double)INFINITY);
                assert_true(bound > 0 && isfinite(bound));
                /* Subnormals are coarser than the buckets: many bounds are one double. */
                assert_true(sketch_bucket_index(bound, schema) <= index);
                assert_true(sketch_bucket_bound(sketch_bucket_index(bound, schema), schema) ==
                            bound);
                if (isfinite(above)) {
                    assert_true(sketch_bucket_index(above, schema) > index);
                }
                if (exponents[e] >= -1021) {
                    assert_int_equal(sketch_bucket_index(bound, schema), index);
                    assert_int_equal(sketch_bucket_index(above, schema), index + 1);
                }
            }
        }
    }
}

static void bounds_are_powers_of_the_base(void **state)
{
    (void)state;
    for (int32_t index = -2048; index <= 2048; index++) {
        long double exact = exp2l((long double)index / 256);
        double bound = sketch_bucket_bound(index, SKETCH_SCHEMA_MAX);
        assert_true((long double)bound <= exact * (1 + 1e-18L));
        assert_true((long double)nextafter(bound, (double)INFINITY) > exact);
    }
}

static void any_value_lies_within_its_bucket(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (unsigned i = 0; i < 200000; i++) {
        double value = fabs(any_double(&seed));
        int schema = (int)(i % (SKETCH_SCHEMA_MAX + 1));
        if (value == 0) {
            continue;
        }
        int32_t index = sketch_bucket_index(value, schema);
        assert_true(sketch_bucket_bound(index, schema) >= value);
        assert_true(sketch_bucket_bound(index - 1, schema) < value);
    }
    static const double edges[] = {0x1p-1074, 0x3p-1074, DBL_MIN, 1, 0x1.fffffffffffffp0, DBL_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        for (int schema = 0; schema <= SKETCH_SCHEMA_MAX; schema++) {
            int32_t index = sketch_bucket_index(edges[i], schema);
            assert_true(sketch_bucket_bound(index, schema) >= edges[i]);
            assert_true(sketch_bucket_bound(index - 1, schema) < edges[i]);
        }
    }
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        assert_int_equal(sketch_bucket_index(ldexp(1, exponent), 8), exponent * 256);
        assert_int_equal(sketch_bucket_index(ldexp(1, exponent), 0), exponent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_bounds_are_exact),
        cmocka_unit_test(bounds_are_powers_of_the_base),
        cmocka_unit_test(any_value_lies_within_its_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
