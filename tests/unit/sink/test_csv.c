/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include "server/core/log.h"
#include "server/sink/csv.h"
#include "server/sink/csv_queue.h"
#include "tests/unit/sink/make_snapshot.h"
#include "tests/unit/sink/temporary.h"

/* 2026-11-21T00:00:00Z */
#define MIDNIGHT_SECONDS 1795219200.0
#define SECOND_NS 1000000000ULL
#define PATIENCE_SECONDS 20

/* Rows of a window in the tests of a full disk: a window takes some 20 KiB, the limit holds three.
 */
#define ROWS 1000
#define LIMIT_BYTES (64 * 1024)

struct fixture {
    char *folder;
    struct config config;
    double percentiles[5];
    _Atomic uint64_t monotonic_ns;
    struct clock clock;
    pthread_mutex_t lock;
    pthread_cond_t notified;
    unsigned notifications;
    struct sink *sink;
    struct rlimit limit_before;
    char reason[160];
};

static uint64_t read_monotonic(void *context)
{
    return atomic_load(&((struct fixture *)context)->monotonic_ns);
}

static int64_t read_wall(void *context)
{
    (void)context;
    return (int64_t)MIDNIGHT_SECONDS * 1000000000;
}

static void notify(void *context)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    fixture->notifications++;
    pthread_cond_broadcast(&fixture->notified);
    pthread_mutex_unlock(&fixture->lock);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->folder = temporary_make();
    fixture->config.csv.directory = fixture->folder;
    fixture->config.csv.mode = 0640;
    memcpy(fixture->percentiles, made_percents, sizeof(made_percents));
    fixture->config.flush.percentiles.items = fixture->percentiles;
    fixture->config.flush.percentiles.count = 5;
    fixture->clock = (struct clock){read_monotonic, read_wall, fixture};
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->notified, NULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &fixture->limit_before), 0);
    signal(SIGXFSZ, SIG_IGN);
    *state = fixture;
    return 0;
}

static void limit_file_size(const struct fixture *fixture, rlim_t bytes)
{
    struct rlimit limit = fixture->limit_before;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_file_size(const struct fixture *fixture)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &fixture->limit_before), 0);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    unlimit_file_size(fixture);
    if (fixture->sink) {
        fixture->sink->ops->stop(fixture->sink, PATIENCE_SECONDS * 1000);
    }
    umount2(fixture->folder,
            MNT_DETACH); /* where a test with a file system of its own has failed */
    temporary_remove(fixture->folder);
    pthread_mutex_destroy(&fixture->lock);
    pthread_cond_destroy(&fixture->notified);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture)
{
    fixture->sink = csv_sink_new(&fixture->config, &fixture->clock, notify, fixture,
                                 fixture->reason, sizeof(fixture->reason));
    assert_non_null(fixture->sink);
    assert_string_equal(fixture->sink->ops->name, "csv");
}

static bool stop(struct fixture *fixture, uint64_t deadline_ms)
{
    struct sink *sink = fixture->sink;
    fixture->sink = NULL;
    return sink->ops->stop(sink, deadline_ms);
}

static struct sink_figures figures(struct fixture *fixture)
{
    struct sink_figures now;
    fixture->sink->ops->figures(fixture->sink, &now);
    return now;
}

/* Waits for notifications until `window` is done and the sink fails or not, as `failing` says. */
static struct sink_figures wait_for(struct fixture *fixture, uint64_t window, bool failing)
{
    struct timespec until;
    struct sink_figures now;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    pthread_mutex_lock(&fixture->lock);
    int error = 0;
    for (;;) {
        unsigned seen = fixture->notifications;
        pthread_mutex_unlock(&fixture->lock);
        now = figures(fixture);
        pthread_mutex_lock(&fixture->lock);
        if ((now.done_window >= window && now.failing == failing) || error != 0) {
            break;
        }
        while (seen == fixture->notifications && error == 0) {
            error = pthread_cond_timedwait(&fixture->notified, &fixture->lock, &until);
        }
    }
    pthread_mutex_unlock(&fixture->lock);
    assert_int_equal(error, 0);
    return now;
}

static int watch_folder(const struct fixture *fixture, uint32_t what)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(watch >= 0);
    assert_true(inotify_add_watch(watch, fixture->folder, what) >= 0);
    return watch;
}

static void wait_for_change(int watch)
{
    char events[4096];
    struct pollfd ready = {.fd = watch, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, PATIENCE_SECONDS * 1000), 1);
    while (read(watch, events, sizeof(events)) > 0) {
    }
}

/* Waits until the number of files whose names begin and end so is in the range. */
static void wait_for_files(const struct fixture *fixture, const char *begin, const char *end,
                           int least, int most)
{
    int count, watch = watch_folder(fixture, IN_CREATE | IN_MOVED_TO | IN_DELETE);
    while ((count = temporary_count(fixture->folder, begin, end)) < least || count > most) {
        wait_for_change(watch);
    }
    close(watch);
}

static size_t count_rows(const struct fixture *fixture, const char *name)
{
    size_t lines = 0;
    char *content = temporary_read(fixture->folder, name);
    assert_non_null(content);
    for (const char *at = content; (at = strchr(at, '\n')); at++) {
        lines++;
    }
    free(content);
    return lines - 1;
}

/* Waits until a file that is there has so many rows. */
static void wait_for_rows(const struct fixture *fixture, const char *name, size_t rows)
{
    int watch = watch_folder(fixture, IN_MODIFY);
    while (count_rows(fixture, name) < rows) {
        wait_for_change(watch);
    }
    close(watch);
}

static void submit(struct fixture *fixture, struct snapshot *snapshot)
{
    fixture->sink->ops->submit(fixture->sink, snapshot);
    snapshot_unref(snapshot);
}

/* A window of ROWS counters, each of which counts the window's number, and one gauge. */
static void submit_rows(struct fixture *fixture, uint64_t window)
{
    struct snapshot *snapshot = make_snapshot(window, MIDNIGHT_SECONDS + (double)window);
    for (int i = 0; i < ROWS; i++) {
        make_counter(snapshot, "c", "", (double)window);
    }
    make_gauge(snapshot, "g", "", (double)window);
    submit(fixture, snapshot);
}

/* Asserts that a file holds the windows [first, last] of submit_rows(), whole, once and in order.
 */
static void assert_windows(const struct fixture *fixture, const char *name, int rows,
                           uint64_t first, uint64_t last)
{
    char *content = temporary_read(fixture->folder, name);
    assert_non_null(content);
    char *at = strchr(content, '\n') + 1;
    for (uint64_t window = first; window <= last; window++) {
        char row[64];
        int length = rows == 1 ? snprintf(row, sizeof(row), "%llu,g,,%llu\n",
                                          1795219200 + (unsigned long long)window,
                                          (unsigned long long)window)
                               : snprintf(row, sizeof(row), "%llu,c,,%llu,%g\n",
                                          1795219200 + (unsigned long long)window,
                                          (unsigned long long)window, (double)window / 10);
        for (int i = 0; i < rows; i++) {
            assert_int_equal(strncmp(at, row, (size_t)length), 0);
            at += length;
        }
    }
    assert_string_equal(at, "");
    free(content);
}

static void assert_content(const struct fixture *fixture, const char *name, const char *expected)
{
    char *content = temporary_read(fixture->folder, name);
    assert_non_null(content);
    assert_string_equal(content, expected);
    free(content);
}

static void every_file_has_its_rows(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    struct snapshot *snapshot = make_snapshot(1, MIDNIGHT_SECONDS);
    make_counter(snapshot, "a.b", "", 7);
    make_gauge(snapshot, "g", "", 4);
    make_timer(snapshot, STATSD_TIMER, "t", "")->count = 1;
    make_set(snapshot, "u", "env:prod", 1);
    make_anomaly(snapshot, "t", "", "why")->type = ANOMALY_HIGH_LATENCY;
    submit(fixture, snapshot);
    struct sink_figures now = wait_for(fixture, 1, false);
    assert_int_equal(now.windows_lost, 0);
    assert_int_equal(now.queue_bytes, 0);
    assert_true(now.bytes_sent > 0);
    assert_content(fixture, "counters.csv",
                   "timestamp,metric,tags,count,rate\n1795219200,a.b,,7,0.7\n");
    assert_content(fixture, "gauges.csv", "timestamp,metric,tags,value\n1795219200,g,,4\n");
    assert_content(fixture, "timers.csv",
                   "timestamp,metric,tags,type,count,rate,sum,mean,min,max,stddev,"
                   "p50,p90,p95,p99,p99.9\n1795219200,t,,ms,1,0,0,0,0,0,0,,,,,\n");
    assert_content(fixture, "sets.csv", "timestamp,metric,tags,unique\n1795219200,u,env=prod,1\n");
    assert_content(fixture, "anomalies.csv",
                   "timestamp,metric,tags,statistic,value,mean,stddev,lower,upper,type,severity,"
                   "state,reason\n1795219200,t,,rate,0,0,0,0,0,high_latency,info,start,why\n");
}

static void files_are_there_before_the_first_window(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_int_equal(temporary_count(fixture->folder, "", ".csv"), CSV_KINDS - 1);
    assert_int_equal(temporary_count(fixture->folder, "histograms", ".csv"), 0);
    assert_int_equal(figures(fixture).done_window, 0);
}

static void a_full_disk_leaves_no_holes_and_no_repeats(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    limit_file_size(fixture, LIMIT_BYTES);
    for (uint64_t window = 1; window <= 6; window++) {
        submit_rows(fixture, window);
    }
    struct sink_figures now = wait_for(fixture, 0, true);
    assert_string_equal(now.reason, "counters.csv: write: File too large");
    assert_true(now.queue_bytes > 0);
    assert_true(now.done_window < 6);
    unlimit_file_size(fixture);
    atomic_fetch_add(&fixture->monotonic_ns, SECOND_NS);
    submit_rows(fixture, 7);
    now = wait_for(fixture, 7, false);
    assert_int_equal(now.windows_lost, 0);
    assert_true(now.errors >= 1);
    assert_windows(fixture, "counters.csv", ROWS, 1, 7);
    assert_windows(fixture, "gauges.csv", 1, 1, 7);
}

static void other_files_go_on_while_one_fails(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    limit_file_size(fixture, LIMIT_BYTES);
    for (uint64_t window = 1; window <= 6; window++) {
        submit_rows(fixture, window);
    }
    wait_for(fixture, 0, true);
    wait_for_rows(fixture, "gauges.csv", 6);
    assert_false(stop(fixture, 100));
    unlimit_file_size(fixture);
    assert_windows(fixture, "gauges.csv", 1, 1, 6);
    assert_windows(fixture, "counters.csv", ROWS, 1, 3);
}

static void space_on_a_real_file_system_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    if (mount("sigmad-test", fixture->folder, "tmpfs", 0, "size=64k") != 0) {
        skip();
    }
    start(fixture);
    for (uint64_t window = 1; window <= 6; window++) {
        submit_rows(fixture, window);
    }
    struct sink_figures now = wait_for(fixture, 0, true);
    assert_non_null(strstr(now.reason, "No space left on device"));
    assert_int_equal(mount("sigmad-test", fixture->folder, "tmpfs", MS_REMOUNT, "size=4m"), 0);
    atomic_fetch_add(&fixture->monotonic_ns, SECOND_NS);
    submit_rows(fixture, 7);
    now = wait_for(fixture, 7, false);
    assert_int_equal(now.windows_lost, 0);
    assert_windows(fixture, "counters.csv", ROWS, 1, 7);
    assert_windows(fixture, "gauges.csv", 1, 1, 7);
    assert_true(stop(fixture, 1000));
    assert_int_equal(umount(fixture->folder), 0);
}

/* A window of 4,000 rows of some 2,000 bytes each, which the writer takes in two pieces. */
static void submit_large(struct fixture *fixture, uint64_t window)
{
    char name[2001];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct snapshot *snapshot = make_snapshot(window, (double)window);
    for (int i = 0; i < 4000; i++) {
        make_counter(snapshot, name, "", 10);
    }
    submit(fixture, snapshot);
}

static long long size_of(const struct fixture *fixture, const char *name)
{
    struct stat status;
    assert_int_equal(stat(temporary_path(fixture->folder, name), &status), 0);
    return status.st_size;
}

static void a_window_of_several_pieces_is_in_as_a_whole_or_not_at_all(void **state)
{
    static const long long header = sizeof("timestamp,metric,tags,count,rate\n") - 1;
    static const long long rows = 4000 * (sizeof("1,,,10,1\n") - 1 + 2000);
    struct fixture *fixture = *state;
    fixture->config.csv.rotate_size_bytes = 10000000;
    start(fixture);
    limit_file_size(fixture, 6000000);
    submit_large(fixture, 1);
    wait_for(fixture, 0, true);
    assert_int_equal(size_of(fixture, "counters.csv"), header);
    unlimit_file_size(fixture);
    atomic_fetch_add(&fixture->monotonic_ns, SECOND_NS);
    submit_large(fixture, 2);
    wait_for(fixture, 2, false);
    assert_int_equal(size_of(fixture, "counters-19700101T000002Z.csv"), header + rows);
    assert_int_equal(size_of(fixture, "counters.csv"), header + rows);
}

static void at_the_bound_the_oldest_waiting_window_is_lost(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    limit_file_size(fixture,
                    8192); /* room for the gauges of all windows, not for a window's counters */
    const uint64_t windows = CSV_QUEUE_WINDOWS_MAX + 6;
    submit_rows(fixture, 1);
    wait_for(fixture, 0, true);
    for (uint64_t window = 2; window <= windows; window++) {
        submit_rows(fixture, window);
        if (window == CSV_QUEUE_WINDOWS_MAX) {
            /* From here on the writer has no file of the oldest in hand, which would keep it. */
            wait_for_rows(fixture, "gauges.csv", window);
        }
    }
    struct sink_figures now = figures(fixture);
    assert_int_equal(now.windows_lost, 6);
    assert_true(now.done_window <= 6);
    unlimit_file_size(fixture);
    assert_true(stop(fixture, PATIENCE_SECONDS * 1000));
    assert_windows(fixture, "counters.csv", ROWS, 7, windows);
}

static void stop_writes_what_waits(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    for (uint64_t window = 1; window <= 20; window++) {
        submit_rows(fixture, window);
    }
    assert_true(stop(fixture, PATIENCE_SECONDS * 1000));
    assert_windows(fixture, "counters.csv", ROWS, 1, 20);
    assert_windows(fixture, "gauges.csv", 1, 1, 20);
}

static void stop_says_what_it_could_not_write(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    limit_file_size(fixture, 1024);
    submit_rows(fixture, 1);
    wait_for(fixture, 0, true);
    wait_for_rows(fixture, "gauges.csv", 1);
    assert_false(stop(fixture, 100));
    unlimit_file_size(fixture);
    assert_content(fixture, "counters.csv", "timestamp,metric,tags,count,rate\n");
    assert_windows(fixture, "gauges.csv", 1, 1, 1);
}

static void reopen_brings_a_moved_file_back(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    submit_rows(fixture, 1);
    wait_for(fixture, 1, false);
    assert_int_equal(rename(temporary_path(fixture->folder, "gauges.csv"),
                            temporary_path(fixture->folder, "gauges.csv.1")),
                     0);
    fixture->sink->ops->reopen(fixture->sink);
    wait_for_files(fixture, "gauges.csv", "gauges.csv", 1, 1);
    submit_rows(fixture, 2);
    wait_for(fixture, 2, false);
    assert_windows(fixture, "gauges.csv.1", 1, 1, 1);
    assert_windows(fixture, "gauges.csv", 1, 2, 2);
    assert_windows(fixture, "counters.csv", ROWS, 1, 2);
}

static void other_percentiles_begin_a_new_file(void **state)
{
    static const double one[] = {75};
    struct fixture *fixture = *state;
    start(fixture);
    struct snapshot *snapshot = make_snapshot(1, MIDNIGHT_SECONDS);
    snapshot->percents = one;
    snapshot->percentile_count = 1;
    submit(fixture, snapshot);
    wait_for(fixture, 1, false);
    assert_content(fixture, "timers.csv",
                   "timestamp,metric,tags,type,count,rate,sum,mean,min,max,stddev,p75\n");
    assert_int_equal(temporary_count(fixture->folder, "timers-20261121T000000Z", ".csv"), 1);
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 0);
}

static void closed_files_are_compressed_and_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.csv.compress = true;
    fixture->config.csv.rotate_age_ms = 86400000;
    start(fixture);
    submit_rows(fixture, 1);
    wait_for(fixture, 1, false);
    char *before = temporary_read(fixture->folder, "counters.csv");
    submit_rows(fixture, 86400 * 1);
    wait_for_files(fixture, "counters-20261122T000000Z", ".csv.gz", 1, 1);
    char *back = calloc(1, strlen(before) + 2);
    assert_non_null(back);
    gzFile file = gzopen(temporary_path(fixture->folder, "counters-20261122T000000Z.csv.gz"), "r");
    assert_non_null(file);
    assert_int_equal(gzread(file, back, (unsigned)strlen(before) + 1), strlen(before));
    assert_string_equal(back, before);
    gzclose(file);
    free(before);
    free(back);
}

/* Rows a hundred times as long as those before: nothing tells beforehand that they do not fit. */
static void a_window_far_larger_than_expected_goes_into_a_file_of_its_own(void **state)
{
    static const long long header = sizeof("timestamp,metric,tags,count,rate\n") - 1;
    static const long long rows = 4000 * (sizeof("2,,,10,1\n") - 1 + 2000);
    struct fixture *fixture = *state;
    fixture->config.csv.rotate_size_bytes = 1000000;
    start(fixture);
    submit_rows(fixture, 1);
    wait_for(fixture, 1, false);
    submit_large(fixture, 2);
    wait_for(fixture, 2, false);
    assert_windows(fixture, "counters-19700101T000002Z.csv", ROWS, 1, 1);
    assert_int_equal(size_of(fixture, "counters.csv"), header + rows);
}

static void settings_change_while_it_runs(void **state)
{
    struct fixture *fixture = *state;
    struct config changed = fixture->config;
    start(fixture);
    submit_rows(fixture, 1);
    submit_rows(fixture, 2);
    wait_for(fixture, 2, false);
    assert_int_equal(temporary_count(fixture->folder, "counters-", ""), 0);
    changed.csv.rotate_size_bytes = LIMIT_BYTES / 2;
    csv_sink_configure(fixture->sink, &changed);
    submit_rows(fixture, 3);
    wait_for(fixture, 3, false);
    assert_windows(fixture, "counters-20261121T000003Z.csv", ROWS, 1, 2);
    assert_windows(fixture, "counters.csv", ROWS, 3, 3);
}

static void max_disk_is_kept(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.csv.rotate_size_bytes = LIMIT_BYTES / 2;
    fixture->config.csv.max_disk_bytes = 3 * LIMIT_BYTES;
    start(fixture);
    for (uint64_t window = 1; window <= 60; window++) {
        submit_rows(fixture, window);
        wait_for(fixture, window, false);
    }
    /* A window takes some 19 KiB and has a file of its own. */
    wait_for_files(fixture, "counters-", ".csv", 1, 9);
    assert_false(temporary_exists(fixture->folder, "counters-20261121T000002Z.csv"));
    assert_true(stop(fixture, 1000));
    assert_windows(fixture, "counters-20261121T000100Z.csv", ROWS, 59, 59);
    assert_windows(fixture, "counters.csv", ROWS, 60, 60);
}

static void a_folder_that_cannot_be_used_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX];
    temporary_write(fixture->folder, "file", "", 0);
    snprintf(path, sizeof(path), "%s/file", fixture->folder);
    fixture->config.csv.directory = path;
    assert_null(csv_sink_new(&fixture->config, &fixture->clock, notify, fixture, fixture->reason,
                             sizeof(fixture->reason)));
    assert_non_null(strstr(fixture->reason, "Not a directory"));
    snprintf(path, sizeof(path), "%s/folder", fixture->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mkdir(temporary_path(path, "gauges.csv"), 0700), 0);
    assert_null(csv_sink_new(&fixture->config, &fixture->clock, notify, fixture, fixture->reason,
                             sizeof(fixture->reason)));
    assert_non_null(strstr(fixture->reason, "gauges.csv"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        TEST(every_file_has_its_rows),
        TEST(files_are_there_before_the_first_window),
        TEST(a_full_disk_leaves_no_holes_and_no_repeats),
        TEST(other_files_go_on_while_one_fails),
        TEST(space_on_a_real_file_system_is_waited_for),
        TEST(a_window_of_several_pieces_is_in_as_a_whole_or_not_at_all),
        TEST(at_the_bound_the_oldest_waiting_window_is_lost),
        TEST(stop_writes_what_waits),
        TEST(stop_says_what_it_could_not_write),
        TEST(reopen_brings_a_moved_file_back),
        TEST(other_percentiles_begin_a_new_file),
        TEST(closed_files_are_compressed_and_whole),
        TEST(a_window_far_larger_than_expected_goes_into_a_file_of_its_own),
        TEST(settings_change_while_it_runs),
        TEST(max_disk_is_kept),
        TEST(a_folder_that_cannot_be_used_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
