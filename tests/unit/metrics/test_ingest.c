/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "server/metrics/ingest.h"

#define PUBLICATIONS 100000

static struct ingest ingest;
static _Atomic bool begun;

/* Every word of one publication holds one number. */
static void *publish_all(void *context)
{
    (void)context;
    for (uint64_t number = 1; number <= PUBLICATIONS; number++) {
        uint64_t words[INGEST_WORDS];
        struct ingest_figures figures;
        for (size_t i = 0; i < INGEST_WORDS; i++) {
            words[i] = number;
        }
        memcpy(&figures, words, sizeof(figures));
        ingest_publish(&ingest, &figures);
        if (number == 1) {
            atomic_store(&begun, true);
        }
    }
    return NULL;
}

static void a_reader_sees_one_publication_and_never_an_older_one(void **state)
{
    (void)state;
    pthread_t writer;
    uint64_t before = 0, words[INGEST_WORDS];
    assert_int_equal(pthread_create(&writer, NULL, publish_all, NULL), 0);
    while (!atomic_load(&begun)) {
        sched_yield();
    }
    do {
        struct ingest_figures figures;
        ingest_read(&ingest, &figures);
        memcpy(words, &figures, sizeof(words));
        for (size_t i = 1; i < INGEST_WORDS; i++) {
            assert_int_equal(words[i], words[0]);
        }
        assert_true(words[0] >= before && words[0] > 0);
        before = words[0];
    } while (before < PUBLICATIONS);
    pthread_join(writer, NULL);
}

static void figures_of_workers_add_up_field_by_field(void **state)
{
    (void)state;
    struct ingest_figures one = {
        .samples_received = {[STATSD_GAUGE] = 9, [SAMPLE_TYPE_UNKNOWN] = 1},
        .samples_rejected = {[LOSS_SERIES_LIMIT] = 2, [STATSD_BAD_VALUE] = 1},
        .samples_late = 3,
        .lines_rejected = {[STATSD_NO_COLON] = 4}};
    struct ingest_figures sum = one;
    ingest_figures_add(&sum, &one);
    assert_int_equal(ingest_samples_received(&sum), 20);
    assert_int_equal(ingest_samples_rejected(&sum), 6);
    assert_int_equal(ingest_samples_stored(&sum), 8);
    assert_int_equal(ingest_lines_rejected(&sum), 8);
}

static void every_reason_and_type_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = STATSD_OK + 1; i < LOSS_REASONS; i++) {
        assert_true(strlen(loss_reason_name(i)) > 0);
        for (unsigned j = STATSD_OK + 1; j < i; j++) {
            assert_string_not_equal(loss_reason_name(i), loss_reason_name(j));
        }
    }
    assert_string_equal(loss_reason_name(LOSS_OUT_OF_RANGE), "out_of_range");
    assert_string_equal(sample_type_name(STATSD_TIMER), "ms");
    assert_string_equal(sample_type_name(SAMPLE_TYPE_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_sees_one_publication_and_never_an_older_one),
        cmocka_unit_test(figures_of_workers_add_up_field_by_field),
        cmocka_unit_test(every_reason_and_type_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
