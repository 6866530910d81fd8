/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/modules/tracing/otlp.h"

static json_t *render_spans(const struct trace *traces, size_t count, json_t **root)
{
    const struct otlp_resource resource = {.host_name = "h\"1"};
    struct buffer out = {0};
    otlp_render(&resource, traces, count, &out);
    assert_false(out.failed);
    *root = json_loadb(out.bytes, out.length, JSON_REJECT_DUPLICATES, NULL);
    buffer_deinit(&out);
    assert_non_null(*root);
    json_t *part = json_array_get(json_object_get(*root, "resourceSpans"), 0);
    json_t *scope = json_array_get(json_object_get(part, "scopeSpans"), 0);
    return json_object_get(scope, "spans");
}

static const char *text_of(json_t *span, const char *key)
{
    return json_string_value(json_object_get(span, key));
}

static void spans_have_the_times_of_the_stages_that_ran(void **state)
{
    struct trace trace = {
        .stages = {.window = 7,
                   .wall_ns = 1764316800000000000,
                   .begun_ns = 1000,
                   .ended_ns = 5000,
                   .stages = {[STAGE_DERIVE] = {1500, 2500}, [STAGE_PUBLISH] = {3000, 4999}}},
        .trace_id = {0xab, [15] = 0x01},
        .span_ids = {{0x01}, {0x02}, {0x03}, {0x04}, {0x05}, {0x06}, {0x07}},
    };
    json_t *root, *spans = render_spans(&trace, 1, &root);
    (void)state;
    assert_int_equal(json_array_size(spans), 3);
    json_t *flush = json_array_get(spans, 0), *derive = json_array_get(spans, 1);
    assert_string_equal(text_of(flush, "name"), "flush");
    assert_null(json_object_get(flush, "parentSpanId"));
    assert_string_equal(text_of(flush, "traceId"), "ab000000000000000000000000000001");
    assert_string_equal(text_of(flush, "startTimeUnixNano"), "1764316800000000000");
    assert_string_equal(text_of(flush, "endTimeUnixNano"), "1764316800000004000");
    assert_string_equal(text_of(derive, "name"), "derive");
    assert_string_equal(text_of(derive, "parentSpanId"), "0100000000000000");
    assert_string_equal(text_of(derive, "startTimeUnixNano"), "1764316800000000500");
    assert_string_equal(text_of(derive, "endTimeUnixNano"), "1764316800000001500");
    assert_string_equal(text_of(json_array_get(spans, 2), "name"), "publish");
    json_decref(root);
}

static void several_windows_are_several_traces(void **state)
{
    struct trace traces[3] = {
        {.stages = {.window = 1}}, {.stages = {.window = 2}}, {.stages = {.window = 3}}};
    json_t *root, *spans;
    (void)state;
    traces[1].trace_id[0] = 1;
    spans = render_spans(traces, 3, &root);
    assert_int_equal(json_array_size(spans), 3);
    assert_string_not_equal(text_of(json_array_get(spans, 0), "traceId"),
                            text_of(json_array_get(spans, 1), "traceId"));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_have_the_times_of_the_stages_that_ran),
        cmocka_unit_test(several_windows_are_several_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
