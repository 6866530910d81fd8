/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/statsd.h"

#define ITEMS_MAX 256

struct reading {
    char *bytes; /* an exact-size heap copy: the sanitizer sees a step outside */
    struct statsd_item items[ITEMS_MAX];
    struct statsd_details details; /* of the first item, unless it is a refusal */
    size_t count;
    struct statsd_tally tally;
};

static void read_bytes(struct reading *reading, enum statsd_dialect dialect, const char *bytes,
                       size_t length)
{
    reading->bytes = malloc(length > 0 ? length : 1);
    assert_non_null(reading->bytes);
    memcpy(reading->bytes, bytes, length);
    struct statsd_parser parser;
    statsd_parser_init(&parser, dialect);
    statsd_parser_feed(&parser, reading->bytes, (uint32_t)length);
    reading->count = 0;
    for (;;) {
        size_t count = statsd_parser_read(&parser, &reading->items[reading->count], 3);
        if (count == 0) {
            break;
        }
        reading->count += count;
        assert_true(reading->count + 3 <= ITEMS_MAX);
    }
    reading->tally = parser.tally;
    if (reading->count > 0 && reading->items[0].kind != STATSD_REFUSED) {
        statsd_parser_details(&parser, &reading->items[0], &reading->details);
    }
}

static void read_text(struct reading *reading, enum statsd_dialect dialect, const char *text)
{
    read_bytes(reading, dialect, text, strlen(text));
}

static void assert_span(const struct reading *reading, struct span span, const char *expected)
{
    assert_int_equal(span.length, strlen(expected));
    assert_memory_equal(reading->bytes + span.offset, expected, span.length);
}

/* One line a case: its samples and refusals as text, `value/rate` or `!reason`, parted by blanks.
 */
struct line_case {
    const char *line;
    const char *etsy;
    const char *lenient; /* every dialect but etsy and graphite */
};

static void describe(const struct reading *reading, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < reading->count; i++) {
        const struct statsd_item *item = &reading->items[i];
        size_t used = strlen(out);
        const char *gap = i > 0 ? " " : "";
        if (item->kind == STATSD_REFUSED) {
            snprintf(out + used, size - used, "%s!%s", gap,
                     statsd_reason_name((enum statsd_reason)item->reason));
        } else if (item->type == STATSD_SET) {
            snprintf(out + used, size - used, "%s%.*s/%g:s", gap, (int)item->text.length,
                     reading->bytes + item->text.offset, item->rate);
        } else {
            snprintf(out + used, size - used, "%s%g/%g:%s", gap, item->value, item->rate,
                     statsd_type_name((enum statsd_type)item->type));
        }
    }
}

/* Whether values of any type may be packed; timers may be in all that are not strict. */
static bool packs_all(int dialect)
{
    return dialect != STATSD_INFLUXDB && dialect != STATSD_SIGNALFX && dialect != STATSD_LIBRATO;
}

static void check_lines(const struct line_case *cases, size_t count, bool packed)
{
    static struct reading reading;
    for (size_t i = 0; i < count; i++) {
        for (int dialect = 0; dialect < STATSD_DIALECTS; dialect++) {
            if (packed && !packs_all(dialect)) {
                continue;
            }
            char found[512];
            read_text(&reading, (enum statsd_dialect)dialect, cases[i].line);
            describe(&reading, found, sizeof found);
            bool strict = dialect == STATSD_ETSY || dialect == STATSD_GRAPHITE;
            const char *expected = strict ? cases[i].etsy : cases[i].lenient;
            if (strcmp(found, expected) != 0) {
                print_error("dialect %d, line: %s\n", dialect, cases[i].line);
            }
            assert_string_equal(found, expected);
            free(reading.bytes);
        }
    }
}

#define CHECK_LINES(cases) check_lines(cases, sizeof(cases) / sizeof(cases)[0], false)
#define CHECK_PACKED(cases) check_lines(cases, sizeof(cases) / sizeof(cases)[0], true)

static void reads_every_type(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"a:1|c", "1/1:c", "1/1:c"},
        {"a:2.5|g", "2.5/1:g", "2.5/1:g"},
        {"a:3|ms", "3/1:ms", "3/1:ms"},
        {"a:-4|h", "-4/1:h", "-4/1:h"},
        {"a:5e-1|d", "0.5/1:d", "0.5/1:d"},
        {"a:x y|s", "x y/1:s", "x y/1:s"},
        {"a:1|m", "!unknown_type", "!unknown_type"},
        {"a:1|msx", "!unknown_type", "!unknown_type"},
        {"a:1|C", "!unknown_type", "!unknown_type"},
        {"a:1|c ", "!unknown_type", "!unknown_type"},
    };
    CHECK_LINES(cases);
}

static void names_the_reason_of_each_refusal(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"hello", "!no_colon", "!no_colon"},
        {":1|c", "!empty_name", "!empty_name"},
        {"a|b:1|c", "!bad_name", "!bad_name"},
        {"a:1", "!no_type", "!no_type"},
        {"a:1|", "!no_type", "!no_type"},
        {"a:1||", "!no_type", "!no_type"},
        {"a:", "!empty_value", "!empty_value"},
        {"a:|c", "!empty_value", "!empty_value"},
        {"a:|s", "!empty_value", "!empty_value"},
        {"a:x|c", "!bad_value", "!bad_value"},
        {"a:0x10|c", "!bad_value", "!bad_value"},
        {"a:1_000|c", "!bad_value", "!bad_value"},
        {"a: 1|c", "!bad_value", "!bad_value"},
        {"a:NaN|g", "!bad_value", "!bad_value"},
        {"a:inf|g", "!bad_value", "!bad_value"},
        {"a:1e400|g", "!bad_value", "!bad_value"},
        {"a:-1|ms", "!negative_timer", "!negative_timer"},
        {"a:1|c|@0", "!bad_rate", "!bad_rate"},
        {"a:1|c|@1.5", "!bad_rate", "!bad_rate"},
        {"a:1|c|@-0.5", "!bad_rate", "!bad_rate"},
        {"a:1|c|@Infinity", "!bad_rate", "!bad_rate"},
        {"a:1|c|@", "!bad_rate", "!bad_rate"},
        {"a:1|c|@0.5|@0.5", "!bad_section", "!bad_section"},
        {"a:1|c|#x|#y", "!bad_section", "!bad_section"},
        {"tag:1|c#a:5|c", "!unknown_type", "!unknown_type"},
        {"tag:1|#a:5|c", "!unknown_type", "!unknown_type"},
    };
    CHECK_LINES(cases);
}

static void takes_rates_up_to_one(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"a:1|c|@0.5", "1/0.5:c", "1/0.5:c"},      {"a:1|c|@1.0", "1/1:c", "1/1:c"},
        {"a:1|c|@+0.5", "1/0.5:c", "1/0.5:c"},     {"a:1|c|@2e-1", "1/0.2:c", "1/0.2:c"},
        {"a:1|c|@1e-9", "1/1e-09:c", "1/1e-09:c"}, {"a:x|s|@.5", "x/0.5:s", "x/0.5:s"},
    };
    CHECK_LINES(cases);
}

static void etsy_refuses_what_the_others_skip(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"a:1|c|", "!bad_section", "1/1:c"},
        {"a:1|c|x", "!bad_section", "1/1:c"},
        {"a:1|c|x:2|ms", "!bad_section 2/1:ms", "1/1:c"},
        {"a:1|c||@0.5", "!bad_section", "1/0.5:c"},
        {"a:1|c|@0.5|", "!bad_section", "1/0.5:c"},
        {"a:1|c|#x|@0.5", "!bad_section", "1/0.5:c"},
        {"a:1|c|T5", "!bad_section", "1/1:c"},
        {"a:1|c\r", "!unknown_type", "1/1:c"},
        {"a:1|c|@0.5\r", "!bad_rate", "1/0.5:c"},
        {"a:1|c\r\r", "!unknown_type", "!unknown_type"},
        {"\r", "!no_colon", ""},
    };
    CHECK_LINES(cases);
}

static void packs_what_the_dialect_packs(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"a:1:2:3|ms|@0.5", "!bad_value", "1/0.5:ms 2/0.5:ms 3/0.5:ms"},
        {"a::1::2:|c", "!bad_value", "1/1:c 2/1:c"},
        {"a:1:x:3|ms", "!bad_value", "!bad_value"},
        {"a:1:-2|ms", "!bad_value", "!negative_timer"},
        {"a:::|g", "!bad_value", "!empty_value"},
        {"a:b:c|s", "b:c/1:s", "b:c/1:s"},
        {"a:1:2|c:3|g", "!bad_value 3/1:g", "1/1:c 2/1:c 3/1:g"},
    };
    CHECK_PACKED(cases);
}

static void dialects_with_tags_in_names_pack_timers_alone(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a:1:2|ms", "1/1:ms 2/1:ms"}, {"a:1:2|c", "!bad_value"}, {"a:1:2|g", "!bad_value"},
        {"a:1:2|h", "!bad_value"},     {"a:1:2|d", "!bad_value"}, {"a:b:c|s", "b:c/1:s"},
    };
    static struct reading reading;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int dialect = 0; dialect < STATSD_DIALECTS; dialect++) {
            char found[512];
            if (!packs_all(dialect)) {
                read_text(&reading, (enum statsd_dialect)dialect, cases[i][0]);
                describe(&reading, found, sizeof found);
                assert_string_equal(found, cases[i][1]);
                free(reading.bytes);
            }
        }
    }
}

static void a_bad_sample_costs_only_itself(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"a:1|c:2|ms", "1/1:c 2/1:ms", "1/1:c 2/1:ms"},
        {"a:1|c|@0.1:6|g", "1/0.1:c 6/1:g", "1/0.1:c 6/1:g"},
        {"a:1|q:2|ms", "!unknown_type 2/1:ms", "!unknown_type 2/1:ms"},
        {"a:1|c:x|ms:3|g", "1/1:c !bad_value 3/1:g", "1/1:c !bad_value 3/1:g"},
        {"a:1|c:2", "1/1:c !no_type", "1/1:c !no_type"},
        {"a:1|c:", "1/1:c !empty_value", "1/1:c !empty_value"},
        {"a:0|ms|:1|ms", "!bad_section 1/1:ms", "0/1:ms 1/1:ms"},
        {"a:x|s:y:z|s", "x/1:s y:z/1:s", "x/1:s y:z/1:s"},
        {"a:1|q:2|w", "!unknown_type !unknown_type", "!unknown_type !unknown_type"},
    };
    CHECK_LINES(cases);
}

static void tags_at_the_end_belong_to_every_sample(void **state)
{
    (void)state;
    for (int dialect = 0; dialect < STATSD_DIALECTS; dialect++) {
        static struct reading reading;
        read_text(&reading, (enum statsd_dialect)dialect, "a:1|c:2|ms|@0.5|#x:y,z");
        assert_int_equal(reading.count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_span(&reading, reading.items[i].name, "a");
            assert_span(&reading, reading.items[i].tags, "x:y,z");
            assert_span(&reading, reading.items[i].line, "a:1|c:2|ms|@0.5|#x:y,z");
        }
        assert_true(reading.items[0].rate == 1 && reading.items[1].rate == 0.5);
        free(reading.bytes);
    }
}

static void sections_come_in_any_order(void **state)
{
    (void)state;
    static struct reading reading;
    read_text(&reading, STATSD_DOGSTATSD, "a:1|c|T12|c:id,::#|e:it-x|#k:v|card:low|@0.5");
    assert_int_equal(reading.count, 1);
    assert_span(&reading, reading.items[0].tags, "k:v");
    assert_span(&reading, reading.details.container, "id,::#");
    assert_int_equal(reading.items[0].timestamp, 12);
    assert_true(reading.items[0].rate == 0.5);
    assert_int_equal(reading.tally.sections_skipped, 2);
    free(reading.bytes);
}

static void timestamps_are_for_counters_and_gauges(void **state)
{
    (void)state;
    const struct {
        const char *line;
        int64_t expected;
    } cases[] = {
        {"a:1|c|T5", 5}, {"a:1|g|T5", 5},   {"a:1|ms|T5", 0},
        {"a:1|s|T5", 0}, {"a:1|c|T0", 0},   {"a:1|c|T-5", 0},
        {"a:1|c|T", 0},  {"a:1|c|T1.5", 0}, {"a:1|c|T99999999999999999999", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct reading reading;
        read_text(&reading, STATSD_AUTO, cases[i].line);
        assert_int_equal(reading.count, 1);
        assert_int_equal(reading.items[0].kind, STATSD_SAMPLE);
        assert_int_equal(reading.items[0].timestamp, cases[i].expected);
        free(reading.bytes);
    }
}

static void a_signed_gauge_is_a_delta(void **state)
{
    (void)state;
    const struct {
        const char *line;
        bool delta;
    } cases[] = {
        {"a:1|g", false},    {"a:+1|g", true},  {"a:-1|g", true},
        {"a:-0|g|#x", true}, {"a:+1|c", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct reading reading;
        read_text(&reading, STATSD_AUTO, cases[i].line);
        assert_int_equal(reading.items[0].delta, cases[i].delta);
        free(reading.bytes);
    }
}

static void negative_zero_becomes_zero(void **state)
{
    (void)state;
    const char *const lines[] = {"a:-0.0|ms", "a:-0|g|x", "a:-0e5|c|"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        static struct reading reading;
        read_text(&reading, STATSD_AUTO, lines[i]);
        assert_int_equal(reading.items[0].kind, STATSD_SAMPLE);
        assert_false(signbit(reading.items[0].value));
        free(reading.bytes);
    }
}

static void refuses_nul_and_bad_utf8_a_line(void **state)
{
    (void)state;
    static const char datagram[] = "a:1|c\nb\0:1|c\nc\xFF:1|c\nd:1|c|#\xC3(\ne\xC3\xA9:1|c\n";
    static struct reading reading;
    char found[512];
    for (int dialect = 0; dialect < STATSD_DIALECTS; dialect++) {
        read_bytes(&reading, (enum statsd_dialect)dialect, datagram, sizeof datagram - 1);
        describe(&reading, found, sizeof found);
        assert_string_equal(found, "1/1:c !bad_name !bad_utf8 !bad_utf8 1/1:c");
        free(reading.bytes);
    }
}

static void reads_an_event(void **state)
{
    (void)state;
    static struct reading reading;
    read_text(&reading, STATSD_AUTO,
              "_e{3,4}:a|b|c\\nd|d:9|h:web|p:low|t:error|k:key|s:src|c:id|#x:y|e:z");
    assert_int_equal(reading.count, 1);
    const struct statsd_item *item = &reading.items[0];
    assert_int_equal(item->kind, STATSD_EVENT);
    assert_span(&reading, item->name, "a|b");
    assert_span(&reading, item->text, "c\\nd");
    assert_int_equal(item->timestamp, 9);
    assert_span(&reading, reading.details.host, "web");
    assert_span(&reading, reading.details.priority, "low");
    assert_span(&reading, reading.details.alert_type, "error");
    assert_span(&reading, reading.details.aggregation_key, "key");
    assert_span(&reading, reading.details.source_type, "src");
    assert_span(&reading, reading.details.container, "id");
    assert_span(&reading, item->tags, "x:y");
    assert_int_equal(reading.tally.sections_skipped, 1);
    free(reading.bytes);
}

static void reads_a_service_check(void **state)
{
    (void)state;
    static struct reading reading;
    read_text(&reading, STATSD_AUTO, "_sc|a:b|3|d:9|h:web|#x|m:all: well");
    assert_int_equal(reading.count, 1);
    const struct statsd_item *item = &reading.items[0];
    assert_int_equal(item->kind, STATSD_SERVICE_CHECK);
    assert_span(&reading, item->name, "a:b");
    assert_int_equal(item->status, 3);
    assert_int_equal(item->timestamp, 9);
    assert_span(&reading, reading.details.host, "web");
    assert_span(&reading, item->tags, "x");
    assert_span(&reading, item->text, "all: well");
    free(reading.bytes);
}

static void refuses_bad_events_and_checks(void **state)
{
    (void)state;
    const char *const lines[] = {
        "_e{1,1}:ab",
        "_e{1,1}:a|b|",
        "_e{1,1}:a|b|x:y",
        "_e{1,1}:a|bc",
        "_e{0,1}:|b",
        "_e{1,0}:a|",
        "_e{1}:a",
        "_e{",
        "_e{1,1",
        "_e{1,1}",
        "_e{1,1}:a",
        "_e{+1,1}:a|b",
        "_e{1,1}:a|b|p:high",
        "_e{1,1}:a|b|t:odd",
        "_e{1,1}:a|b|d:x",
        "_e{1,1}:a|b|h:x|h:y",
        "_e{1,1}:a|b|#x|#y",
        "_e{1,1}:a|b|m:x",
        "_e{1,999999999999999999}:a|b",
        "_sc|",
        "_sc|a",
        "_sc|a|",
        "_sc||0",
        "_sc|a|4",
        "_sc|a|00",
        "_sc|a|-1",
        "_sc|a|0|",
        "_sc|a|0|p:low",
        "_sc|a|0|d:x",
        "_sc|a|0|m:x|h:y",
        "_sc|a|0|#x|#y",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        static struct reading reading;
        enum statsd_reason expected =
            lines[i][1] == 'e' ? STATSD_BAD_EVENT : STATSD_BAD_SERVICE_CHECK;
        read_text(&reading, STATSD_DOGSTATSD, lines[i]);
        assert_int_equal(reading.count, 1);
        assert_int_equal(reading.items[0].kind, STATSD_REFUSED);
        assert_int_equal(reading.items[0].reason, expected);
        assert_int_equal(reading.tally.lines_refused[expected], 1);
        free(reading.bytes);
    }
}

static void names_that_only_look_like_events_are_metrics(void **state)
{
    (void)state;
    const struct line_case cases[] = {
        {"_errors:1|c", "1/1:c", "1/1:c"},
        {"_score:1|c", "1/1:c", "1/1:c"},
        {"_sc:1|c", "1/1:c", "1/1:c"},
        {"_e{1,1}:5|c", "5/1:c", ""},
    };
    check_lines(cases, 3, false);
    static struct reading reading;
    char found[64];
    read_text(&reading, STATSD_ETSY, cases[3].line);
    describe(&reading, found, sizeof found);
    assert_string_equal(found, cases[3].etsy);
    free(reading.bytes);
}

static void counts_lines_samples_and_sections(void **state)
{
    (void)state;
    static struct reading reading;
    read_text(&reading, STATSD_AUTO,
              "\n\na:1|c\na:1|c:x|c:y|q\na:x|c:y|q\nb:1|c|zz|e:x\nb:x|c|zz\n_sc|a|0|e:x\n:1|c");
    const struct statsd_tally *tally = &reading.tally;
    assert_int_equal(tally->lines, 7);
    assert_int_equal(tally->lines_accepted, 4);
    assert_int_equal(tally->lines_refused[STATSD_BAD_VALUE], 2);
    assert_int_equal(tally->lines_refused[STATSD_EMPTY_NAME], 1);
    assert_int_equal(tally->lines_refused[STATSD_UNKNOWN_TYPE], 0);
    assert_int_equal(tally->samples_refused[STATSD_BAD_VALUE], 1);
    assert_int_equal(tally->samples_refused[STATSD_UNKNOWN_TYPE], 1);
    assert_int_equal(tally->sections_skipped, 3);
    free(reading.bytes);
}

static void feeding_drops_what_was_unread(void **state)
{
    (void)state;
    struct statsd_parser parser;
    struct statsd_item item;
    statsd_parser_init(&parser, STATSD_AUTO);
    statsd_parser_feed(&parser, "a:1:2:3|c", 9);
    assert_int_equal(statsd_parser_read(&parser, &item, 1), 1);
    statsd_parser_feed(&parser, "b:7|c", 5);
    assert_int_equal(statsd_parser_read(&parser, &item, 1), 1);
    assert_true(item.value == 7);
    assert_int_equal(statsd_parser_read(&parser, &item, 1), 0);
    statsd_parser_feed(&parser, NULL, 0);
    assert_int_equal(statsd_parser_read(&parser, &item, 1), 0);
}

static void names_are_words_fit_for_labels(void **state)
{
    (void)state;
    for (int i = 0; i < STATSD_REASONS; i++) {
        const char *name = statsd_reason_name((enum statsd_reason)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        assert_true(strlen(name) > 0);
    }
    enum statsd_dialect dialect = STATSD_AUTO;
    assert_true(statsd_dialect_by_name("dogstatsd", &dialect));
    assert_int_equal(dialect, STATSD_DOGSTATSD);
    assert_true(statsd_dialect_by_name("graphite", &dialect));
    assert_int_equal(dialect, STATSD_GRAPHITE);
    assert_false(statsd_dialect_by_name("influx", &dialect));
    assert_string_equal(statsd_type_name(STATSD_TIMER), "ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(names_the_reason_of_each_refusal),
        cmocka_unit_test(takes_rates_up_to_one),
        cmocka_unit_test(etsy_refuses_what_the_others_skip),
        cmocka_unit_test(packs_what_the_dialect_packs),
        cmocka_unit_test(dialects_with_tags_in_names_pack_timers_alone),
        cmocka_unit_test(a_bad_sample_costs_only_itself),
        cmocka_unit_test(tags_at_the_end_belong_to_every_sample),
        cmocka_unit_test(sections_come_in_any_order),
        cmocka_unit_test(timestamps_are_for_counters_and_gauges),
        cmocka_unit_test(a_signed_gauge_is_a_delta),
        cmocka_unit_test(negative_zero_becomes_zero),
        cmocka_unit_test(refuses_nul_and_bad_utf8_a_line),
        cmocka_unit_test(reads_an_event),
        cmocka_unit_test(reads_a_service_check),
        cmocka_unit_test(refuses_bad_events_and_checks),
        cmocka_unit_test(names_that_only_look_like_events_are_metrics),
        cmocka_unit_test(counts_lines_samples_and_sections),
        cmocka_unit_test(feeding_drops_what_was_unread),
        cmocka_unit_test(names_are_words_fit_for_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
