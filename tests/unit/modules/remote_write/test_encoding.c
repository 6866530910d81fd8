/* SPDX-License-Identifier: MIT
 *
 * The bytes of labels, samples and histograms, against what Prometheus' prompb makes of the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/modules/remote_write/labels.h"
#include "server/modules/remote_write/samples.h"

static void assert_hex(struct buffer *out, const char *expected)
{
    char text[2048] = "";
    assert_false(out->failed);
    assert_true(out->length * 2 < sizeof(text));
    for (size_t i = 0; i < out->length; i++) {
        snprintf(text + 2 * i, 3, "%02x", (unsigned char)out->bytes[i]);
    }
    assert_string_equal(text, expected);
    buffer_deinit(out);
}

static void a_sample_is_its_value_and_its_stamp(void **state)
{
    (void)state;
    struct buffer out = {0};
    samples_encode_value(&out, 1.5, 1700000000500);
    assert_hex(&out, "1210"
                     "09000000000000f83f"
                     "10f4d395ffbc31");
}

static void the_end_of_a_series_is_the_stale_nan(void **state)
{
    (void)state;
    struct buffer out = {0};
    samples_encode_stale_value(&out, 1);
    assert_hex(&out, "120b"
                     "09020000000000f07f"
                     "1001");
}

static void a_histogram_has_spans_and_differences(void **state)
{
    (void)state;
    struct native_span spans[] = {{-3, 2}, {1, 1}};
    int64_t deltas[] = {2, -1, 3};
    struct native_histogram native = {
        .schema = 8, .zero_threshold = 0.5, .zero_count = 4, .count = 11, .sum = -2};
    native.positive =
        (struct native_side){.spans = spans, .deltas = deltas, .span_count = 2, .delta_count = 3};
    struct buffer out = {0};
    samples_encode_histogram(&out, &native, 5);
    assert_hex(&out, "222b"
                     "080b"
                     "1900000000000000c0"
                     "2010"
                     "29000000000000e03f"
                     "3004"
                     "5a0408051002"
                     "5a0408021001"
                     "6203040106"
                     "7805");
}

static void assert_labels(const char *own_text, const char *labels, const char *expected)
{
    struct own_labels own;
    struct label_writer writer = {0};
    struct buffer out = {0};
    char reason[128];
    char text[512] = "";
    assert_true(own_labels_parse(&own, own_text, reason, sizeof(reason)));
    labels_encode(&writer, &own, "up", 2, labels, strlen(labels), &out);
    for (size_t at = 0; at < out.length;) {
        /* 0a LENGTH 0a LENGTH NAME 12 LENGTH VALUE, all short */
        const char *name = out.bytes + at + 4;
        int name_length = out.bytes[at + 3];
        const char *value = name + name_length + 2;
        int value_length = name[name_length + 1];
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%.*s=%.*s ", name_length, name, value_length,
                 value);
        at += 2 + (size_t)out.bytes[at + 1];
    }
    assert_string_equal(text, expected);
    buffer_deinit(&out);
    label_writer_deinit(&writer);
    own_labels_deinit(&own);
}

static void labels_are_sorted_and_those_of_the_configuration_hold(void **state)
{
    (void)state;
    assert_labels("", "", "__name__=up ");
    assert_labels("instance=x", "", "__name__=up instance=x ");
    assert_labels(" b = 2 ,a=1,", "Z=\"z\",c=\"3\"", "Z=z __name__=up a=1 b=2 c=3 ");
    assert_labels("a=1", "a=\"theirs\"", "__name__=up a=1 exported_a=theirs ");
    assert_labels("a=1", "b=\"\",c=\"q\\\"\\\\\\n\"", "__name__=up a=1 c=q\"\\\n ");
}

static void wrong_labels_are_refused_with_the_reason(void **state)
{
    (void)state;
    const struct {
        const char *text, *reason;
    } cases[] = {
        {"a", "remote_write.labels: 'a' is not NAME=VALUE"},
        {"a-b=1", "remote_write.labels: 'a-b=1' has no name that Prometheus allows"},
        {"9=1", "remote_write.labels: '9=1' has no name that Prometheus allows"},
        {"__name__=x", "remote_write.labels: '__name__=x' has no name that Prometheus allows"},
        {"a=1, a=2", "remote_write.labels: 'a=2' is there twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct own_labels own;
        char reason[128];
        assert_false(own_labels_parse(&own, cases[i].text, reason, sizeof(reason)));
        assert_string_equal(reason, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_its_value_and_its_stamp),
        cmocka_unit_test(the_end_of_a_series_is_the_stale_nan),
        cmocka_unit_test(a_histogram_has_spans_and_differences),
        cmocka_unit_test(labels_are_sorted_and_those_of_the_configuration_hold),
        cmocka_unit_test(wrong_labels_are_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
