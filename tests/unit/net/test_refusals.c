/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "proto/statsd.h"
#include "server/net/refusals.h"

#define SECOND UINT64_C(1000000000)

static const struct sockaddr_in sender = {
    .sin_family = AF_INET, .sin_port = 0x0102, .sin_addr = {0x0100007f}};

static void add(struct refusals *refusals, const char *line, uint64_t now_ns)
{
    refusals_add(refusals, STATSD_BAD_VALUE, line, strlen(line), (const struct sockaddr *)&sender,
                 now_ns);
}

static void a_refusal_tells_line_sender_and_reason(void **state)
{
    (void)state;
    static struct refusals refusals;
    struct refusal refusal;
    refusals_init(&refusals, 10, 10);
    assert_false(refusals_next(&refusals, &refusal));
    add(&refusals, "n:x|c", 5 * SECOND);
    refusals_add(&refusals, STATSD_NO_COLON, "a\0b", 3, (const struct sockaddr *)&sender,
                 5 * SECOND);
    assert_true(refusals_next(&refusals, &refusal));
    assert_string_equal(refusal.line, "n:x|c");
    assert_memory_equal(refusal.sender, "127.0.0.1:", 10);
    assert_int_equal(refusal.reason, STATSD_BAD_VALUE);
    assert_int_equal(refusal.line_length, 5);
    assert_int_equal(refusal.suppressed, 0);
    assert_true(refusals_next(&refusals, &refusal));
    assert_string_equal(refusal.line, "a?b");
    assert_false(refusals_next(&refusals, &refusal));
}

static void a_long_line_is_shown_by_its_beginning(void **state)
{
    (void)state;
    static struct refusals refusals;
    struct refusal refusal;
    char line[5000];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    refusals_init(&refusals, 10, 10);
    add(&refusals, line, 1);
    assert_true(refusals_next(&refusals, &refusal));
    assert_int_equal(strlen(refusal.line), REFUSAL_LINE_BYTES - 1);
    assert_int_equal(refusal.line_length, 4999);
}

static size_t shown(struct refusals *refusals, uint64_t *suppressed)
{
    struct refusal refusal;
    size_t count = 0;
    while (refusals_next(refusals, &refusal)) {
        *suppressed += refusal.suppressed;
        count++;
    }
    return count;
}

static void the_bucket_bounds_what_is_shown_and_the_rest_is_counted(void **state)
{
    (void)state;
    static struct refusals refusals;
    uint64_t suppressed = 0;
    refusals_init(&refusals, 0.5, 3);
    for (int i = 0; i < 100; i++) {
        add(&refusals, "bad", 7 * SECOND);
    }
    assert_int_equal(shown(&refusals, &suppressed), 3);
    assert_int_equal(suppressed, 0);
    add(&refusals, "bad", 8 * SECOND);
    assert_int_equal(shown(&refusals, &suppressed), 0);
    add(&refusals, "bad", 9 * SECOND);
    assert_int_equal(shown(&refusals, &suppressed), 1);
    assert_int_equal(suppressed, 98);
    /* However long nothing came, no more than the burst. */
    for (int i = 0; i < 100; i++) {
        add(&refusals, "bad", 900 * SECOND);
    }
    assert_int_equal(shown(&refusals, &suppressed), 3);
}

static void a_full_ring_counts_what_it_cannot_take(void **state)
{
    (void)state;
    static struct refusals refusals;
    uint64_t suppressed = 0;
    refusals_init(&refusals, 1e6, 1000);
    for (int i = 0; i < REFUSALS_SLOTS + 8; i++) {
        add(&refusals, "bad", 1);
    }
    assert_int_equal(shown(&refusals, &suppressed), REFUSALS_SLOTS);
    add(&refusals, "bad", 2);
    assert_int_equal(shown(&refusals, &suppressed), 1);
    assert_int_equal(suppressed, 8);
}

static void nothing_per_second_shows_nothing(void **state)
{
    (void)state;
    static struct refusals refusals;
    uint64_t suppressed = 0;
    refusals_init(&refusals, 0, 10);
    add(&refusals, "bad", SECOND);
    add(&refusals, "bad", 1000 * SECOND);
    assert_int_equal(shown(&refusals, &suppressed), 0);
    /* A share of a burst below one is still one. */
    refusals_init(&refusals, 0.01, 0);
    add(&refusals, "bad", SECOND);
    assert_int_equal(shown(&refusals, &suppressed), 1);
}

#define THREAD_LINES 50000

static void *refuse_all(void *context)
{
    for (uint64_t i = 0; i < THREAD_LINES; i++) {
        add(context, i % 2 ? "odd" : "even.even.even", i);
    }
    return NULL;
}

static uint64_t read_waiting(struct refusals *refusals)
{
    struct refusal refusal;
    uint64_t told = 0;
    while (refusals_next(refusals, &refusal)) {
        assert_int_equal(strlen(refusal.line), refusal.line_length);
        assert_true(refusal.line_length == 3 || refusal.line_length == 14);
        told += 1 + refusal.suppressed;
    }
    return told;
}

static void a_writer_and_a_reader_agree_on_every_line(void **state)
{
    (void)state;
    static struct refusals refusals;
    pthread_t writer;
    uint64_t told = 0;
    refusals_init(&refusals, 1e12, 1u << 30);
    assert_int_equal(pthread_create(&writer, NULL, refuse_all, &refusals), 0);
    while (pthread_tryjoin_np(writer, NULL) != 0) {
        told += read_waiting(&refusals);
        sched_yield();
    }
    told += read_waiting(&refusals);
    /* The last lines may be suppressed without a later one that tells of them. */
    assert_int_equal(told + refusals.suppressed, THREAD_LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_tells_line_sender_and_reason),
        cmocka_unit_test(a_long_line_is_shown_by_its_beginning),
        cmocka_unit_test(the_bucket_bounds_what_is_shown_and_the_rest_is_counted),
        cmocka_unit_test(a_full_ring_counts_what_it_cannot_take),
        cmocka_unit_test(nothing_per_second_shows_nothing),
        cmocka_unit_test(a_writer_and_a_reader_agree_on_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
