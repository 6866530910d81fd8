/* SPDX-License-Identifier: MIT
 *
 * Profile etsy: whole windows of the corpus, whose figures were taken from etsy statsd itself, come
 * out of the rows of snapshots. What a window shows is compared as a whole, so that nothing is
 * missing and nothing is there that etsy statsd would not send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>

#include "proto/number.h"
#include "server/core/pool_share.h"
#include "tests/unit/flush/store.h"

#define TOLERANCE 1e-9

/* Settings as of --set, gathered one by one. */
struct settings {
    char texts[16][256];
    const char *items[17];
    size_t count;
};

static void set(struct settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void set(struct settings *settings, const char *format, ...)
{
    va_list arguments;
    assert_true(settings->count < 16);
    va_start(arguments, format);
    vsnprintf(settings->texts[settings->count], sizeof(settings->texts[0]), format, arguments);
    va_end(arguments);
    settings->items[settings->count] = settings->texts[settings->count];
    settings->count++;
}

static void join_numbers(json_t *list, char *out, size_t size)
{
    size_t length = 0, index;
    json_t *item;
    out[0] = '\0';
    json_array_foreach(list, index, item)
    {
        char number[NUMBER_TEXT_MAX] = "inf";
        if (json_is_number(item)) {
            number_format(number, json_number_value(item));
        }
        length += (size_t)snprintf(out + length, size - length, "%s%s", index ? "," : "", number);
        assert_true(length < size);
    }
}

static void read_settings(json_t *entry, struct settings *settings)
{
    char numbers[200];
    json_t *config = json_object_get(entry, "config"), *histogram;
    size_t index;
    set(settings, "server.profile=etsy");
    set(settings, "flush.interval=%.0fms",
        1000 * json_number_value(json_object_get(entry, "interval_s")));
    join_numbers(json_object_get(entry, "percentiles"), numbers, sizeof(numbers));
    set(settings, "flush.percentiles=%s", numbers);
    json_array_foreach(json_object_get(config, "histogram"), index, histogram)
    {
        join_numbers(json_object_get(histogram, "bins"), numbers, sizeof(numbers));
        set(settings, "histogram \"%s\".bins=%s",
            json_string_value(json_object_get(histogram, "metric")), numbers);
    }
    /* Deleted at the first window without samples. */
    if (json_is_true(json_object_get(config, "deleteGauges"))) {
        set(settings, "flush.expire_gauges=1ms");
    }
}

static void put(struct store *store, const char *datagram)
{
    struct statsd_parser parser;
    struct statsd_item items[16];
    size_t count;
    statsd_parser_init(&parser, store->config->server.dialect);
    statsd_parser_feed(&parser, datagram, (uint32_t)strlen(datagram));
    while ((count = statsd_parser_read(&parser, items, 16)) > 0) {
        for (size_t i = 0; i < count; i++) {
            if (items[i].kind == STATSD_SAMPLE) {
                shard_store(&store->shards[0], datagram, &items[i], store->now_ns);
            }
        }
    }
}

/* What a window shows, by the names of the corpus. */
static void show(json_t *shown, double value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void show(json_t *shown, double value, const char *format, ...)
{
    char name[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    assert_null(json_object_get(shown, name));
    assert_int_equal(json_object_set_new(shown, name, json_real(value)), 0);
}

/* A number in a name, with '_' for the point. */
static const char *in_name(double number, char text[NUMBER_TEXT_MAX])
{
    number_format(text, number);
    char *point = strchr(text, '.');
    if (point) {
        *point = '_';
    }
    return isinf(number) ? "inf" : text;
}

static void show_part(json_t *shown, const char *timer, const struct percentile_part *part)
{
    char text[NUMBER_TEXT_MAX], suffix[NUMBER_TEXT_MAX + 4];
    bool top = part->percent < 0;
    snprintf(suffix, sizeof(suffix), "%s%s", top ? "top" : "", in_name(fabs(part->percent), text));
    if (part->count > 0) {
        show(shown, part->count, "timers.%s.count_%s", timer, suffix);
        show(shown, part->mean, "timers.%s.mean_%s", timer, suffix);
        show(shown, part->sum, "timers.%s.sum_%s", timer, suffix);
        show(shown, part->sum_squares, "timers.%s.sum_squares_%s", timer, suffix);
        show(shown, part->bound, "timers.%s.%s_%s", timer, top ? "lower" : "upper", suffix);
    }
}

static void show_timer(json_t *shown, const struct snapshot *snapshot, const struct timer_row *row)
{
    char name[256], text[NUMBER_TEXT_MAX];
    snprintf(name, sizeof(name), "%.*s", row->identity->name_length, identity_name(row->identity));
    show(shown, row->count, "timers.%s.count", name);
    show(shown, row->rate, "timers.%s.count_ps", name);
    assert_int_equal(row->details != NULL, row->updated);
    if (!row->details) {
        return;
    }
    show(shown, row->sum, "timers.%s.sum", name);
    show(shown, row->mean, "timers.%s.mean", name);
    show(shown, row->min, "timers.%s.lower", name);
    show(shown, row->max, "timers.%s.upper", name);
    show(shown, row->stddev, "timers.%s.std", name);
    show(shown, row->details->median, "timers.%s.median", name);
    show(shown, row->details->sum_squares, "timers.%s.sum_squares", name);
    for (size_t i = 0; i < snapshot->percentile_count; i++) {
        show_part(shown, name, &row->details->parts[i]);
    }
    for (size_t i = 0; i < row->details->bin_count; i++) {
        const struct histogram_bin *bin = &row->details->bins[i];
        show(shown, bin->count, "timers.%s.histogram.bin_%s", name, in_name(bin->bound, text));
    }
}

/* `deleted` names what is not shown when it is idle. */
static json_t *show_window(const struct snapshot *snapshot, json_t *deleted)
{
    json_t *shown = json_object();
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        const struct counter_row *row = &snapshot->counters[i];
        int length = row->identity->name_length;
        if (row->updated || !json_is_true(json_object_get(deleted, "deleteCounters"))) {
            show(shown, row->count, "counters.%.*s.count", length, identity_name(row->identity));
            show(shown, row->rate, "counters.%.*s.rate", length, identity_name(row->identity));
        }
    }
    for (size_t i = 0; i < snapshot->gauge_count; i++) {
        const struct gauge_row *row = &snapshot->gauges[i];
        show(shown, row->value, "gauges.%.*s", row->identity->name_length,
             identity_name(row->identity));
    }
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        const struct timer_row *row = &snapshot->timers[i];
        if (row->updated || !json_is_true(json_object_get(deleted, "deleteTimers"))) {
            show_timer(shown, snapshot, row);
        }
    }
    for (size_t i = 0; i < snapshot->set_count; i++) {
        const struct set_row *row = &snapshot->sets[i];
        if (row->updated || !json_is_true(json_object_get(deleted, "deleteSets"))) {
            show(shown, row->unique, "sets.%.*s.count", row->identity->name_length,
                 identity_name(row->identity));
        }
    }
    return shown;
}

static bool is_own(const char *name)
{
    return strstr(name, "statsd.") != NULL;
}

/* The figures of statsd itself are the outputs' to make. */
static void compare_window(json_t *shown, json_t *expected, bool chosen)
{
    const char *name;
    json_t *value;
    json_object_foreach(expected, name, value)
    {
        json_t *found = json_object_get(shown, name);
        double wanted = json_number_value(value);
        if (is_own(name)) {
            continue;
        }
        if (!found) {
            print_error("%s is missing\n", name);
            fail();
        }
        if (fabs(json_real_value(found) - wanted) > TOLERANCE * fabs(wanted) + 1e-300) {
            print_error("%s is %.17g and not %.17g\n", name, json_real_value(found), wanted);
            fail();
        }
    }
    json_object_foreach(shown, name, value)
    {
        if (!chosen && !json_object_get(expected, name)) {
            print_error("%s is too many\n", name);
            fail();
        }
    }
}

static void run_window(struct store *store, json_t *entry, json_t *window)
{
    json_t *config = json_object_get(entry, "config"), *line;
    size_t index;
    json_array_foreach(json_object_get(window, "in"), index, line)
    {
        put(store, json_string_value(line));
    }
    /* What was measured is not what rates are of. */
    const struct snapshot *snapshot = store_close(store, 7);
    json_t *shown = show_window(snapshot, config);
    compare_window(shown, json_object_get(window, "expect"),
                   json_object_get(config, "calculatedTimerMetrics") != NULL);
    json_decref(shown);
}

static void run_entry(json_t *entry)
{
    struct settings settings = {.count = 0};
    json_t *windows = json_object_get(entry, "windows"), *window;
    size_t index;
    print_message("%s: %s\n", json_string_value(json_object_get(entry, "id")),
                  json_string_value(json_object_get(entry, "title")));
    read_settings(entry, &settings);
    struct store *store = store_new(settings.items, 1);
    if (!windows) {
        run_window(store, entry, entry);
    }
    json_array_foreach(windows, index, window)
    {
        run_window(store, entry, window);
    }
    store_free(store);
}

static void windows_show_what_etsy_statsd_shows(void **state)
{
    FILE *file = fopen(TEST_DATA_DIR "/flush.jsonl", "r");
    char *line = NULL;
    size_t size = 0, entries = 0;
    (void)state;
    assert_non_null(file);
    while (getline(&line, &size, file) > 0) {
        json_t *entry = json_loads(line, 0, NULL);
        assert_non_null(entry);
        if (strcmp(json_string_value(json_object_get(entry, "flavour")), "etsy") == 0) {
            run_entry(entry);
            entries++;
        }
        json_decref(entry);
    }
    free(line);
    fclose(file);
    assert_true(entries >= 40);
}

/* Slices that views and workers hand over are one window. */
static void samples_of_several_slices_are_all_kept(void **state)
{
    static const char *const overrides[] = {"server.profile=etsy", "flush.percentiles=-10,90",
                                            NULL};
    struct store *store = store_new(overrides, 3);
    char line[32];
    (void)state;
    for (unsigned i = 1; i <= 3000; i++) {
        snprintf(line, sizeof(line), "t:%u.25|ms%s", i, i % 7 == 0 ? "|@0.5" : "");
        store_put(store, i % 3, line);
        if (i % 500 == 0) {
            assert_null(store_view(store, 1)->timers[0].details);
        }
    }
    const struct timer_row *row = &store_close(store, 10)->timers[0];
    assert_non_null(row->details);
    assert_near(row->count, 3000 + 3000 / 7, 0);
    assert_near(row->sum, 3000 * 3001 / 2 + 750, 0);
    assert_near(row->details->median, 1500.75, 0);
    assert_near(row->details->parts[1].bound, 2700.25, 0);
    assert_near(row->percentiles[1], 2700.25, 0);
    assert_near(row->details->parts[0].bound, 2701.25, 0);
    assert_near(row->details->parts[0].count, 300, 0);
    assert_near(row->percentiles[0], 2701.25, 0);
    store_free(store);
}

/* In doubles 0.1 + 0.2 - 0.3 is not 0, and so what is added when decides on the last digit. */
static void counts_are_added_in_the_order_they_came(void **state)
{
    static const char *const overrides[] = {"server.profile=etsy", NULL};
    struct store *store = store_new(overrides, 1);
    double sum = 0.1;
    (void)state;
    sum += 0.2;
    sum += -0.3;
    put(store, "c:0.1|c\nc:0.2|c\nc:-0.3|c");
    const struct counter_row *row = store_counters(store_close(store, 10), "c");
    assert_near(row->count, sum, 0);
    assert_true(row->count > 0);
    assert_near(row->total, 0.3, 1e-15);
    put(store, "c:-4|c");
    row = store_counters(store_close(store, 10), "c");
    assert_near(row->count, -4, 0);
    assert_near(row->total, 0.3, 1e-15);
    store_free(store);
}

/* Half of the budget is for samples; what does not fit is still counted, in buckets. */
static void the_budget_turns_samples_into_sketches(void **state)
{
    static const char *const overrides[] = {"server.profile=etsy", "limits.memory=1MiB", NULL};
    struct store *store = store_new(overrides, 1);
    char line[32];
    (void)state;
    for (unsigned i = 1; i <= 200000; i++) {
        snprintf(line, sizeof(line), "t:%u|ms", i % 1000 + 1);
        assert_int_equal(store_put(store, 0, line), 0);
    }
    assert_true(pool_share_refused(store->pool) > 0);
    assert_true(pool_bytes(store->pool) <= 1 << 20);
    const struct timer_row *row = &store_close(store, 10)->timers[0];
    assert_near(row->count, 200000, 0);
    assert_near(row->mean, 500.5, 1e-9);
    assert_near(row->percentiles[0], 900, 900 * 0.002);
    assert_non_null(row->details);
    assert_near(row->details->median, 500, 500 * 0.002);
    store_put(store, 0, "t:7|ms");
    assert_near(store_close(store, 10)->timers[0].details->parts[0].bound, 7, 0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_show_what_etsy_statsd_shows),
        cmocka_unit_test(samples_of_several_slices_are_all_kept),
        cmocka_unit_test(counts_are_added_in_the_order_they_came),
        cmocka_unit_test(the_budget_turns_samples_into_sketches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
