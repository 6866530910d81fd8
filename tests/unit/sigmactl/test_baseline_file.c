/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "tests/unit/random.h"
#include "tests/unit/sink/temporary.h"
#include "tools/sigmactl/baseline_file.h"

#define RUN                                                                                \
    "{\"time\": \"2026-11-28T07:00:00Z\", \"mean\": 100, \"stddev\": 5, \"windows\": 60, " \
    "\"effective\": 36}"

static const char good[] =
    "{\n"
    "  \"sigmad_baseline\": 1,\n"
    "  \"threshold\": \"5%\",\n"
    "  \"series\": [\n"
    "    {\"kind\": \"timers\", \"metric\": \"api\", \"tags\": \"k=v\", \"type\": \"ms\",\n"
    "     \"statistic\": \"p99\", \"better\": \"lower\", \"target\": 100, \"warning\": 105,\n"
    "     \"critical\": 110, \"mean\": 100, \"variance\": 0, \"runs\": 1, \"windows\": 60,\n"
    "     \"history\": [" RUN "]}\n"
    "  ]\n"
    "}\n";

static char *folder, *path;
static struct baseline_file file;
static char faults[8192];

static int begin(void **state)
{
    (void)state;
    folder = temporary_make();
    return asprintf(&path, "%s/b.json", folder) > 0 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    baseline_file_deinit(&file);
    free(path);
    temporary_remove(folder);
    return 0;
}

static enum baseline_file_status read_text(const char *text, size_t length)
{
    unlink(path); /* some file systems sync a file that is cut and written anew */
    temporary_write(folder, "b.json", text, length);
    FILE *stream = fmemopen(faults, sizeof(faults), "w");
    baseline_file_deinit(&file);
    enum baseline_file_status status = baseline_file_read(&file, path, stream);
    fclose(stream);
    return status;
}

/* The good file with `from` replaced by `to`. */
static const char *changed(const char *from, const char *to)
{
    static char text[sizeof(good) + 4096];
    const char *at = strstr(good, from);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return text;
}

static void assert_fault(const char *from, const char *to, const char *expected)
{
    const char *text = changed(from, to);
    faults[0] = '\0';
    assert_int_equal(read_text(text, strlen(text)), BASELINE_FILE_DAMAGED);
    if (!strstr(faults, expected)) {
        fail_msg("`%s` is not in: %s", expected, faults);
    }
    assert_int_equal(strncmp(faults, path, strlen(path)), 0);
    assert_int_equal(file.count, 0);
}

static void a_good_file_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text(good, strlen(good)), BASELINE_FILE_READ);
    assert_int_equal(file.count, 1);
    const struct baseline_entry *entry = &file.entries[0];
    assert_int_equal(entry->better, BETTER_LOWER);
    assert_true(entry->warning == 105 && entry->runs == 1 && entry->history_count == 1);
    assert_true(entry->history[0].centre.effective == 36);
    assert_true(file.threshold == 0.05 && isnan(entry->threshold));
    assert_ptr_equal(baseline_file_find(&file, &entry->key), entry);
}

static void every_kind_of_nonsense_is_told_with_its_place(void **state)
{
    static const char *const table[][3] = {
        {"\"sigmad_baseline\": 1", "\"sigmad_baseline\": 2",
         "sigmad_baseline: the file is of version 2, and this sigmactl reads 1"},
        {"\"sigmad_baseline\": 1", "\"sigmad_baseline\": \"x\"", "of version \"x\""},
        {"\"sigmad_baseline\": 1,", "", "this is no baseline file"},
        {"\"threshold\": \"5%\"", "\"threshold\": 5", "threshold: is not a percentage"},
        {"\"threshold\": \"5%\"", "\"threshold\": \"0%\"", "threshold: is not a percentage"},
        {"\"threshold\"", "\"treshold\"", "treshold: there is no such key; the nearest one is"},
        {"\"target\": 100", "\"taget\": 100", "series[0].taget: there is no such key"},
        {"\"target\": 100,", "", "series[0].target: is missing"},
        {"\"target\": 100", "\"target\": \"100\"", "series[0].target: is not a number"},
        {"\"target\": 100", "\"target\": 1e200", "series[0].target: 1e+200 is not between"},
        {"\"target\": 100", "\"target\": 107", "target, warning and critical are not in order"},
        {"\"critical\": 110", "\"critical\": 104", "are not in order"},
        {"\"lower\"", "\"higher\"", "with higher better, target, warning and critical"},
        {"\"lower\"", "\"less\"", "series[0].better: `less` is none of lower, higher, none"},
        {"\"lower\"", "\"none\"", "series[0].warning: has no meaning where better is none"},
        {"\"kind\": \"timers\"", "\"kind\": \"events\"", "series[0].kind: `events` is none of"},
        {"\"metric\": \"api\"", "\"metric\": null", "series[0].metric: is not a text"},
        {"\"variance\": 0", "\"variance\": -1", "series[0].variance: -1 is not between 0"},
        {"\"runs\": 1", "\"runs\": 1.5", "series[0].runs: 1.5 is not a whole number"},
        {"\"runs\": 1", "\"runs\": 0", "series[0].history: is not a list of up to"},
        {"\"history\": [" RUN "]", "\"history\": []", "only a pinned target"},
        {"\"history\": [" RUN "]", "\"history\": [7]", "series[0].history[0]: is not an object"},
        {"\"history\": [" RUN "]", "\"history\": 7", "series[0].history: is not a list"},
        {"\"stddev\": 5", "\"stddev\": -5", "series[0].history[0].stddev: -5 is not between"},
        {"\"effective\": 36", "\"effective\": 61", "history[0].effective: is not above 0"},
        {"2026-11-28T07", "2026-11-31T07", "history[0].time: `2026-11-31T07:00:00Z` is no time"},
        {"\"series\": [", "\"series\": [3, ", "series[0]: is not an object"},
        {"\"runs\": 1", "\"runs\": 1, \"runs\": 2", ":7:"}, /* twice */
        {"\"runs\": 1", "\"runs\": 1e400", ":7:"},
        {"]}\n  ]\n}\n", "", ":8:"}, /* cut off */
        {"\"mean\": 100, \"variance\"", "\"mean\": NaN, \"variance\"", ":7:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_fault(table[i][0], table[i][1], table[i][2]);
    }
}

static void all_faults_are_told_at_once(void **state)
{
    (void)state;
    assert_fault("\"better\": \"lower\", \"target\": 100", "\"better\": 1, \"target\": null",
                 "series[0].better");
    assert_non_null(strstr(faults, "series[0].target"));
}

static void a_series_may_not_stand_there_twice(void **state)
{
    char text[2 * sizeof(good)];
    const char *from = strchr(strchr(good, '[') + 1, '{');
    const char *to = strstr(good, "\n  ]");
    (void)state;
    snprintf(text, sizeof(text), "%.*s,%.*s%s", (int)(to - good), good, (int)(to - from), from, to);
    assert_int_equal(read_text(text, strlen(text)), BASELINE_FILE_DAMAGED);
    assert_non_null(strstr(faults, "timers api{k=v} p99 stands there twice"));
}

static void a_missing_file_is_told_from_one_that_cannot_be_read(void **state)
{
    (void)state;
    assert_int_equal(baseline_file_read(&file, path, stderr), BASELINE_FILE_MISSING);
    FILE *stream = fmemopen(faults, sizeof(faults), "w");
    assert_int_equal(baseline_file_read(&file, folder, stream), BASELINE_FILE_DAMAGED);
    fclose(stream);
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    assert_int_equal(read_text(good, strlen(good)), BASELINE_FILE_READ);
    file.threshold = 0.075;
    file.entries[0].threshold = 0.2;
    file.entries[0].pinned = true;
    file.entries[0].variance = 1. / 3;
    file.entries[0].history[0].time += 0.125;
    assert_true(baseline_file_write(&file, path));
    char *once = temporary_read(folder, "b.json");
    assert_int_equal(read_text(once, strlen(once)), BASELINE_FILE_READ);
    assert_true(file.threshold == 0.075 && file.entries[0].threshold == 0.2);
    assert_true(file.entries[0].pinned && file.entries[0].variance == 1. / 3);
    assert_true(baseline_file_write(&file, path));
    char *twice = temporary_read(folder, "b.json");
    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

static void a_file_that_cannot_be_written_is_left_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(read_text(good, strlen(good)), BASELINE_FILE_READ);
    assert_false(baseline_file_write(&file, "/nowhere/b.json"));
    assert_int_equal(errno, ENOENT);
    assert_false(baseline_file_write(&file, folder));
    assert_int_equal(temporary_count(folder, "", ""), 3); /* b.json, and the two dots */
}

/* Property: bytes changed at random are refused with a reason or read into something sound. */
static void damage_is_refused_or_harmless(void **state)
{
    char text[sizeof(good)];
    uint64_t seed = 17;
    (void)state;
    for (int round = 0; round < 1500; round++) {
        memcpy(text, good, sizeof(good));
        for (uint64_t left = 1 + random_next(&seed) % 3; left > 0; left--) {
            text[random_next(&seed) % (sizeof(good) - 1)] =
                good[random_next(&seed) % (sizeof(good) - 1)];
        }
        size_t length =
            random_next(&seed) % 4 ? sizeof(good) - 1 : random_next(&seed) % (sizeof(good) - 1);
        faults[0] = '\0';
        if (read_text(text, length) != BASELINE_FILE_READ) {
            assert_int_not_equal(faults[0], '\0');
            continue;
        }
        for (size_t i = 0; i < file.count; i++) {
            const struct baseline_entry *entry = &file.entries[i];
            assert_true(isfinite(entry->target) && entry->history_count <= entry->runs);
            assert_true(entry->pinned || entry->history_count > 0);
            assert_true(isfinite(baseline_entry_noise(entry, &entry->history[0].centre).variance));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_file_is_read),
        TEST(every_kind_of_nonsense_is_told_with_its_place),
        TEST(all_faults_are_told_at_once),
        TEST(a_series_may_not_stand_there_twice),
        TEST(a_missing_file_is_told_from_one_that_cannot_be_read),
        TEST(what_is_written_reads_back_the_same),
        TEST(a_file_that_cannot_be_written_is_left_as_it_is),
        TEST(damage_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
