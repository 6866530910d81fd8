/* SPDX-License-Identifier: MIT
 *
 * Once every series is known and a few windows have been closed, taking samples in calls neither
 * malloc nor the system for memory: blocks come back from the flusher through the pool. The
 * counting malloc below stands in for libc's; sanitizers bring their own, so there the pool alone
 * is watched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "server/net/intake.h"
#include "tests/unit/flush/store.h"

static bool counting;
static uint64_t allocations;

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !HAS_FEATURE(address_sanitizer) && !HAS_FEATURE(thread_sanitizer)
#define COUNTS_MALLOC 1
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

void *malloc(size_t bytes)
{
    allocations += counting;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    allocations += counting;
    return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    allocations += counting;
    return __libc_realloc(block, bytes);
}
#else
#define COUNTS_MALLOC 0
#endif

#define SERIES 200
#define SAMPLES 90 /* a window and timer: past the exact phase of a sketch */

static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

/* A window's traffic, the same each time: every kind, with tags, rates and packed values. */
static void take_window(struct intake *intake, uint64_t now_ns)
{
    char lines[512];
    for (unsigned i = 0; i < SERIES * SAMPLES; i++) {
        unsigned series = i % SERIES;
        int length = snprintf(lines, sizeof(lines),
                              "c%u:1|c|@0.5|#a:b,c\nt%u:%u:7|ms\ng%u:+3|g\nh%u:%u.5|h\ns%u:m%u|s",
                              series, series, i % 997, series, series, i % 89, series, i % 300);
        struct udp_datagram datagram = {lines, (uint32_t)length, &nobody};
        intake_take(intake, &datagram, TRANSPORT_UDP, now_ns);
        intake_settle(intake);
    }
}

static void close_window(struct store *store, struct intake *intake)
{
    store->now_ns += 10 * STORE_SECOND;
    struct slice *slice = shard_swap(&intake->shard, store->now_ns);
    merge_slices(store->registry, &slice, 1, store->cache);
    store_close(store, 10);
}

static void takes_samples_in_without_allocating(void **state)
{
    (void)state;
    const char *overrides[] = {"log.bad_lines=0/min", NULL};
    struct store *store = store_new(overrides, 0);
    static struct intake intake;
    assert_true(intake_init(&intake, store->config, store->registry, store->pool, 1));
    uint64_t held = 0;
    for (int window = 0; window < 12; window++) {
        held = window == 8 ? pool_bytes(store->pool) : held;
        counting = window >= 8;
        take_window(&intake, store->now_ns);
        counting = false;
        close_window(store, &intake);
    }
    assert_int_equal(allocations, 0);
    assert_int_equal(pool_bytes(store->pool), held);
    assert_int_equal(ingest_samples_stored(&intake.figures), 12 * SERIES * SAMPLES * 6);
    intake_deinit(&intake);
    store_free(store);
}

/* That the counter counts: a name that is new does allocate. */
static void counts_what_a_new_name_allocates(void **state)
{
    (void)state;
    if (!COUNTS_MALLOC) {
        skip();
    }
    struct store *store = store_new(NULL, 0);
    static struct intake intake;
    assert_true(intake_init(&intake, store->config, store->registry, store->pool, 1));
    struct udp_datagram datagram = {"new:1|c", 7, &nobody};
    allocations = 0;
    counting = true;
    intake_take(&intake, &datagram, TRANSPORT_UDP, store->now_ns);
    intake_settle(&intake);
    counting = false;
    assert_true(allocations > 0);
    intake_deinit(&intake);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_samples_in_without_allocating),
        cmocka_unit_test(counts_what_a_new_name_allocates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
