/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/metrics/sketch_decimal.h"
#include "server/metrics/sketch_exact.h"
#include "tests/unit/metrics/sketch_samples.h"

#define FLOAT_BYTES (8 + 4 * SKETCH_EXACT_SAMPLES)
#define DOUBLE_BYTES (8 + 8 * SKETCH_EXACT_SAMPLES)

static bool same_bits(double a, double b)
{
    return sketch_bits(a) == sketch_bits(b);
}

/* As a daemon reads it from text. */
static double read_decimal(int64_t units, unsigned places)
{
    char text[32];
    snprintf(text, sizeof text, "%llde-%u", (long long)units, places);
    return strtod(text, NULL);
}

static double any_decimal(uint64_t *seed)
{
    uint64_t bits = random_next(seed);
    return read_decimal((int32_t)bits >> (bits >> 32 & 31), (unsigned)(bits >> 40) % 10);
}

/* Any of these have units at four places. */
static double few_places(uint64_t *seed)
{
    uint64_t bits = random_next(seed);
    return read_decimal((int64_t)(bits % 200000) - 99999, (unsigned)(bits >> 40) % 5);
}

static double look_alike(uint64_t *seed)
{
    return nextafter(any_decimal(seed), random_next(seed) % 2 ? HUGE_VAL : -HUGE_VAL);
}

static double beyond_32_bits(uint64_t *seed)
{
    return read_decimal((int64_t)random_next(seed) >> 12, random_next(seed) % 16);
}

static double any_float(uint64_t *seed)
{
    uint32_t bits = (uint32_t)random_next(seed);
    float value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? (double)value : -0.0;
}

static double eighths(uint64_t *seed)
{
    return (double)(random_next(seed) % 4000) / 8;
}

static double edges(uint64_t *seed)
{
    static const double values[] = {
        0.0,         -0.0,         2147483647, -2147483647, 2147483648, -2147483648.0, 2.147483647,
        2.147483648, 0.0000000001, 1e9,        0x1p53,      0x1p53 + 2, 0x1p-1074,     -0x1p-1022,
        1.7e308,     -1.7e308,     16777217,   1e-9,        -1e-9,      1e22};
    return values[random_next(seed) % (sizeof values / sizeof *values)];
}

/* Those that go together in four bytes are there more than once. */
static source *const mixed[] = {
    three_places, three_places, few_places, few_places,     few_places,    few_places,  eighths,
    eighths,      eighths,      any_float,  any_float,      whole_numbers, any_decimal, look_alike,
    edges,        any_double,   tiny,       beyond_32_bits, with_zeros,    lognormal,
};
#define MIXED (sizeof mixed / sizeof *mixed)

static struct sketch_exact *exact_of(const struct sample *samples, unsigned count,
                                     struct pool_cache *cache)
{
    struct sketch_exact *exact = NULL;
    for (unsigned i = 0; i < count; i++) {
        assert_true(sketch_exact_add(&exact, samples[i].value, samples[i].weight, cache));
    }
    return exact;
}

static void assert_holds(const struct sketch_exact *exact, const struct sample *samples,
                         unsigned count)
{
    double values[SKETCH_EXACT_SAMPLES];
    assert_int_equal(exact->count, count);
    sketch_exact_values(exact, values);
    for (unsigned i = 0; i < count; i++) {
        struct sketch_sample sample = sketch_exact_sample(exact, i);
        if (!same_bits(sample.value, samples[i].value) || !same_bits(values[i], sample.value)) {
            fail_msg("%.17g has become %.17g, %.17g", samples[i].value, sample.value, values[i]);
        }
        assert_true(sample.weight == samples[i].weight);
    }
}

/* Of one to three sources, each of which begins later than the one before, so that all that came
 * before has to find a new form. */
static unsigned draw_mixed(struct sample *samples, uint64_t *seed)
{
    unsigned count = 1 + random_next(seed) % SKETCH_EXACT_SAMPLES, begun = 1;
    unsigned weights = random_next(seed) % 4;
    source *from[3];
    for (unsigned i = 0; i < 3; i++) {
        from[i] = mixed[random_next(seed) % MIXED];
    }
    for (unsigned i = 0; i < count; i++) {
        begun += begun < 3 && random_next(seed) % 16 == 0;
        samples[i].value = from[random_next(seed) % begun](seed);
        samples[i].weight = weight_of(weights < 2 ? 0 : weights - 1, seed);
    }
    return count;
}

static void units_are_the_double_that_their_text_is_read_as(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned i = 0; i < 300000; i++) {
        uint64_t bits = random_next(&seed);
        int32_t units = (int32_t)bits >> (bits >> 32 & 31), found;
        units = i < 10 ? INT32_MAX : i < 20 ? -INT32_MAX : units == INT32_MIN ? 0 : units;
        unsigned places = i % 10;
        double value = read_decimal(units, places);
        assert_true(same_bits(sketch_decimal_value(units, places), value));
        assert_true(sketch_decimal_units(value, places, &found));
        assert_int_equal(found, units);
    }
}

static void places_are_those_that_the_value_has_units_at(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (unsigned i = 0; i < 200000; i++) {
        double value = mixed[i % MIXED](&seed);
        struct sketch_places places = SKETCH_PLACES_ANY;
        sketch_places_narrow(&places, value);
        for (int p = 0; p <= SKETCH_PLACES_MAX; p++) {
            int32_t units;
            bool has = sketch_decimal_units(value, (unsigned)p, &units);
            assert_int_equal(has, places.least <= p && p <= places.most);
        }
    }
}

static void samples_come_out_bit_for_bit(void **state)
{
    struct fixture *fixture = *state;
    struct sample samples[SKETCH_EXACT_SAMPLES];
    unsigned kinds[3] = {0};
    for (uint64_t i = 1; i <= 20000; i++) {
        uint64_t seed = i;
        unsigned count = draw_mixed(samples, &seed);
        struct sketch_exact *exact = exact_of(samples, count, fixture->cache);
        assert_holds(exact, samples, count);
        kinds[exact->kind]++;
        sketch_exact_free(exact, fixture->cache);
    }
    assert_true(kinds[SKETCH_FLOATS] > 1000 && kinds[SKETCH_DECIMALS] > 1000 &&
                kinds[SKETCH_DOUBLES] > 1000);
}

static void a_merge_is_both_bit_for_bit(void **state)
{
    struct fixture *fixture = *state;
    unsigned met[3][3] = {{0}};
    for (uint64_t i = 1; i <= 60000; i++) {
        struct sample samples[2 * SKETCH_EXACT_SAMPLES];
        uint64_t seed = i;
        unsigned first = draw_mixed(samples, &seed);
        unsigned second = draw_mixed(samples + first, &seed);
        if (first + second > SKETCH_EXACT_SAMPLES) {
            continue;
        }
        struct sketch_exact *into = exact_of(samples, first, fixture->cache);
        struct sketch_exact *from = exact_of(samples + first, second, fixture->cache);
        met[into->kind][from->kind]++;
        assert_true(sketch_exact_merge(&into, from, fixture->cache));
        assert_holds(into, samples, first + second);
        assert_holds(from, samples + first, second);
        sketch_exact_free(into, fixture->cache);
        sketch_exact_free(from, fixture->cache);
    }
    for (unsigned i = 0; i < 9; i++) {
        assert_true(met[i / 3][i % 3] > 100);
    }
}

static void assert_full_takes(struct fixture *fixture, const double *values, unsigned count,
                              size_t bytes)
{
    struct sample samples[SKETCH_EXACT_SAMPLES];
    for (unsigned i = 0; i < SKETCH_EXACT_SAMPLES; i++) {
        samples[i] = (struct sample){values[i % count], 1};
    }
    struct sketch_exact *exact = exact_of(samples, SKETCH_EXACT_SAMPLES, fixture->cache);
    assert_holds(exact, samples, SKETCH_EXACT_SAMPLES);
    assert_int_equal(sketch_exact_bytes(exact), bytes);
    sketch_exact_free(exact, fixture->cache);
}

static void decimals_take_four_bytes(void **state)
{
    static const double thousandths[] = {12.345, 0.012, 1999.999, -3.001, 7, 0};
    static const double of_more_and_more_places[] = {1.5, 0.25, 2, 0.1, 0.12, 1.123, 0.000000001};
    static const double whole[] = {16777217, 2147483647, -2147483647, 5};
    static const double floats[] = {0.5, 0x1p100, 0x1p-140};
    assert_full_takes(*state, thousandths, 6, FLOAT_BYTES);
    assert_full_takes(*state, of_more_and_more_places, 7, FLOAT_BYTES);
    assert_full_takes(*state, whole, 4, FLOAT_BYTES);
    assert_full_takes(*state, floats, 3, FLOAT_BYTES);
}

static void other_doubles_take_eight(void **state)
{
    const double like_a_decimal[] = {12.345, nextafter(12.345, 13)};
    static const double wide_apart[] = {3000000.5, 0.001};
    static const double float_beside[] = {0x1p100, 0.1};
    static const double ten_places[] = {0.0000000001};
    assert_full_takes(*state, like_a_decimal, 2, DOUBLE_BYTES);
    assert_full_takes(*state, wide_apart, 2, DOUBLE_BYTES);
    assert_full_takes(*state, float_beside, 2, DOUBLE_BYTES);
    assert_full_takes(*state, ten_places, 1, DOUBLE_BYTES);
}

static void minus_zero_stays_minus_zero(void **state)
{
    static const double beside_floats[] = {-0.0, 0.0, 0.5};
    static const double beside_decimals[] = {12.345, 0.0, -0.0};
    static const double before_decimals[] = {-0.0, 12.345};
    assert_full_takes(*state, beside_floats, 3, FLOAT_BYTES);
    assert_full_takes(*state, beside_decimals, 3, DOUBLE_BYTES);
    assert_full_takes(*state, before_decimals, 2, DOUBLE_BYTES);
}

static void a_change_of_form_refused_at_the_budget_changes_nothing(void **state)
{
    (void)state;
    static const double changes[][2] = {{0.5, 0.1}, {0.1, 0.01}, {0.1, 0x1p-30}, {0.5, -1e-300}};
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        struct pool *pool = pool_new(1 << 16);
        struct pool_cache *cache = pool_cache_new(pool);
        struct sample samples[] = {{changes[c][0], 1}, {changes[c][0] * 2, 1}};
        struct sketch_exact *exact = exact_of(samples, 2, cache), *other = exact;
        size_t bytes = sketch_exact_bytes(exact);
        while (other) {
            other = NULL;
            sketch_exact_add(&other, changes[c][0], 1, cache);
        }
        while (pool_take(cache, 56)) {
        }
        assert_false(sketch_exact_add(&exact, changes[c][1], 1, cache));
        assert_holds(exact, samples, 2);
        assert_int_equal(sketch_exact_bytes(exact), bytes);
        sketch_exact_free(exact, cache);
        pool_cache_free(cache);
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_the_double_that_their_text_is_read_as),
        cmocka_unit_test(places_are_those_that_the_value_has_units_at),
        cmocka_unit_test(samples_come_out_bit_for_bit),
        cmocka_unit_test(a_merge_is_both_bit_for_bit),
        cmocka_unit_test(decimals_take_four_bytes),
        cmocka_unit_test(other_doubles_take_eight),
        cmocka_unit_test(minus_zero_stays_minus_zero),
        cmocka_unit_test(a_change_of_form_refused_at_the_budget_changes_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
