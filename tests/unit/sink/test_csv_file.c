/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "config/config.h"
#include "server/core/log.h"
#include "server/sink/csv_file.h"
#include "tests/unit/sink/temporary.h"

#define HEADER "timestamp,metric,tags,count,rate\n"
#define DAY_MS 86400000LL
/* 2026-11-21T00:00:00Z */
#define MIDNIGHT_MS 1795219200000LL

struct fixture {
    char *folder;
    struct csv_file file;
    struct csv_settings settings;
    struct buffer header;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->folder = temporary_make();
    fixture->settings.mode = 0640;
    buffer_append_text(&fixture->header, HEADER);
    assert_true(csv_file_init(&fixture->file, fixture->folder, CSV_COUNTERS));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    csv_file_deinit(&fixture->file);
    temporary_remove(fixture->folder);
    buffer_deinit(&fixture->header);
    free(fixture);
    return 0;
}

static bool open_file(struct fixture *fixture)
{
    return csv_file_open(&fixture->file, &fixture->settings, &fixture->header, MIDNIGHT_MS + 1000);
}

/* A window of `rows`. */
static bool write_rows(struct fixture *fixture, int64_t stamp_ms, const char *rows)
{
    return csv_file_begin(&fixture->file, &fixture->settings, &fixture->header, stamp_ms,
                          strlen(rows)) &&
           csv_file_append(&fixture->file, rows, strlen(rows)) &&
           csv_file_commit(&fixture->file, true);
}

static void assert_content(const struct fixture *fixture, const char *name, const char *expected)
{
    char *content = temporary_read(fixture->folder, name);
    assert_non_null(content);
    assert_string_equal(content, expected);
    free(content);
}

static void a_new_file_has_its_header_and_mode(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    mode_t umask_before = umask(077);
    assert_true(open_file(fixture));
    umask(umask_before);
    assert_content(fixture, "counters.csv", HEADER);
    assert_int_equal(stat(temporary_path(fixture->folder, "counters.csv"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void a_missing_folder_is_made(void **state)
{
    struct fixture *fixture = *state;
    struct csv_file file;
    assert_true(csv_file_init(&file, temporary_path(fixture->folder, "a/b/c"), CSV_SETS));
    assert_true(csv_file_open(&file, &fixture->settings, &fixture->header, 0));
    assert_content(fixture, "a/b/c/sets.csv", HEADER);
    csv_file_deinit(&file);
}

static void what_a_crash_left_is_mended_at_the_start(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"", HEADER},
        {"time", HEADER},
        {"timestamp,metric,tags,count,rate", HEADER},
        {HEADER, HEADER},
        {HEADER "10,a,,1", HEADER},
        {HEADER "10,a,,1,1\n20,b,,", HEADER "10,a,,1,1\n"},
        {HEADER "10,a,,1,1\n20,b,,1,1\n", HEADER "10,a,,1,1\n20,b,,1,1\n"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        temporary_write(fixture->folder, "counters.csv", cases[i].before, strlen(cases[i].before));
        assert_true(open_file(fixture));
        assert_content(fixture, "counters.csv", cases[i].after);
    }
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 0);
}

static void a_torn_line_of_any_length_is_cut(void **state)
{
    struct fixture *fixture = *state;
    static const char whole[] = HEADER "10,a,,1,1\n";
    const size_t torn_lengths[] = {1, 16383, 16384, 16385, 100000};
    for (size_t i = 0; i < sizeof(torn_lengths) / sizeof(torn_lengths[0]); i++) {
        size_t length = sizeof(whole) - 1 + torn_lengths[i];
        char *content = malloc(length);
        assert_non_null(content);
        memcpy(content, whole, sizeof(whole) - 1);
        memset(content + sizeof(whole) - 1, i % 2 ? 'x' : 0, torn_lengths[i]);
        temporary_write(fixture->folder, "counters.csv", content, length);
        free(content);
        assert_true(open_file(fixture));
        assert_content(fixture, "counters.csv", whole);
    }
}

static void rows_follow_those_of_the_last_run(void **state)
{
    struct fixture *fixture = *state;
    assert_true(write_rows(fixture, 10000, "10,a,,1,1\n"));
    csv_file_close(&fixture->file);
    assert_true(open_file(fixture));
    assert_int_equal(fixture->file.last_ms, 10000);
    assert_true(write_rows(fixture, 20000, "20,a,,1,1\n"));
    assert_content(fixture, "counters.csv", HEADER "10,a,,1,1\n20,a,,1,1\n");
}

static void a_file_with_another_header_is_rotated_first(void **state)
{
    static const char old[] = "timestamp,metric,tags,count\n10,a,,1\n20,b";
    struct fixture *fixture = *state;
    temporary_write(fixture->folder, "counters.csv", old, sizeof(old) - 1);
    assert_true(open_file(fixture));
    assert_content(fixture, "counters.csv", HEADER);
    assert_content(fixture, "counters-20261121T000001Z.csv",
                   "timestamp,metric,tags,count\n10,a,,1\n");
}

static void a_strangers_file_is_moved_away_untouched(void **state)
{
    static const char strange[] = "no csv of ours\nno LF at its end";
    struct fixture *fixture = *state;
    temporary_write(fixture->folder, "counters.csv", strange, sizeof(strange) - 1);
    assert_true(open_file(fixture));
    assert_content(fixture, "counters.csv", HEADER);
    assert_content(fixture, "counters-20261121T000001Z.csv", strange);
}

static void a_new_header_rotates_a_running_file(void **state)
{
    struct fixture *fixture = *state;
    assert_true(write_rows(fixture, MIDNIGHT_MS, "1,a,,1,1\n"));
    fixture->header.length = 0;
    buffer_append_text(&fixture->header, "timestamp,metric,tags,p50\n");
    assert_true(write_rows(fixture, MIDNIGHT_MS + 5000, "5,a,,1\n"));
    assert_content(fixture, "counters.csv", "timestamp,metric,tags,p50\n5,a,,1\n");
    assert_content(fixture, "counters-20261121T000005Z.csv", HEADER "1,a,,1,1\n");
}

static void rotates_by_size_before_the_write_that_would_exceed(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.rotate_size_bytes = sizeof(HEADER) - 1 + 20;
    assert_true(write_rows(fixture, MIDNIGHT_MS + 1000, "10,a,,1,1\n"));
    assert_true(write_rows(fixture, MIDNIGHT_MS + 2000, "20,a,,1,1\n"));
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 0);
    assert_true(write_rows(fixture, MIDNIGHT_MS + 3500, "30,a,,1,1\n"));
    assert_content(fixture, "counters-20261121T000003Z.csv", HEADER "10,a,,1,1\n20,a,,1,1\n");
    assert_content(fixture, "counters.csv", HEADER "30,a,,1,1\n");
}

static void a_window_larger_than_a_file_has_its_own(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.rotate_size_bytes = 40;
    for (int i = 0; i < 3; i++) {
        assert_true(write_rows(fixture, MIDNIGHT_MS, "10,a,,1,1\n10,b,,1,1\n"));
    }
    assert_content(fixture, "counters.csv", HEADER "10,a,,1,1\n10,b,,1,1\n");
    assert_content(fixture, "counters-20261121T000000Z.csv", HEADER "10,a,,1,1\n10,b,,1,1\n");
    assert_content(fixture, "counters-20261121T000000Z-1.csv", HEADER "10,a,,1,1\n10,b,,1,1\n");
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 2);
}

static void the_name_of_a_compressed_file_is_taken_too(void **state)
{
    struct fixture *fixture = *state;
    temporary_write(fixture->folder, "counters-20261121T000000Z.csv.gz", "", 0);
    fixture->settings.rotate_size_bytes = 40;
    assert_true(write_rows(fixture, MIDNIGHT_MS, "10,a,,1,1\n"));
    assert_true(write_rows(fixture, MIDNIGHT_MS, "20,a,,1,1\n"));
    assert_true(temporary_exists(fixture->folder, "counters-20261121T000000Z-1.csv"));
}

static void rotates_by_age_at_midnight_utc(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.rotate_age_ms = (uint64_t)DAY_MS;
    assert_true(write_rows(fixture, MIDNIGHT_MS - 10, "1,a,,1,1\n"));
    assert_true(write_rows(fixture, MIDNIGHT_MS - 1, "2,a,,1,1\n"));
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 0);
    assert_true(write_rows(fixture, MIDNIGHT_MS, "3,a,,1,1\n"));
    assert_content(fixture, "counters-20261121T000000Z.csv", HEADER "1,a,,1,1\n2,a,,1,1\n");
    assert_content(fixture, "counters.csv", HEADER "3,a,,1,1\n");
    assert_true(write_rows(fixture, MIDNIGHT_MS + DAY_MS - 1, "4,a,,1,1\n"));
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 1);
}

static void an_idle_file_is_rotated_on_time(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.rotate_age_ms = 3600000;
    assert_true(write_rows(fixture, MIDNIGHT_MS + 1000, "1,a,,1,1\n"));
    assert_true(write_rows(fixture, MIDNIGHT_MS + 3600000, ""));
    assert_content(fixture, "counters-20261121T010000Z.csv", HEADER "1,a,,1,1\n");
    assert_true(write_rows(fixture, MIDNIGHT_MS + 7200000, ""));
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 1);
}

static void a_file_of_an_earlier_day_is_rotated_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    static const char old[] = HEADER "1795219199.500,a,,1,1\n";
    fixture->settings.rotate_age_ms = (uint64_t)DAY_MS;
    temporary_write(fixture->folder, "counters.csv", old, sizeof(old) - 1);
    assert_true(open_file(fixture));
    assert_true(write_rows(fixture, MIDNIGHT_MS + 3 * DAY_MS, "9,a,,1,1\n"));
    assert_content(fixture, "counters-20261121T000000Z.csv", old);
    assert_content(fixture, "counters.csv", HEADER "9,a,,1,1\n");
}

static void a_file_moved_away_or_deleted_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    assert_true(write_rows(fixture, 10000, "10,a,,1,1\n"));
    assert_int_equal(rename(temporary_path(fixture->folder, "counters.csv"),
                            temporary_path(fixture->folder, "counters.csv.1")),
                     0);
    assert_true(write_rows(fixture, 20000, "20,a,,1,1\n"));
    assert_content(fixture, "counters.csv.1", HEADER "10,a,,1,1\n");
    assert_content(fixture, "counters.csv", HEADER "20,a,,1,1\n");
    assert_int_equal(unlink(temporary_path(fixture->folder, "counters.csv")), 0);
    assert_true(write_rows(fixture, 30000, "30,a,,1,1\n"));
    assert_content(fixture, "counters.csv", HEADER "30,a,,1,1\n");
}

static void a_file_cut_by_another_is_mended(void **state)
{
    struct fixture *fixture = *state;
    assert_true(write_rows(fixture, 10000, "10,a,,1,1\n"));
    assert_int_equal(truncate(temporary_path(fixture->folder, "counters.csv"), 0), 0);
    assert_true(write_rows(fixture, 20000, "20,a,,1,1\n"));
    assert_content(fixture, "counters.csv", HEADER "20,a,,1,1\n");
}

static void a_window_given_up_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_true(write_rows(fixture, 10000, "10,a,,1,1\n"));
    assert_true(csv_file_begin(&fixture->file, &fixture->settings, &fixture->header, 20000, 10));
    assert_true(csv_file_append(&fixture->file, "20,b,,1,1\n", 10));
    csv_file_rollback(&fixture->file);
    assert_content(fixture, "counters.csv", HEADER "10,a,,1,1\n");
    assert_true(write_rows(fixture, 30000, "30,c,,1,1\n"));
    assert_content(fixture, "counters.csv", HEADER "10,a,,1,1\n30,c,,1,1\n");
}

static void a_write_that_falls_short_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    struct rlimit limit;
    char rows[1001];
    memset(rows, 'x', sizeof(rows) - 2);
    rows[999] = '\n';
    rows[1000] = '\0';
    assert_true(write_rows(fixture, 10000, "10,a,,1,1\n"));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 500;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool written = write_rows(fixture, 20000, rows);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(written);
    assert_string_equal(fixture->file.reason, "counters.csv: write: File too large");
    assert_content(fixture, "counters.csv", HEADER "10,a,,1,1\n");
    assert_true(write_rows(fixture, 20000, "20,a,,1,1\n"));
    assert_content(fixture, "counters.csv", HEADER "10,a,,1,1\n20,a,,1,1\n");
}

static void what_is_no_regular_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(temporary_path(fixture->folder, "counters.csv"), 0600), 0);
    assert_false(open_file(fixture));
    assert_non_null(strstr(fixture->file.reason, "not a regular file"));
    assert_int_equal(fixture->file.fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_has_its_header_and_mode),
        TEST(a_missing_folder_is_made),
        TEST(what_a_crash_left_is_mended_at_the_start),
        TEST(a_torn_line_of_any_length_is_cut),
        TEST(rows_follow_those_of_the_last_run),
        TEST(a_file_with_another_header_is_rotated_first),
        TEST(a_strangers_file_is_moved_away_untouched),
        TEST(a_new_header_rotates_a_running_file),
        TEST(rotates_by_size_before_the_write_that_would_exceed),
        TEST(a_window_larger_than_a_file_has_its_own),
        TEST(the_name_of_a_compressed_file_is_taken_too),
        TEST(rotates_by_age_at_midnight_utc),
        TEST(an_idle_file_is_rotated_on_time),
        TEST(a_file_of_an_earlier_day_is_rotated_after_a_restart),
        TEST(a_file_moved_away_or_deleted_is_made_anew),
        TEST(a_file_cut_by_another_is_mended),
        TEST(a_window_given_up_leaves_nothing),
        TEST(a_write_that_falls_short_leaves_nothing),
        TEST(what_is_no_regular_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
