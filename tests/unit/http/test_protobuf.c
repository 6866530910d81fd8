/* SPDX-License-Identifier: MIT */
#include "server/http/protobuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/http/label_text.h"

#define assert_bytes(out, expected)                                 \
    do {                                                            \
        assert_false((out)->failed);                                \
        assert_int_equal((out)->length, sizeof(expected) - 1);      \
        assert_memory_equal((out)->bytes, expected, (out)->length); \
        (out)->length = 0;                                          \
    } while (0)

/* The examples of https://protobuf.dev/programming-guides/encoding/, and the ends of each range. */
static void writes_the_documented_bytes(void **state)
{
    struct buffer out = {0};
    (void)state;
    protobuf_unsigned(&out, 1, 150);
    assert_bytes(&out, "\x08\x96\x01");
    protobuf_bytes(&out, 2, "testing", 7);
    assert_bytes(&out, "\x12\x07testing");
    protobuf_bytes(&out, 16, NULL, 0);
    assert_bytes(&out, "\x82\x01\x00");
    protobuf_signed(&out, 1, -2);
    assert_bytes(&out, "\x08\x03");
    protobuf_signed(&out, 1, INT64_MIN);
    assert_bytes(&out, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    protobuf_double(&out, 1, 1);
    assert_bytes(&out, "\x09\0\0\0\0\0\0\xf0\x3f");
    protobuf_signed_list(&out, 3, (const int64_t[]){0, -1, 1, 64}, 4);
    assert_bytes(&out, "\x1a\x05\x00\x01\x02\x80\x01");
    protobuf_signed_list(&out, 3, NULL, 0);
    assert_int_equal(out.length, 0);
    buffer_deinit(&out);
}

static void messages_stand_behind_their_length(void **state)
{
    struct buffer out = {0};
    (void)state;
    size_t alone = protobuf_begin(&out, 0);
    size_t inner = protobuf_begin(&out, 3);
    protobuf_unsigned(&out, 1, 150);
    protobuf_end(&out, inner);
    inner = protobuf_begin(&out, 4);
    protobuf_end(&out, inner);
    protobuf_end(&out, alone);
    assert_bytes(&out, "\x07\x1a\x03\x08\x96\x01\x22\x00");
    buffer_deinit(&out);
}

/* Whatever bytes a length takes, it is the length. */
static void lengths_of_any_size_are_read_back(void **state)
{
    static const size_t sizes[] = {0, 120, 127, 128, 16370, 16383, 16384, 16390, 3000000};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct buffer out = {0};
        char *bytes = calloc(1, sizes[i] + 1);
        memset(bytes, 'x', sizes[i]);
        size_t begun = protobuf_begin(&out, 0);
        buffer_append(&out, bytes, sizes[i]);
        protobuf_end(&out, begun);
        size_t length = 0, at = 0;
        unsigned shift = 0;
        do {
            length |= (size_t)(out.bytes[at] & 0x7F) << shift;
            shift += 7;
        } while (out.bytes[at++] & 0x80);
        assert_int_equal(length, sizes[i]);
        assert_int_equal(out.length, at + length);
        assert_memory_equal(out.bytes + at, bytes, length);
        free(bytes);
        buffer_deinit(&out);
    }
}

static void labels_are_taken_apart_again(void **state)
{
    static const char text[] = "a=\"x\",b=\"q\\\"u\\\\o\\nte,=\",c=\"\"";
    struct label_text labels = {text, text + strlen(text)};
    struct buffer value = {0};
    const char *key;
    size_t length;
    (void)state;
    assert_true(label_text_next(&labels, &key, &length, &value));
    assert_memory_equal(key, "a", length);
    assert_bytes(&value, "x");
    assert_true(label_text_next(&labels, &key, &length, &value));
    assert_memory_equal(key, "b", length);
    assert_bytes(&value, "q\"u\\o\nte,=");
    assert_true(label_text_next(&labels, &key, &length, &value));
    assert_memory_equal(key, "c", length);
    assert_int_equal(value.length, 0);
    assert_false(label_text_next(&labels, &key, &length, &value));
    buffer_deinit(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_documented_bytes),
        cmocka_unit_test(messages_stand_behind_their_length),
        cmocka_unit_test(lengths_of_any_size_are_read_back),
        cmocka_unit_test(labels_are_taken_apart_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
