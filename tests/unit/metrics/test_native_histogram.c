/* SPDX-License-Identifier: MIT */
#include "server/metrics/native_histogram.h"

#include "tests/unit/metrics/sketch_samples.h"

#define SAMPLES_MAX 20000

static struct native_histogram *made(struct native_histogram *histogram, int schema,
                                     unsigned buckets_max, const struct sketch *sketch, double unit)
{
    struct native_limits limits = {schema, buckets_max};
    assert_true(native_histogram_init(histogram, &limits));
    native_histogram_make(histogram, sketch, unit, 5);
    return histogram;
}

/* A reader's view, as https://prometheus.io/docs/specs/native_histograms/ has it. */
static size_t read_side(const struct native_side *side, struct native_bucket *buckets)
{
    size_t count = 0, at = 0;
    int64_t index = 0, value = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        assert_true(i == 0 || side->spans[i].offset > 0);
        index += side->spans[i].offset;
        for (uint32_t j = 0; j < side->spans[i].length; j++, index++) {
            value += side->deltas[at++];
            assert_true(value >= 0);
            if (value > 0) {
                buckets[count++] = (struct native_bucket){(int32_t)index, value};
            }
        }
    }
    assert_int_equal(at, side->delta_count);
    return count;
}

static double bound_of(int64_t index, int schema)
{
    return exp2((double)index * exp2(-schema));
}

/* Counts by brute force the samples of each bucket a reader sees; `slack` is for the unit. */
static void check_side(const struct native_histogram *histogram, const double *samples,
                       size_t sample_count, double sign, double slack)
{
    static struct native_bucket buckets[NATIVE_BUCKETS_MAX];
    size_t count = read_side(sign < 0 ? &histogram->negative : &histogram->positive, buckets);
    for (size_t i = 0; i < count; i++) {
        double upper = bound_of(buckets[i].index, histogram->schema);
        double lower = bound_of(buckets[i].index - 1, histogram->schema);
        int64_t surely = 0, possibly = 0;
        for (size_t j = 0; j < sample_count; j++) {
            double value = samples[j] * sign;
            surely += value > lower * (1 + slack) && value <= upper * (1 - slack);
            possibly += value > lower * (1 - slack) && value <= upper * (1 + slack);
        }
        assert_in_range(buckets[i].count, surely, possibly);
    }
}

static void holds_every_sample_in_its_bucket(void **state)
{
    struct fixture *fixture = *state;
    static double samples[SAMPLES_MAX];
    static const size_t counts[] = {1, 5, 64, 65, 200, 3000, SAMPLES_MAX};
    static const double units[] = {1, 8, 1000};
    uint64_t seed = 7;
    for (size_t i = 0; i < 4 * 3 * 7; i++) {
        size_t count = counts[i % 7];
        double unit = units[i / 7 % 3];
        double spread = i / 21 % 2 ? 0.3 : 3;
        unsigned buckets_max = i / 42 % 2 ? 20 : 4096;
        struct sketch *sketch = NULL;
        int64_t zeros = 0;
        for (size_t j = 0; j < count; j++) {
            double sent = exp((random_unit(&seed) - 0.5) * 2 * spread) * 100;
            uint64_t kind = random_next(&seed) % 10;
            sent = kind == 0 ? 0 : kind < 3 ? -sent : sent;
            zeros += sent == 0;
            assert_true(sketch_add(&sketch, sent, 1, fixture->cache));
            samples[j] = sent / unit;
        }
        struct native_histogram histogram;
        made(&histogram, 8, buckets_max, sketch, unit);
        assert_int_equal(histogram.count, count);
        assert_int_equal(histogram.zero_count, zeros);
        assert_true(histogram.sum == 5 / unit);
        assert_true(histogram.negative.bucket_count + histogram.positive.bucket_count <=
                    buckets_max);
        check_side(&histogram, samples, count, 1, 0.0028);
        check_side(&histogram, samples, count, -1, 0.0028);
        native_histogram_deinit(&histogram);
        sketch_free(&sketch, fixture->cache);
    }
}

static void bounds_of_a_power_of_two_are_exact(void **state)
{
    struct fixture *fixture = *state;
    static const double sent[] = {0.5, 1, 1, 2, 4, 4, 4, -8};
    struct sketch *sketch = NULL;
    for (size_t i = 0; i < 8; i++) {
        assert_true(sketch_add(&sketch, sent[i], 1, fixture->cache));
    }
    struct native_histogram histogram;
    struct native_bucket buckets[8];
    made(&histogram, 0, 160, sketch, 1);
    assert_int_equal(histogram.schema, 0);
    assert_int_equal(read_side(&histogram.positive, buckets), 4);
    static const struct native_bucket expected[] = {{-1, 1}, {0, 2}, {1, 1}, {2, 3}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(buckets[i].index, expected[i].index);
        assert_int_equal(buckets[i].count, expected[i].count);
    }
    assert_int_equal(histogram.positive.span_count, 1);
    assert_int_equal(read_side(&histogram.negative, buckets), 1);
    assert_int_equal(buckets[0].index, 3);
    native_histogram_deinit(&histogram);
    sketch_free(&sketch, fixture->cache);
}

static void the_empty_sketch_has_no_buckets(void **state)
{
    (void)state;
    struct native_histogram histogram;
    made(&histogram, 8, 160, NULL, 1000);
    assert_int_equal(histogram.count, 0);
    assert_int_equal(histogram.positive.span_count + histogram.negative.span_count, 0);
    assert_true(histogram.zero_threshold > 0);
    native_histogram_deinit(&histogram);
}

static void the_range_of_a_double_fits_few_buckets(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *sketch = NULL;
    for (int exponent = -1022; exponent < 1023; exponent++) {
        assert_true(sketch_add(&sketch, exponent % 2 ? ldexp(1, exponent) : -ldexp(1, exponent), 1,
                               fixture->cache));
    }
    struct native_histogram histogram;
    made(&histogram, 8, 8, sketch, 1000);
    assert_int_equal(histogram.schema, NATIVE_SCHEMA_MIN);
    assert_int_equal(histogram.count, 2045);
    /* 2^-119 / 1000 is the largest within the threshold. */
    assert_int_equal(histogram.zero_count, 1022 - 118);
    assert_true(histogram.positive.bucket_count + histogram.negative.bucket_count <=
                NATIVE_BUCKETS_LOWEST);
    native_histogram_deinit(&histogram);
    sketch_free(&sketch, fixture->cache);
}

static void counts_stop_at_the_top(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *sketch = NULL;
    for (int i = 0; i < 100; i++) {
        assert_true(sketch_add(&sketch, 1 + i % 2, 1e18, fixture->cache));
    }
    struct native_histogram histogram;
    made(&histogram, 8, 160, sketch, 1);
    assert_true(histogram.count == INT64_MAX);
    native_histogram_deinit(&histogram);
    sketch_free(&sketch, fixture->cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_every_sample_in_its_bucket),
        cmocka_unit_test(bounds_of_a_power_of_two_are_exact),
        cmocka_unit_test(the_empty_sketch_has_no_buckets),
        cmocka_unit_test(the_range_of_a_double_fits_few_buckets),
        cmocka_unit_test(counts_stop_at_the_top),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
