/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>

#include "server/net/intake.h"
#include "tests/unit/flush/store.h"

static const struct sockaddr_in sender = {.sin_family = AF_INET, .sin_addr = {0x0100007f}};

#define BATCH 8
#define DATAGRAM_BYTES 2000

struct fixture {
    struct store *store; /* without workers: the shard is the intake's */
    struct intake intake;
    size_t taken;
    struct udp_datagram datagrams[BATCH];
    char bytes[BATCH][DATAGRAM_BYTES];
};

static struct fixture *open_intake(const char *const *overrides)
{
    static struct fixture fixture;
    fixture.store = store_new(overrides, 0);
    assert_true(intake_init(&fixture.intake, fixture.store->config, fixture.store->registry,
                            fixture.store->pool, 1));
    return &fixture;
}

static void close_intake(struct fixture *fixture)
{
    intake_deinit(&fixture->intake);
    store_free(fixture->store);
}

/* A datagram has to stay until the batch is settled. */
static void take_bytes(struct fixture *fixture, const char *bytes, size_t length)
{
    size_t slot = fixture->taken++ % BATCH;
    struct udp_datagram *datagram = &fixture->datagrams[slot];
    assert_true(length <= DATAGRAM_BYTES);
    memcpy(fixture->bytes[slot], bytes, length);
    *datagram = (struct udp_datagram){fixture->bytes[slot], (uint32_t)length,
                                      (const struct sockaddr *)&sender};
    intake_take(&fixture->intake, datagram, TRANSPORT_UDP, 1);
}

static void take(struct fixture *fixture, const char *text)
{
    take_bytes(fixture, text, strlen(text));
    intake_settle(&fixture->intake);
}

static void check_balance(const struct ingest_figures *figures)
{
    assert_int_equal(figures->lines_received[TRANSPORT_UDP],
                     figures->lines_accepted + ingest_lines_rejected(figures));
    assert_int_equal(ingest_samples_received(figures),
                     ingest_samples_stored(figures) + ingest_samples_rejected(figures));
}

/* Samples that lie in the open slice, as far as they can be told: those of timers. */
static uint64_t timer_samples(const struct shard *shard)
{
    uint64_t samples = 0;
    for (uint32_t i = 0; i < shard->held[METRIC_TIMER].end; i++) {
        samples += slice_timers(shard->open, i)->timers[i % SLICE_CHUNK].samples;
    }
    return samples;
}

static void what_came_in_is_counted_by_what_became_of_it(void **state)
{
    (void)state;
    struct fixture *fixture = open_intake(NULL);
    const struct ingest_figures *figures = &fixture->intake.figures;
    take(fixture, "a:1|c\nb:2|g\n\nt:1|ms:2|ms:x|ms\nbad\nn:1|zz\nc:-4|c\n");
    take(fixture, "_e{1,1}:t|x\n_sc|name|0\ns:m|s|@0.5");
    take(fixture, "");
    assert_int_equal(figures->datagrams_received[TRANSPORT_UDP], 3);
    assert_int_equal(figures->bytes_received[TRANSPORT_UDP], 48 + 33);
    assert_int_equal(figures->lines_received[TRANSPORT_UDP], 9);
    assert_int_equal(figures->lines_accepted, 7);
    assert_int_equal(figures->lines_rejected[STATSD_NO_COLON], 1);
    assert_int_equal(figures->lines_rejected[STATSD_UNKNOWN_TYPE], 1);
    assert_int_equal(figures->samples_received[STATSD_COUNTER], 2);
    assert_int_equal(figures->samples_received[STATSD_TIMER], 2);
    assert_int_equal(figures->samples_received[SAMPLE_TYPE_UNKNOWN], 1);
    assert_int_equal(figures->samples_rejected[STATSD_BAD_VALUE], 1);
    assert_int_equal(figures->counter_decrements, 1);
    assert_int_equal(figures->events_received, 1);
    assert_int_equal(figures->service_checks_received, 1);
    assert_int_equal(fixture->intake.shard.open->events.count, 2);
    assert_int_equal(ingest_samples_stored(figures), 6);
    check_balance(figures);
    close_intake(fixture);
}

static void what_the_server_refuses_is_a_sample_and_not_a_line(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_series=1", "metrics.min_sample_rate=0.5", NULL};
    struct fixture *fixture = open_intake(overrides);
    const struct ingest_figures *figures = &fixture->intake.figures;
    take(fixture, "a:1|c\nb:1|c\nb:2|c\na:1|c|@0.1\na:1e301|c\na:-1|c|@0.1");
    assert_int_equal(figures->lines_accepted, 6);
    assert_int_equal(figures->samples_rejected[LOSS_SERIES_LIMIT], 2);
    assert_int_equal(figures->samples_rejected[LOSS_RATE_BELOW_MINIMUM], 2);
    assert_int_equal(figures->samples_rejected[LOSS_OUT_OF_RANGE], 1);
    assert_int_equal(figures->series_rejected, 2);
    assert_int_equal(figures->counter_decrements, 0);
    assert_int_equal(ingest_samples_stored(figures), 1);
    check_balance(figures);
    close_intake(fixture);
}

static void refused_lines_are_kept_for_the_log(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_name=3", NULL};
    struct fixture *fixture = open_intake(overrides);
    struct refusal refusal;
    take(fixture, "good:1|c\nbad");
    assert_true(refusals_next(&fixture->intake.refusals, &refusal));
    assert_string_equal(refusal.line, "good:1|c");
    assert_int_equal(refusal.reason, LOSS_NAME_TOO_LONG);
    assert_true(refusals_next(&fixture->intake.refusals, &refusal));
    assert_string_equal(refusal.line, "bad");
    assert_int_equal(refusal.reason, STATSD_NO_COLON);
    close_intake(fixture);
}

/* Pieces of lines in a random order, so that much of it is nearly right. */
static size_t garbage(char *bytes, size_t size, uint64_t *seed)
{
    static const char *const pieces[] = {"a:1|c",   "\n",
                                         ":",       "|",
                                         "|@0.1",   "|@0",
                                         "|#a:b,c", "\nt:1:2:3|ms\n",
                                         "|ms",     "g:+4|g",
                                         "-7",      "1e309",
                                         "nan",     "_e{3,2}:abc|de",
                                         "_sc|x|1", "s:m|s",
                                         "\r\n",    "x.y",
                                         "|c:123",  "|T1",
                                         "\xff",    ",",
                                         "|h",      "|d",
                                         "1e200",   "\n\n"};
    size_t length = 0, wanted = store_random(seed) % size;
    while (length < wanted) {
        uint64_t draw = store_random(seed);
        if (draw % 8 == 0) {
            bytes[length++] = (char)(draw >> 8);
            continue;
        }
        const char *piece = pieces[(draw >> 8) % (sizeof(pieces) / sizeof(pieces[0]))];
        for (; *piece && length < wanted; piece++) {
            bytes[length++] = *piece;
        }
    }
    return length;
}

static void the_balance_closes_after_whatever_garbage(void **state)
{
    (void)state;
    static const char *const dialects[] = {"server.dialect=auto", "server.dialect=etsy",
                                           "server.dialect=dogstatsd"};
    for (size_t which = 0; which < 3; which++) {
        const char *overrides[] = {dialects[which], "limits.max_series=50", "limits.max_name=20",
                                   "limits.max_tags=2", NULL};
        struct fixture *fixture = open_intake(overrides);
        uint64_t seed = 17 + which, timers = 0;
        const struct ingest_figures *figures = &fixture->intake.figures;
        take(fixture, "t:1|ms");
        for (unsigned i = 0; i < 3000; i++) {
            char bytes[2000];
            take_bytes(fixture, bytes, garbage(bytes, sizeof(bytes), &seed));
            if (i % 7 == 0) {
                intake_settle(&fixture->intake);
                check_balance(figures);
            }
        }
        intake_settle(&fixture->intake);
        check_balance(figures);
        assert_true(figures->lines_accepted > 100 && ingest_lines_rejected(figures) > 100);
        assert_true(figures->samples_rejected[LOSS_SERIES_LIMIT] > 0);
        for (unsigned type = STATSD_TIMER; type <= STATSD_DISTRIBUTION; type++) {
            timers += figures->samples_received[type];
        }
        assert_true(timer_samples(&fixture->intake.shard) <= timers);
        assert_true(timer_samples(&fixture->intake.shard) > 0);
        close_intake(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_in_is_counted_by_what_became_of_it),
        cmocka_unit_test(what_the_server_refuses_is_a_sample_and_not_a_line),
        cmocka_unit_test(refused_lines_are_kept_for_the_log),
        cmocka_unit_test(the_balance_closes_after_whatever_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
