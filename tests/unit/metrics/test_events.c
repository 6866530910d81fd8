/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics/events.h"

static enum event_loss add(struct events *events, const char *line, uint64_t received_ns)
{
    static struct statsd_parser parser;
    struct statsd_item item;
    struct statsd_details details;
    statsd_parser_init(&parser, STATSD_AUTO);
    statsd_parser_feed(&parser, line, (uint32_t)strlen(line));
    assert_int_equal(statsd_parser_read(&parser, &item, 1), 1);
    assert_int_not_equal(item.kind, STATSD_REFUSED);
    statsd_parser_details(&parser, &item, &details);
    return events_add(events, line, &item, &details, received_ns);
}

static void assert_field(const struct events *events, uint32_t row, enum event_field field,
                         const char *expected)
{
    struct span span = events->rows[row].fields[field];
    assert_int_equal(span.length, strlen(expected));
    assert_memory_equal(events->bytes + span.offset, expected, span.length);
}

static void all_that_was_sent_is_kept(void **state)
{
    (void)state;
    struct events events = {0};
    assert_int_equal(
        add(&events, "_e{3,4}:a|b|x\\ny|d:9|h:web|p:low|t:error|k:key|s:src|c:id|#x:y", 7),
        EVENT_STORED);
    assert_int_equal(add(&events, "_sc|db.up|2|#env:prod|m:no\\nanswer", 8), EVENT_STORED);
    static const char *const expected[EVENT_FIELDS] = {
        "a|b", "x\ny", "x:y", "web", "low", "error", "key", "src", "id",
    };
    for (int i = 0; i < EVENT_FIELDS; i++) {
        assert_field(&events, 0, (enum event_field)i, expected[i]);
    }
    assert_int_equal(events.rows[0].kind, EVENT_EVENT);
    assert_int_equal(events.rows[0].sent_s, 9);
    assert_field(&events, 1, EVENT_NAME, "db.up");
    assert_field(&events, 1, EVENT_TEXT, "no\nanswer");
    assert_field(&events, 1, EVENT_TAGS, "env:prod");
    assert_field(&events, 1, EVENT_HOST, "");
    assert_int_equal(events.rows[1].kind, EVENT_SERVICE_CHECK);
    assert_int_equal(events.rows[1].status, 2);
    events_deinit(&events);
}

static void the_time_is_the_senders_or_that_of_coming(void **state)
{
    (void)state;
    struct events events = {0};
    add(&events, "_sc|a|0|d:123", 1000000000);
    add(&events, "_sc|a|0", 1000000000);
    events_date(&events, 3250400000, 1795255200);
    assert_true(events.rows[0].time == 123);
    assert_true(events.rows[1].time == 1795255197.75);
    events_deinit(&events);
}

static void a_list_has_a_bound_in_rows_and_in_bytes(void **state)
{
    (void)state;
    struct events events = {0};
    for (int i = 0; i < EVENTS_MAX; i++) {
        assert_int_equal(add(&events, "_sc|a|0", 1), EVENT_STORED);
    }
    assert_int_equal(add(&events, "_sc|a|0", 1), EVENT_WINDOW_LIMIT);
    assert_int_equal(events.count, EVENTS_MAX);
    events_deinit(&events);
    enum { TEXT = 60000 };
    char *line = malloc(TEXT + 32);
    assert_non_null(line);
    int length = sprintf(line, "_sc|a|0|m:");
    memset(line + length, 'x', TEXT);
    line[length + TEXT] = '\0';
    int stored = 0;
    while (add(&events, line, 1) == EVENT_STORED) {
        stored++;
    }
    assert_int_equal(stored, EVENTS_BYTES_MAX / (TEXT + 1));
    assert_true(events.bytes_max <= EVENTS_BYTES_MAX);
    assert_int_equal(add(&events, "_sc|a|0", 1), EVENT_STORED);
    events_deinit(&events);
    free(line);
}

static void too_many_tags_are_refused(void **state)
{
    (void)state;
    struct events events = {0};
    char line[8 * EVENT_TAGS_MAX] = "_sc|a|0|#t";
    for (int i = 1; i < EVENT_TAGS_MAX; i++) {
        sprintf(line + strlen(line), ",t%d", i);
    }
    assert_int_equal(add(&events, line, 1), EVENT_STORED);
    strcat(line, ",more");
    assert_int_equal(add(&events, line, 1), EVENT_TOO_MANY_TAGS);
    assert_int_equal(events.count, 1);
    events_deinit(&events);
}

static void lists_are_joined_up_to_the_bound(void **state)
{
    (void)state;
    struct events all = {0};
    enum event_loss loss = EVENT_STORED;
    for (int part = 0; part < 3; part++) {
        struct events events = {0};
        for (int i = 0; i < 400; i++) {
            char line[64];
            sprintf(line, "_sc|n%d|%d|h:h%d", i, part, part);
            add(&events, line, 1);
        }
        assert_int_equal(events_move(&all, &events, &loss), part < 2 ? 0 : 200);
        assert_int_equal(events.count, 0);
        assert_null(events.bytes);
    }
    assert_int_equal(loss, EVENT_WINDOW_LIMIT);
    assert_int_equal(all.count, EVENTS_MAX);
    assert_field(&all, 0, EVENT_NAME, "n0");
    assert_field(&all, 999, EVENT_NAME, "n199");
    assert_field(&all, 999, EVENT_HOST, "h2");
    assert_int_equal(all.rows[999].status, 2);
    events_deinit(&all);
}

static void words_are_fit_for_labels(void **state)
{
    (void)state;
    for (int i = 0; i < EVENT_LOSSES; i++) {
        const char *name = event_loss_name((enum event_loss)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    }
    assert_string_equal(event_kind_name(EVENT_EVENT), "event");
    assert_string_equal(event_kind_name(EVENT_SERVICE_CHECK), "service_check");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_sent_is_kept),
        cmocka_unit_test(the_time_is_the_senders_or_that_of_coming),
        cmocka_unit_test(a_list_has_a_bound_in_rows_and_in_bytes),
        cmocka_unit_test(too_many_tags_are_refused),
        cmocka_unit_test(lists_are_joined_up_to_the_bound),
        cmocka_unit_test(words_are_fit_for_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
