/* SPDX-License-Identifier: MIT
 *
 * Type texts as etsy statsd takes them: what is not ms, g or s counts, on every path of the parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/statsd.h"

static size_t read(struct statsd_parser *parser, const char *text, struct statsd_item *items,
                   size_t capacity)
{
    statsd_parser_feed(parser, text, (uint32_t)strlen(text));
    return statsd_parser_read(parser, items, capacity);
}

static void every_unknown_type_counts(void **state)
{
    static const char *const lines[] = {"x:2|c",  "x:2|h", "x:2|d",  "x:2|m|@1",     "x:2|nonsense",
                                        "x:2|",   "x:2|C", "x:2|kv", "x:2|c\r",      "x:2|h|#a:b",
                                        "x:2|t#", "x:2|",  "x:2|MS", "x:2|h|@1|#a:b"};
    struct statsd_item item;
    (void)state;
    for (int path = 0; path < STATSD_PATHS; path++) {
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
            struct statsd_parser parser;
            statsd_parser_init(&parser, STATSD_ETSY);
            statsd_parser_loosen_types(&parser);
            if (!statsd_parser_select(&parser, (enum statsd_path)path)) {
                continue;
            }
            print_message("%s\n", lines[i]);
            assert_int_equal(read(&parser, lines[i], &item, 1), 1);
            assert_int_equal(item.kind, STATSD_SAMPLE);
            assert_int_equal(item.type, STATSD_COUNTER);
            assert_true(item.value == 2);
        }
    }
}

static void known_types_stay(void **state)
{
    struct statsd_parser parser;
    struct statsd_item items[8];
    (void)state;
    statsd_parser_init(&parser, STATSD_ETSY);
    statsd_parser_loosen_types(&parser);
    assert_int_equal(
        read(&parser, "a:1|ms\r\nb:+1|g\r\nc:m|s\r\nd:1|ms|@0.5\r\ne:1|ms:2|h", items, 8), 6);
    static const enum statsd_type types[] = {STATSD_TIMER, STATSD_GAUGE, STATSD_SET,
                                             STATSD_TIMER, STATSD_TIMER, STATSD_COUNTER};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(items[i].kind, STATSD_SAMPLE);
        assert_int_equal(items[i].type, types[i]);
    }
    assert_true(items[1].delta && items[3].rate == 0.5);
}

static void what_is_no_sample_stays_refused(void **state)
{
    static const char *const lines[] = {"x", "x:1", "x:y|h", "x:1|c|0.5", ":1|q", "x:-1|ms"};
    struct statsd_parser parser;
    struct statsd_item item;
    (void)state;
    statsd_parser_init(&parser, STATSD_ETSY);
    statsd_parser_loosen_types(&parser);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        print_message("%s\n", lines[i]);
        assert_int_equal(read(&parser, lines[i], &item, 1), 1);
        assert_int_equal(item.kind, STATSD_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unknown_type_counts),
        cmocka_unit_test(known_types_stay),
        cmocka_unit_test(what_is_no_sample_stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
