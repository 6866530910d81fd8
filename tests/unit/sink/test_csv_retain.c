/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#include "server/core/log.h"
#include "server/sink/csv_retain.h"
#include "tests/unit/sink/temporary.h"

/* 2026-11-21T00:00:00Z */
#define MIDNIGHT_NS 1795219200000000000LL

struct fixture {
    char *folder;
    struct clock_fake fake;
    struct clock clock;
    struct csv_settings settings;
    struct csv_retain retain;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->folder = temporary_make();
    fixture->fake.wall_ns = MIDNIGHT_NS;
    fixture->clock = clock_fake_view(&fixture->fake);
    fixture->settings = (struct csv_settings){.mode = 0600, .compress = true};
    csv_retain_init(&fixture->retain, fixture->folder, &fixture->clock);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    csv_retain_deinit(&fixture->retain);
    temporary_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* A file of `length` bytes of rows, to be freed with the text returned. */
static char *write_file(const struct fixture *fixture, const char *name, size_t length)
{
    char *rows = malloc(length);
    assert_non_null(rows);
    for (size_t i = 0; i < length; i++) {
        rows[i] = i % 29 == 28 ? '\n' : (char)('a' + (i * i / 7) % 26);
    }
    temporary_write(fixture->folder, name, rows, length);
    return rows;
}

static void make_file(const struct fixture *fixture, const char *name, size_t length)
{
    free(write_file(fixture, name, length));
}

static int run(struct fixture *fixture)
{
    int steps = 0;
    csv_retain_want(&fixture->retain);
    while (csv_retain_step(&fixture->retain, &fixture->settings)) {
        steps++;
    }
    return steps;
}

static bool has(const struct fixture *fixture, const char *name)
{
    return temporary_exists(fixture->folder, name);
}

static void compressed_files_hold_the_same_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    const size_t lengths[] = {0, 1, 65536, 262144, 1000000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char *rows = write_file(fixture, "timers-20261120T000000Z.csv", lengths[i]);
        char *back = malloc(lengths[i] + 1);
        assert_non_null(back);
        run(fixture);
        assert_false(has(fixture, "timers-20261120T000000Z.csv"));
        const char *path = temporary_path(fixture->folder, "timers-20261120T000000Z.csv.gz");
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        gzFile file = gzopen(path, "r");
        assert_non_null(file);
        assert_int_equal(gzread(file, back, (unsigned)lengths[i] + 1), lengths[i]);
        assert_memory_equal(back, rows, lengths[i]);
        gzclose(file);
        assert_int_equal(unlink(path), 0);
        free(rows);
        free(back);
    }
}

static void compression_goes_in_steps(void **state)
{
    struct fixture *fixture = *state;
    make_file(fixture, "timers-20261120T000000Z.csv", 4 * CSV_RETAIN_STEP_BYTES);
    assert_true(run(fixture) >= 4);
    assert_int_equal(fixture->retain.compressed, 1);
}

static void current_files_and_strangers_are_left_alone(void **state)
{
    static const char *const names[] = {"counters.csv", "counters.csv.1", "other.csv", ".lock",
                                        "other-20001120T000000Z.csv"};
    struct fixture *fixture = *state;
    fixture->settings.retain_ms = 1000;
    fixture->settings.max_disk_bytes = 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        make_file(fixture, names[i], 100);
    }
    run(fixture);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(has(fixture, names[i]));
    }
}

static void files_older_than_retain_are_deleted(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.retain_ms = 86400000;
    make_file(fixture, "counters-20261119T235959Z.csv.gz", 10);
    make_file(fixture, "sets-20261119T000000Z-3.csv", 10);
    make_file(fixture, "counters-20261120T000000Z.csv.gz", 10);
    run(fixture);
    assert_false(has(fixture, "counters-20261119T235959Z.csv.gz"));
    assert_false(has(fixture, "sets-20261119T000000Z-3.csv"));
    assert_true(has(fixture, "counters-20261120T000000Z.csv.gz"));
    fixture->fake.wall_ns += 1000000;
    run(fixture);
    assert_false(has(fixture, "counters-20261120T000000Z.csv.gz"));
}

static void the_oldest_go_first_above_max_disk(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.compress = false;
    fixture->settings.max_disk_bytes = 350;
    make_file(fixture, "counters.csv", 100);
    make_file(fixture, "counters-20261117T000000Z.csv", 100);
    make_file(fixture, "timers-20261118T000000Z.csv.gz", 100);
    make_file(fixture, "counters-20261118T000000Z-1.csv", 100);
    make_file(fixture, "sets-20261119T000000Z.csv", 100);
    run(fixture);
    assert_false(has(fixture, "counters-20261117T000000Z.csv"));
    assert_false(has(fixture, "timers-20261118T000000Z.csv.gz"));
    assert_true(has(fixture, "counters-20261118T000000Z-1.csv"));
    assert_true(has(fixture, "sets-20261119T000000Z.csv"));
    assert_true(has(fixture, "counters.csv"));
    assert_int_equal(fixture->retain.deleted, 2);
}

static void compressing_may_save_a_file_from_max_disk(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.max_disk_bytes = 250000;
    char *zeros = calloc(1, 100000);
    assert_non_null(zeros);
    temporary_write(fixture->folder, "counters-20261117T000000Z.csv", zeros, 100000);
    temporary_write(fixture->folder, "counters-20261118T000000Z.csv", zeros, 100000);
    temporary_write(fixture->folder, "counters-20261119T000000Z.csv", zeros, 100000);
    free(zeros);
    run(fixture);
    assert_false(has(fixture, "counters-20261117T000000Z.csv"));
    assert_true(has(fixture, "counters-20261118T000000Z.csv.gz"));
    assert_true(has(fixture, "counters-20261119T000000Z.csv.gz"));
}

static void an_interrupted_compression_is_begun_anew(void **state)
{
    struct fixture *fixture = *state;
    make_file(fixture, "counters-20261120T000000Z.csv", 1000);
    make_file(fixture, "counters-20261120T000000Z.csv.gz.tmp", 77);
    run(fixture);
    assert_false(has(fixture, "counters-20261120T000000Z.csv.gz.tmp"));
    assert_false(has(fixture, "counters-20261120T000000Z.csv"));
    assert_true(has(fixture, "counters-20261120T000000Z.csv.gz"));
}

static void an_original_beside_its_whole_gzip_is_deleted(void **state)
{
    struct fixture *fixture = *state;
    make_file(fixture, "counters-20261120T000000Z.csv", 1000);
    run(fixture);
    make_file(fixture, "counters-20261120T000000Z.csv", 1000);
    run(fixture);
    assert_false(has(fixture, "counters-20261120T000000Z.csv"));
    assert_true(has(fixture, "counters-20261120T000000Z.csv.gz"));
}

static void an_original_beside_another_gzip_is_kept(void **state)
{
    struct fixture *fixture = *state;
    make_file(fixture, "counters-20261120T000000Z.csv", 1000);
    run(fixture);
    make_file(fixture, "counters-20261120T000000Z.csv", 1001);
    run(fixture);
    assert_true(has(fixture, "counters-20261120T000000Z.csv"));
    assert_true(has(fixture, "counters-20261120T000000Z.csv.gz"));
}

static void a_failed_compression_waits_ten_minutes(void **state)
{
    struct fixture *fixture = *state;
    make_file(fixture, "counters-20261120T000000Z.csv", 1000);
    csv_retain_want(&fixture->retain);
    assert_true(csv_retain_step(&fixture->retain, &fixture->settings));
    /* A folder in the place of the result, made after the look through. */
    const char *partial = temporary_path(fixture->folder, "counters-20261120T000000Z.csv.gz.tmp");
    assert_int_equal(mkdir(partial, 0700), 0);
    run(fixture);
    assert_int_equal(rmdir(partial), 0);
    run(fixture);
    assert_true(has(fixture, "counters-20261120T000000Z.csv"));
    fixture->fake.monotonic_ns += CSV_RETAIN_PAUSE_NS;
    run(fixture);
    assert_true(has(fixture, "counters-20261120T000000Z.csv.gz"));
}

static void an_end_in_mid_compression_keeps_the_original(void **state)
{
    struct fixture *fixture = *state;
    make_file(fixture, "counters-20261120T000000Z.csv", 4 * CSV_RETAIN_STEP_BYTES);
    for (int i = 0; i < 3; i++) {
        assert_true(csv_retain_step(&fixture->retain, &fixture->settings));
    }
    assert_true(has(fixture, "counters-20261120T000000Z.csv.gz.tmp"));
    csv_retain_deinit(&fixture->retain);
    assert_true(has(fixture, "counters-20261120T000000Z.csv"));
    assert_false(has(fixture, "counters-20261120T000000Z.csv.gz.tmp"));
    assert_false(has(fixture, "counters-20261120T000000Z.csv.gz"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        TEST(compressed_files_hold_the_same_bytes),
        TEST(compression_goes_in_steps),
        TEST(current_files_and_strangers_are_left_alone),
        TEST(files_older_than_retain_are_deleted),
        TEST(the_oldest_go_first_above_max_disk),
        TEST(compressing_may_save_a_file_from_max_disk),
        TEST(an_interrupted_compression_is_begun_anew),
        TEST(an_original_beside_its_whole_gzip_is_deleted),
        TEST(an_original_beside_another_gzip_is_kept),
        TEST(a_failed_compression_waits_ten_minutes),
        TEST(an_end_in_mid_compression_keeps_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
