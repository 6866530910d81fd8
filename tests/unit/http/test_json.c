/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "server/http/json.h"

static json_t *parse(struct buffer *out)
{
    assert_false(out->failed);
    json_t *value = json_loadb(out->bytes, out->length, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void puts_commas_where_they_belong(void **state)
{
    struct buffer out = {0};
    struct json json = json_writer(&out);
    (void)state;
    json_begin_object(&json);
    json_put_key(&json, "empty");
    json_begin_array(&json);
    json_end_array(&json);
    json_put_key(&json, "rows");
    json_begin_array(&json);
    for (int i = 0; i < 2; i++) {
        json_begin_object(&json);
        json_member_integer(&json, "i", (uint64_t)i);
        json_member_boolean(&json, "b", i == 0);
        json_end_object(&json);
    }
    json_put_raw(&json, "{}", 2);
    json_end_array(&json);
    json_member_string(&json, "end", "");
    json_end_object(&json);
    buffer_append(&out, "", 1);
    assert_string_equal(out.bytes,
                        "{\"empty\":[],\"rows\":[{\"i\":0,\"b\":true},{\"i\":1,\"b\":false},"
                        "{}],\"end\":\"\"}");
    buffer_deinit(&out);
}

static void numbers_that_json_lacks_are_null(void **state)
{
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buffer out = {0};
        struct json json = json_writer(&out);
        json_put_number(&json, values[i]);
        json_t *read = parse(&out);
        assert_true(json_is_null(read));
        json_decref(read);
        buffer_deinit(&out);
    }
}

static void numbers_come_back_as_they_were(void **state)
{
    static const double values[] = {0, -1.5, 0.1, 1e300, 5e-324, 123456789012345.0};
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct buffer out = {0};
        struct json json = json_writer(&out);
        json_put_number(&json, values[i]);
        json_t *read = parse(&out);
        assert_true(json_number_value(read) == values[i]);
        json_decref(read);
        buffer_deinit(&out);
    }
}

static void integers_are_exact_to_the_largest(void **state)
{
    struct buffer out = {0};
    struct json json = json_writer(&out);
    (void)state;
    json_begin_array(&json);
    json_put_integer(&json, 0);
    json_put_integer(&json, UINT64_MAX);
    json_end_array(&json);
    buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, "[0,18446744073709551615]");
    buffer_deinit(&out);
}

static void any_bytes_make_a_legal_string(void **state)
{
    char bytes[256];
    struct buffer out = {0};
    struct json json = json_writer(&out);
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)i;
    }
    json_begin_object(&json);
    json_put_key_bytes(&json, bytes + 1, sizeof(bytes) - 1);
    json_put_string_bytes(&json, bytes + 1, sizeof(bytes) - 1);
    json_end_object(&json);
    json_t *read = parse(&out);
    assert_int_equal(json_object_size(read), 1);
    json_decref(read);
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_where_they_belong),
        cmocka_unit_test(numbers_that_json_lacks_are_null),
        cmocka_unit_test(numbers_come_back_as_they_were),
        cmocka_unit_test(integers_are_exact_to_the_largest),
        cmocka_unit_test(any_bytes_make_a_legal_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
