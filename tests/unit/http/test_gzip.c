/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "server/http/gzip.h"

#define TEXT_BYTES 300000

/* Lines that repeat, so that the second part would gain by looking back into the first. */
static char *make_text(size_t length)
{
    static const char line[] = "# TYPE service_requests_total counter\n";
    char *text = malloc(length + 1);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++) {
        text[i] = i % 977 == 0 ? (char)('a' + i / 977 % 26) : line[i % (sizeof(line) - 1)];
    }
    return text;
}

static struct gzip_part pack(const char *bytes, size_t length, size_t piece)
{
    struct gzip_writer *writer = gzip_begin();
    assert_non_null(writer);
    for (size_t at = 0; at < length; at += piece) {
        assert_true(gzip_add(writer, bytes + at, length - at < piece ? length - at : piece));
    }
    struct gzip_part part = gzip_end(writer, true);
    assert_non_null(part.body);
    return part;
}

/* zlib's own reader: one member, whose checksum and length it verifies, and nothing behind. */
static size_t unpack(struct evbuffer *from, char *out, size_t capacity)
{
    z_stream stream = {0};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.avail_in = (uInt)evbuffer_get_length(from);
    stream.next_in = evbuffer_pullup(from, -1);
    stream.avail_out = (uInt)capacity;
    stream.next_out = (Bytef *)out;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    size_t length = capacity - stream.avail_out;
    inflateEnd(&stream);
    return length;
}

static void assert_joins(size_t first_length, size_t last_length, size_t piece)
{
    char *text = make_text(first_length + last_length);
    char *again = malloc(first_length + last_length + 1);
    struct evbuffer *out = evbuffer_new();
    assert_non_null(again);
    assert_non_null(out);
    struct gzip_part last = pack(text + first_length, last_length, piece);
    for (int i = 0; i < 2; i++) {
        assert_true(gzip_join(text, first_length, &last, out));
        assert_int_equal(unpack(out, again, first_length + last_length + 1),
                         first_length + last_length);
        assert_memory_equal(again, text, first_length + last_length);
        evbuffer_drain(out, evbuffer_get_length(out));
    }
    body_unref(last.body);
    evbuffer_free(out);
    free(again);
    free(text);
}

static void a_part_joined_again_and_again_is_one_member(void **state)
{
    (void)state;
    assert_joins(TEXT_BYTES, TEXT_BYTES, TEXT_BYTES);
    assert_joins(TEXT_BYTES, TEXT_BYTES, 1000);
    assert_joins(3000, TEXT_BYTES, 65536);
}

static void either_part_may_be_empty(void **state)
{
    (void)state;
    assert_joins(0, 1000, 100);
    assert_joins(1000, 0, 100);
    assert_joins(0, 0, 100);
}

static void an_abandoned_writer_is_gone(void **state)
{
    (void)state;
    struct gzip_writer *writer = gzip_begin();
    assert_true(gzip_add(writer, "text", 4));
    gzip_abandon(writer);
    gzip_abandon(NULL);
}

static void the_header_decides(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool accepted;
    } all[] = {
        {NULL, false},
        {"", false},
        {"identity", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"deflate, gzip", true},
        {"deflate,gzip;q=1.0, *;q=0.5", true},
        {"gzip;q=0.001", true},
        {"gzip;q=0", false},
        {"gzip ; q=0.000", false},
        {"gzip; Q=0, *", false},
        {"*", true},
        {"*;q=0", false},
        {"br, *;q=0.1", true},
        {"identity;q=1, *;q=0", false},
        {"gzipped", false},
        {"br, gzi", false},
        {", ,gzip", true},
        {"gzip;", true},
        {"gzip;q=", false},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(gzip_is_accepted(all[i].header), all[i].accepted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_joined_again_and_again_is_one_member),
        cmocka_unit_test(either_part_may_be_empty),
        cmocka_unit_test(an_abandoned_writer_is_gone),
        cmocka_unit_test(the_header_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
