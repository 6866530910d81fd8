/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "server/http/anomaly_log.h"
#include "server/http/balance_json.h"
#include "server/http/own_figures.h"
#include "server/http/snapshot_json.h"
#include "tests/unit/http/made.h"

static json_t *parse(struct buffer *out)
{
    assert_false(out->failed);
    json_t *value = json_loadb(out->bytes, out->length, 0, NULL);
    assert_non_null(value);
    buffer_deinit(out);
    return value;
}

static json_t *snapshot_json(const struct snapshot *snapshot)
{
    static double seconds[] = {0.01};
    static double plain[] = {5, 50};
    struct snapshot_bounds bounds = {seconds, plain, 1, 2};
    struct own_figures figures = {0};
    struct buffer out = {0};
    snapshot_json_rows(snapshot, &bounds, 12.5, &out);
    snapshot_json_figures(&figures, &out);
    return parse(&out);
}

static const json_t *row_at(const json_t *snapshot, const char *kind, size_t at)
{
    return json_array_get(json_object_get(snapshot, kind), at);
}

static void assert_json(const json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    assert_string_equal(text, expected);
    free(text);
}

static void a_snapshot_has_every_member_of_the_contract(void **state)
{
    static const double percentiles[] = {10, 20};
    static const double buckets[] = {1, 3};
    struct made *made = made_new(1);
    (void)state;
    made_counter(made, "c", "b:2,a", 4);
    made_gauge(made, "g", "k:1,k:2", (double)NAN);
    struct timer_row *timer = made_timer(made, STATSD_HISTOGRAM, "t", "");
    timer->percentiles = percentiles;
    timer->buckets = buckets;
    made_set(made, "s", "", 9);
    json_t *read = snapshot_json(&made->snapshot);
    assert_json(
        row_at(read, "counters", 0),
        "{\"count\":4,\"name\":\"c\",\"rate\":0.4,\"tags\":{\"a\":\"\",\"b\":\"2\"},\"total\":4}");
    assert_json(row_at(read, "gauges", 0),
                "{\"name\":\"g\",\"tags\":{\"k\":[\"1\",\"2\"]},\"value\":null}");
    assert_json(row_at(read, "timers", 0),
                "{\"buckets\":[{\"count\":1,\"le\":5},{\"count\":3,\"le\":50},{\"count\":4,\"le\":"
                "\"+Inf\"}],"
                "\"count\":2,\"max\":20,\"mean\":15,\"min\":10,\"name\":\"t\","
                "\"percentiles\":{\"50\":10,\"99.9\":20},\"rate\":0.2,\"stddev\":5,\"sum\":30,"
                "\"tags\":{},\"type\":\"h\"}");
    assert_json(row_at(read, "sets", 0), "{\"name\":\"s\",\"tags\":{},\"unique\":9}");
    assert_true(json_number_value(json_object_get(read, "timestamp")) == 1700000000.5);
    assert_true(json_number_value(json_object_get(read, "uptime_seconds")) == 100);
    assert_true(json_number_value(json_object_get(read, "window_seconds")) == 10);
    assert_true(json_is_object(json_object_get(read, "resources")));
    assert_true(json_is_object(json_object_get(read, "server")));
    json_decref(read);
    made_free(made);
}

static void a_snapshot_holds_what_was_updated_and_the_live_gauges(void **state)
{
    struct made *made = made_new(1);
    (void)state;
    made_counter(made, "c", "", 4)->updated = false;
    made_gauge(made, "g", "", 1)->updated = false;
    made_timer(made, STATSD_TIMER, "t", "")->updated = false;
    made_set(made, "s", "", 9)->updated = false;
    json_t *read = snapshot_json(&made->snapshot);
    assert_int_equal(json_array_size(json_object_get(read, "counters")), 0);
    assert_int_equal(json_array_size(json_object_get(read, "gauges")), 1);
    assert_int_equal(json_array_size(json_object_get(read, "timers")), 0);
    assert_int_equal(json_array_size(json_object_get(read, "sets")), 0);
    json_decref(read);
    made_free(made);
}

static void before_the_first_window_the_snapshot_is_empty(void **state)
{
    (void)state;
    json_t *read = snapshot_json(NULL);
    assert_int_equal(json_array_size(json_object_get(read, "counters")), 0);
    assert_true(json_number_value(json_object_get(read, "uptime_seconds")) == 12.5);
    json_decref(read);
}

static struct own_figures some_figures(struct own_sink *sink)
{
    struct own_figures figures = {.sinks = sink, .sink_count = 1};
    *sink = (struct own_sink){.name = "csv",
                              .figures = {.done_window = 3, .errors = 2, .queue_bytes = 9}};
    figures.ingest.lines_received[TRANSPORT_UDP] = 5;
    figures.ingest.lines_accepted = 3;
    figures.ingest.lines_rejected[STATSD_NO_COLON] = 2;
    figures.ingest.samples_received[STATSD_COUNTER] = 7;
    figures.ingest.samples_received[SAMPLE_TYPE_UNKNOWN] = 1;
    figures.ingest.samples_rejected[LOSS_SERIES_LIMIT] = 2;
    figures.ingest.samples_late = 1;
    figures.ingest.counter_decrements = 4;
    return figures;
}

static void the_balance_closes_when_it_does(void **state)
{
    struct own_sink sink;
    struct own_figures figures = some_figures(&sink);
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct buffer out = {0};
        figures.ingest.lines_accepted += extra;
        balance_json_write(&figures, &out);
        json_t *read = parse(&out);
        const json_t *samples = json_object_get(read, "samples");
        assert_int_equal(json_is_true(json_object_get(read, "balanced")), extra == 0);
        assert_int_equal(json_integer_value(json_object_get(samples, "stored")), 5);
        assert_int_equal(json_integer_value(json_object_get(samples, "late")), 1);
        assert_json(json_object_get(read, "sinks"),
                    "{\"csv\":{\"bytes_sent\":0,\"done_window\":3,\"errors\":2,\"failing\":false,"
                    "\"queue_bytes\":9,\"reason\":\"\",\"windows_lost\":0}}");
        json_decref(read);
    }
}

static void more_losses_than_samples_are_no_balance(void **state)
{
    struct own_sink sink;
    struct own_figures figures = some_figures(&sink);
    struct buffer out = {0};
    (void)state;
    figures.ingest.samples_late = 7;
    balance_json_write(&figures, &out);
    json_t *read = parse(&out);
    assert_true(json_is_false(json_object_get(read, "balanced")));
    json_decref(read);
}

static struct anomaly_row *made_anomaly(struct made *made, size_t at,
                                        const struct identity *identity)
{
    made->anomalies[at] = (struct anomaly_row){.identity = identity,
                                               .value = 214,
                                               .mean = 41,
                                               .stddev = 5,
                                               .lower = 26,
                                               .upper = 56,
                                               .since = 1700000000,
                                               .statistic = STATISTIC_MEAN,
                                               .type = ANOMALY_HIGH_LATENCY,
                                               .severity = SEVERITY_CRITICAL,
                                               .reason = "mean 214 is \"high\""};
    return &made->anomalies[at];
}

static void anomalies_that_last_are_shown_once(void **state)
{
    struct made *made = made_new(1);
    struct buffer out = {0};
    struct own_figures figures = {.snapshot = &made->snapshot};
    (void)state;
    made_anomaly(made, 0, made_timer(made, STATSD_TIMER, "t\"q", "a:b;c")->identity);
    made_anomaly(made, 1, made_timer(made, STATSD_HISTOGRAM, "t\"q", "a:b;c")->identity);
    made_anomaly(made, 2, made_timer(made, STATSD_HISTOGRAM, "u", "")->identity);
    made->snapshot.active_count = 3;
    own_figures_render(&figures, &out);
    buffer_append(&out, "", 1);
    assert_non_null(strstr(out.bytes,
                           "# TYPE sigmad_anomaly gauge\n"
                           "sigmad_anomaly{metric=\"t\\\"q\",tags=\"a=b\\\\;c\",statistic=\"mean\","
                           "severity=\"critical\"} 1\n"
                           "sigmad_anomaly{metric=\"u\",tags=\"\",statistic=\"mean\","
                           "severity=\"critical\"} 1\n#"));
    buffer_deinit(&out);
    made_free(made);
}

static void own_figures_have_the_names_of_the_contract(void **state)
{
    static const char *const lines[] = {
        "sigmad_datagrams_received_total{transport=\"udp\"} 0\n",
        "sigmad_bytes_received_total{transport=\"udp\"} 0\n",
        "sigmad_lines_received_total{transport=\"udp\"} 5\n",
        "sigmad_lines_accepted_total 3\n",
        "sigmad_lines_rejected_total{reason=\"no_colon\"} 2\n",
        "sigmad_samples_received_total{type=\"c\"} 7\n",
        "sigmad_samples_received_total{type=\"unknown\"} 1\n",
        "sigmad_samples_rejected_total{reason=\"series_limit\"} 2\n",
        "sigmad_samples_late_total 1\n",
        "sigmad_datagrams_dropped_total 0\n",
        "sigmad_windows_extended_total 0\n",
        "sigmad_series{type=\"ms\"} 0\n",
        "sigmad_series_rejected_total 0\n",
        "sigmad_flush_duration_seconds 0\n",
        "sigmad_flush_lag_seconds 0\n",
        "sigmad_clock_steps_total 0\n",
        "sigmad_counter_decrements_total 4\n",
        "sigmad_sink_errors_total{sink=\"csv\"} 2\n",
        "sigmad_sink_queue_bytes{sink=\"csv\"} 9\n",
        "sigmad_bytes_sent_total{sink=\"csv\"} 0\n",
        "sigmad_anomalies_total{severity=\"critical\"} 0\n",
        "sigmad_build_info{version=\"" SIGMAD_VERSION "\"} 1\n",
        "process_cpu_seconds_total 0\n",
        "process_resident_memory_bytes 0\n",
    };
    struct own_sink sink;
    struct own_figures figures = some_figures(&sink);
    struct buffer out = {0};
    (void)state;
    own_figures_render(&figures, &out);
    buffer_append(&out, "", 1);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const char *found = strstr(out.bytes, lines[i]);
        assert_non_null(found);
        assert_int_equal(found[-1], '\n');
    }
    assert_null(strstr(out.bytes, "sigmad_anomaly{"));
    assert_null(strstr(out.bytes, "# HELP sigmad_anomaly "));
    buffer_deinit(&out);
}

static json_t *log_json(const struct anomaly_log *log, const struct snapshot *latest)
{
    struct buffer out = {0};
    struct json json = json_writer(&out);
    anomaly_log_write(log, latest, &json);
    return parse(&out);
}

static void the_anomaly_log_keeps_the_latest_rows(void **state)
{
    static struct anomaly_log log;
    (void)state;
    for (uint64_t window = 1; window <= ANOMALY_LOG_ROWS / 2 + 10; window++) {
        struct made *made = made_new(window);
        made->snapshot.timestamp = (double)window;
        made_anomaly(made, 0, made_counter(made, "a", "k:v", 1)->identity);
        made_anomaly(made, 1, made_counter(made, "b", "", 1)->identity)->end = true;
        made->snapshot.anomaly_count = 2;
        anomaly_log_add(&log, &made->snapshot);
        made_free(made);
    }
    json_t *read = log_json(&log, NULL);
    const json_t *recent = json_object_get(read, "recent");
    assert_int_equal(json_array_size(json_object_get(read, "active")), 0);
    assert_int_equal(json_array_size(recent), ANOMALY_LOG_ROWS);
    assert_json(
        json_array_get(recent, 1),
        "{\"lower\":26,\"mean\":41,\"metric\":\"a\",\"reason\":\"mean 214 is \\\"high\\\"\","
        "\"severity\":\"critical\",\"since\":1700000000,\"state\":\"start\","
        "\"statistic\":\"mean\",\"stddev\":5,\"tags\":{\"k\":\"v\"},\"timestamp\":510,"
        "\"type\":\"high_latency\",\"upper\":56,\"value\":214}");
    assert_string_equal(json_string_value(json_object_get(json_array_get(recent, 0), "state")),
                        "end");
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(recent, ANOMALY_LOG_ROWS - 1), "timestamp")),
                     11);
    json_decref(read);
    anomaly_log_deinit(&log);
}

static void what_lasts_is_taken_from_the_latest_snapshot(void **state)
{
    static struct anomaly_log log;
    struct made *made = made_new(1);
    (void)state;
    made_anomaly(made, 0, made_counter(made, "a", "", 1)->identity);
    made->snapshot.active_count = 1;
    json_t *read = log_json(&log, &made->snapshot);
    assert_int_equal(json_array_size(json_object_get(read, "active")), 1);
    assert_int_equal(json_array_size(json_object_get(read, "recent")), 0);
    json_decref(read);
    made_free(made);
}

static void the_process_knows_itself(void **state)
{
    struct process_figures figures;
    (void)state;
    process_figures_read(&figures);
    assert_true(figures.resident_bytes > 100000);
    assert_true(figures.virtual_bytes >= figures.resident_bytes);
    assert_true(figures.threads >= 1);
    assert_true(figures.open_fds >= 3);
    assert_true(figures.max_fds >= figures.open_fds);
    assert_true(figures.start_time_seconds > 1600000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_has_every_member_of_the_contract),
        cmocka_unit_test(a_snapshot_holds_what_was_updated_and_the_live_gauges),
        cmocka_unit_test(before_the_first_window_the_snapshot_is_empty),
        cmocka_unit_test(the_balance_closes_when_it_does),
        cmocka_unit_test(more_losses_than_samples_are_no_balance),
        cmocka_unit_test(anomalies_that_last_are_shown_once),
        cmocka_unit_test(own_figures_have_the_names_of_the_contract),
        cmocka_unit_test(the_anomaly_log_keeps_the_latest_rows),
        cmocka_unit_test(what_lasts_is_taken_from_the_latest_snapshot),
        cmocka_unit_test(the_process_knows_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
