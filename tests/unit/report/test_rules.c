/* SPDX-License-Identifier: MIT
 *
 * Every rule both ways: a report below its threshold, and one above.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/report/made.h"

struct situation {
    struct config *config;
    struct report *report;
    struct ticks *ticks;
    struct advice advice;
};

static int set_up(void **state)
{
    struct situation *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->ticks = calloc(1, sizeof(*s->ticks));
    assert_non_null(s->ticks);
    s->config = made_config();
    s->report = made_report(s->config, s->ticks);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct situation *s = *state;
    made_drop(s->report, s->config);
    free(s->ticks);
    free(s);
    return 0;
}

static void expect_none(struct situation *s, const char *rule)
{
    assert_null(made_advice(s->report, rule, &s->advice));
}

/* The setting is NULL where none mends it. */
static void expect(struct situation *s, const char *rule, enum anomaly_severity severity,
                   const char *setting)
{
    char made[400] = "";
    assert_non_null(made_advice(s->report, rule, &s->advice));
    assert_int_equal(s->advice.severity, severity);
    assert_true(s->advice.title[0] && s->advice.evidence[0] && s->advice.action[0]);
    if (setting) {
        assert_int_equal(s->advice.setting_count, 1);
        snprintf(made, sizeof(made), "%s.%s = %s", s->advice.settings[0].section,
                 s->advice.settings[0].key, s->advice.settings[0].value);
        assert_string_equal(made, setting);
    } else {
        assert_int_equal(s->advice.setting_count, 0);
    }
}

static void receive_buffer_when_the_kernel_dropped(void **state)
{
    struct situation *s = *state;
    struct tick *tick = made_tick(s->ticks);
    expect_none(s, "receive_buffer");
    s->report->recent.datagrams_dropped = 1;
    s->report->recent.datagrams_received[TRANSPORT_UDP] = 1000;
    tick->figures[TICK_DROPPED] = 1;
    expect(s, "receive_buffer", SEVERITY_WARNING, "server.receive_buffer = 8MiB");
    /* 100,000 datagrams of 100 bytes each need 690 bytes: 69 MB, doubled. */
    s->report->recent.datagrams_dropped = 100000;
    tick->figures[TICK_DROPPED] = 100000;
    tick->figures[TICK_BYTES] = 100000;
    tick->figures[TICK_DATAGRAMS] = 1000;
    expect(s, "receive_buffer", SEVERITY_CRITICAL, "server.receive_buffer = 256MiB");
    s->config->server.receive_buffer_bytes = UINT64_C(1) << 30;
    expect_none(s, "receive_buffer");
}

static void workers_instead_when_one_is_saturated(void **state)
{
    struct situation *s = *state;
    struct tick *tick = made_tick(s->ticks);
    s->report->recent.datagrams_dropped = 5;
    tick->figures[TICK_DROPPED] = 5;
    tick->figures[TICK_WORKER] = 0.79;
    expect_none(s, "workers");
    tick->figures[TICK_WORKER] = 0.8;
    expect(s, "workers", SEVERITY_CRITICAL, "server.workers = 2");
    expect_none(s, "receive_buffer");
    s->report->cpus = 1;
    expect_none(s, "workers");
}

static void receive_buffer_granted_less_than_asked(void **state)
{
    struct situation *s = *state;
    expect_none(s, "receive_buffer_granted");
    s->report->receive_buffer_granted /= 2;
    expect(s, "receive_buffer_granted", SEVERITY_INFO, NULL);
    s->report->recent.datagrams_dropped = 1;
    expect(s, "receive_buffer_granted", SEVERITY_CRITICAL, NULL);
    assert_non_null(strstr(s->advice.action, "net.core.rmem_max=65536"));
}

static void sinks_that_fail_lose_or_lag(void **state)
{
    struct situation *s = *state;
    struct report_sink *sink = &s->report->sinks[0];
    s->report->sink_count = 1;
    *sink = (struct report_sink){
        .name = "graphite", .section = "graphite", .key = "buffer", .queue_bytes_max = 64 << 20};
    sink->queue_bytes = sink->queue_bytes_max / 100 * 79;
    expect_none(s, "sinks");
    sink->queue_bytes = sink->queue_bytes_max / 100 * 81;
    expect(s, "sinks", SEVERITY_CRITICAL, "graphite.buffer = 256MiB");
    sink->queue_bytes = 0;
    sink->windows_lost = 1;
    expect(s, "sinks", SEVERITY_WARNING, "graphite.buffer = 256MiB");
    *sink = (struct report_sink){.name = "csv", .failing = true, .reason = "disk full"};
    expect(s, "sinks", SEVERITY_CRITICAL, NULL);
    assert_non_null(strstr(s->advice.evidence, "disk full"));
}

static void bad_lines_from_one_in_a_hundred_on(void **state)
{
    struct situation *s = *state;
    s->report->recent.lines_received[TRANSPORT_UDP] = 1000;
    s->report->recent.lines_rejected[STATSD_NO_COLON] = 9;
    expect_none(s, "bad_lines");
    s->report->recent.lines_rejected[STATSD_NO_COLON] = 10;
    s->report->sender_count = 1;
    s->report->senders[0] = (struct report_sender){"10.0.0.7:4711", "oops", "no_colon", 4};
    s->report->refusals_logged = 10;
    expect(s, "bad_lines", SEVERITY_WARNING, NULL);
    assert_null(strstr(s->advice.title, "10.0.0.7"));
    s->report->senders[0].lines = 5;
    expect(s, "bad_lines", SEVERITY_WARNING, NULL);
    assert_non_null(strstr(s->advice.title, "10.0.0.7:4711"));
    assert_non_null(strstr(s->advice.evidence, "no_colon"));
}

static void samples_refused_by_a_bound(void **state)
{
    struct situation *s = *state;
    expect_none(s, "refused_by_bound");
    s->report->recent.samples_rejected[LOSS_TOO_MANY_TAGS] = 1;
    expect(s, "refused_by_bound", SEVERITY_WARNING, "limits.max_tags = 64");
    s->config->limits.max_tags = 256;
    expect_none(s, "refused_by_bound");
}

static void sample_rates_below_the_least(void **state)
{
    struct situation *s = *state;
    expect_none(s, "sample_rates");
    s->report->recent.samples_rejected[LOSS_RATE_BELOW_MINIMUM] = 1;
    expect(s, "sample_rates", SEVERITY_WARNING, "metrics.min_sample_rate = 1e-09");
    s->config->metrics.min_sample_rate = 0;
    expect_none(s, "sample_rates");
}

static void late_samples_from_one_in_a_hundred_on(void **state)
{
    struct situation *s = *state;
    s->report->recent.samples_received[STATSD_GAUGE] = 1000;
    s->report->recent.samples_late = 9;
    expect_none(s, "late_samples");
    s->report->recent.samples_late = 10;
    expect(s, "late_samples", SEVERITY_WARNING, "flush.interval = 20s");
}

static void stream_lines_that_are_too_long(void **state)
{
    struct situation *s = *state;
    expect_none(s, "lines_cut");
    s->report->recent.lines_rejected[STATSD_LINE_TOO_LONG] = 1;
    expect(s, "lines_cut", SEVERITY_WARNING, "server.stream_line = 64KiB");
}

static void connections_at_their_bound(void **state)
{
    struct situation *s = *state;
    expect_none(s, "connections");
    s->report->recent.connections_ended[CONNECTION_LIMIT] = 1;
    expect(s, "connections", SEVERITY_WARNING, "server.stream_connections = 2048");
}

static void series_near_and_at_their_bound(void **state)
{
    struct situation *s = *state;
    s->report->flush.series[STATSD_COUNTER] = 799999;
    expect_none(s, "max_series");
    s->report->flush.series[STATSD_COUNTER] = 800000;
    expect(s, "max_series", SEVERITY_WARNING, "limits.max_series = 2000000");
    s->report->recent.samples_rejected[LOSS_SERIES_LIMIT] = 1;
    expect(s, "max_series", SEVERITY_CRITICAL, "limits.max_series = 2000000");
}

static void add_tagged(struct situation *s, const char *key, unsigned values, enum statsd_type type)
{
    struct series series;
    for (unsigned i = 0; i < values; i++) {
        char tags[64];
        snprintf(tags, sizeof(tags), "%s=v%u", key, i);
        series_reset(&series);
        series.name = "hits";
        series.name_length = 4;
        series.tags = tags;
        series.tags_length = strlen(tags);
        series.type = type;
        gather_series(s->report, &series);
    }
}

static void a_tag_with_a_thousand_values(void **state)
{
    struct situation *s = *state;
    add_tagged(s, "user", 900, STATSD_COUNTER);
    expect_none(s, "tag_explosion");
    add_tagged(s, "user", 1200, STATSD_COUNTER);
    expect(s, "tag_explosion", SEVERITY_CRITICAL, "flush.expire_counters = 1d");
    assert_non_null(strstr(s->advice.title, "user"));
    assert_non_null(strstr(s->advice.evidence, "hits"));
    s->config->flush.expire_counters_ms = 1;
    expect(s, "tag_explosion", SEVERITY_CRITICAL, NULL);
}

static void a_tag_of_few_series_does_not_explode(void **state)
{
    struct situation *s = *state;
    add_tagged(s, "user", 1100, STATSD_TIMER);
    s->report->keys.series = 6000;
    expect_none(s, "tag_explosion");
    s->report->keys.series = 5000;
    expect(s, "tag_explosion", SEVERITY_WARNING, NULL);
}

static void ids_of_traces_are_exemplars(void **state)
{
    struct situation *s = *state;
    add_tagged(s, "trace_id", 1200, STATSD_TIMER);
    expect(s, "tag_explosion", SEVERITY_CRITICAL, "prometheus.exemplars = true");
}

static void memory_near_its_bound(void **state)
{
    struct situation *s = *state;
    s->config->limits.memory_bytes = 100 << 20;
    s->report->flush.pool_bytes = 79 << 20;
    expect_none(s, "memory");
    s->report->flush.pool_bytes = 81 << 20;
    expect(s, "memory", SEVERITY_WARNING, "limits.memory = 200MiB");
    s->report->recent.samples_rejected[LOSS_MEMORY_LIMIT] = 1;
    expect(s, "memory", SEVERITY_CRITICAL, "limits.memory = 200MiB");
}

static void exact_timers_that_are_not(void **state)
{
    struct situation *s = *state;
    s->config->limits.memory_bytes = 1 << 20;
    s->report->flush.approximations = 1;
    expect_none(s, "exact_timers");
    s->config->metrics.timers = TIMERS_EXACT;
    expect(s, "exact_timers", SEVERITY_WARNING, "limits.memory = 2MiB");
}

static void disk_near_its_bound(void **state)
{
    struct situation *s = *state;
    s->config->csv.max_disk_bytes = 1000;
    s->report->disk_bytes = 899;
    expect_none(s, "disk");
    s->report->disk_bytes = 900;
    expect(s, "disk", SEVERITY_WARNING, "csv.max_disk = 2000B");
    s->config->csv.max_disk_bytes = 0;
    expect_none(s, "disk");
}

static void descriptors_near_their_bound(void **state)
{
    struct situation *s = *state;
    s->report->open_fds = 800;
    expect_none(s, "descriptors");
    s->report->open_fds = 820;
    expect(s, "descriptors", SEVERITY_WARNING, NULL);
}

static void a_close_that_takes_half_of_the_interval(void **state)
{
    struct situation *s = *state;
    struct tick *tick = made_tick(s->ticks);
    tick->figures[TICK_DURATION] = 4.9;
    expect_none(s, "slow_close");
    tick->figures[TICK_DURATION] = 5;
    expect(s, "slow_close", SEVERITY_WARNING, "flush.interval = 20s");
    tick->figures[TICK_DURATION] = 9;
    expect(s, "slow_close", SEVERITY_CRITICAL, "flush.interval = 1m");
}

static void slices_that_come_too_late(void **state)
{
    struct situation *s = *state;
    expect_none(s, "extended");
    s->report->flush.windows_extended = 1;
    expect(s, "extended", SEVERITY_WARNING, "server.workers = 2");
    s->report->flush.windows_closed = 101;
    expect_none(s, "extended");
}

static double flat(size_t point)
{
    (void)point;
    return 5;
}

static void percentiles_of_timers_with_too_few_samples(void **state)
{
    struct situation *s = *state;
    struct series series;
    made_series(&series, "t", "", STATSD_TIMER, STATISTIC_MEAN, flat);
    series.count = 1000 * MADE_WINDOWS;
    gather_series(s->report, &series);
    expect_none(s, "thin_percentile");
    series.count = 999 * MADE_WINDOWS;
    gather_series(s->report, &series);
    expect(s, "thin_percentile", SEVERITY_INFO, "flush.percentiles = 50, 90, 95, 99");
    series.count = 5 * MADE_WINDOWS;
    for (int i = 0; i < 3; i++) {
        gather_series(s->report, &series);
    }
    expect(s, "thin_percentile", SEVERITY_INFO, "flush.percentiles = 50");
}

static void timers_that_are_sampled_too_thinly(void **state)
{
    struct situation *s = *state;
    struct series series;
    made_series(&series, "t", "", STATSD_TIMER, STATISTIC_MEAN, flat);
    series.count = 1000 * MADE_WINDOWS;
    series.samples = 100;
    gather_series(s->report, &series);
    expect_none(s, "thin_samples");
    series.samples = 99;
    gather_series(s->report, &series);
    expect(s, "thin_samples", SEVERITY_WARNING, NULL);
    assert_non_null(strstr(s->advice.action, "to 1 or more"));
}

static void counters_that_expire_and_return(void **state)
{
    struct situation *s = *state;
    struct series series;
    s->config->flush.expire_counters_ms = 60000;
    made_series(&series, "c", "", STATSD_COUNTER, STATISTIC_RATE, flat);
    series.longest_gap = 60;
    gather_series(s->report, &series);
    expect_none(s, "counters_expire");
    series.longest_gap = 70;
    gather_series(s->report, &series);
    expect(s, "counters_expire", SEVERITY_WARNING, "flush.expire_counters = 0");
}

static void anomalies_that_are_noisy(void **state)
{
    struct situation *s = *state;
    s->report->series_count[STATSD_GAUGE] = 100;
    s->report->anomalies_started = 19;
    expect_none(s, "noisy_anomalies");
    s->report->anomalies_started = 20;
    expect(s, "noisy_anomalies", SEVERITY_INFO, "anomaly.sigma = 4");
    s->config->anomaly.method = ANOMALY_AUTO;
    s->config->anomaly.sensitivity = 1;
    expect(s, "noisy_anomalies", SEVERITY_INFO, "anomaly.sensitivity = 0.5");
    s->config->anomaly.method = ANOMALY_OFF;
    expect_none(s, "noisy_anomalies");
    s->config->anomaly.method = ANOMALY_SIGMA;
    s->config->anomaly.sigma = 6;
    expect_none(s, "noisy_anomalies");
    s->config->anomaly.sigma = 3;
    s->report->series_count[STATSD_GAUGE] = 10000;
    expect_none(s, "noisy_anomalies");
}

static double nearly_full(size_t point)
{
    return point < 50 ? 0.5 : 0.9;
}

static void a_host_that_is_nearly_full(void **state)
{
    struct situation *s = *state;
    struct series series;
    made_series(&series, "node_filesystem_used_ratio", "mountpoint=/", STATSD_GAUGE,
                STATISTIC_VALUE, nearly_full);
    series.values[STATISTIC_VALUE][MADE_WINDOWS - 1] = 0.89;
    gather_series(s->report, &series);
    expect_none(s, "host");
    series.values[STATISTIC_VALUE][MADE_WINDOWS - 1] = 0.9;
    gather_series(s->report, &series);
    expect(s, "host", SEVERITY_WARNING, NULL);
    assert_non_null(strstr(s->advice.evidence, "mountpoint=/"));
    series.values[STATISTIC_VALUE][MADE_WINDOWS - 1] = 0.97;
    gather_series(s->report, &series);
    expect(s, "host", SEVERITY_CRITICAL, NULL);
}

static void drops_that_the_logs_tell_of(void **state)
{
    struct situation *s = *state;
    struct series series;
    s->report->has_figures = false;
    expect_none(s, "drops_logged");
    made_series(&series, "sigmad_datagrams_dropped_total", "", STATSD_COUNTER, STATISTIC_RATE,
                flat);
    series.count = 12;
    gather_series(s->report, &series);
    expect(s, "drops_logged", SEVERITY_WARNING, "server.receive_buffer = 8MiB");
    s->report->has_figures = true;
    expect_none(s, "drops_logged");
}

static void no_history_is_kept(void **state)
{
    struct situation *s = *state;
    expect_none(s, "history");
    s->config->history.keep_ms = 0;
    expect(s, "history", SEVERITY_INFO, "history.keep = 1h");
    s->report->has_figures = false;
    expect_none(s, "history");
}

static void a_clock_that_steps(void **state)
{
    struct situation *s = *state;
    expect_none(s, "clock_steps");
    s->report->flush.clock_steps = 1;
    expect(s, "clock_steps", SEVERITY_WARNING, NULL);
}

static void names_that_clash(void **state)
{
    struct situation *s = *state;
    expect_none(s, "name_conflicts");
    s->report->naming_conflicts = 1;
    expect(s, "name_conflicts", SEVERITY_WARNING, NULL);
}

static void the_gravest_comes_first_and_makes_the_status(void **state)
{
    struct situation *s = *state;
    report_conclude(s->report);
    assert_int_equal(s->report->status, SEVERITY_INFO);
    assert_int_equal(s->report->advice_count, 0);
    s->report->flush.clock_steps = 1;
    s->report->recent.samples_rejected[LOSS_SERIES_LIMIT] = 1;
    report_conclude(s->report);
    assert_int_equal(s->report->status, SEVERITY_CRITICAL);
    assert_int_equal(s->report->advice_count, 2);
    assert_string_equal(s->report->advice[0].rule, "max_series");
    assert_non_null(strstr(s->report->summary, "max_series"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(receive_buffer_when_the_kernel_dropped),
        TEST(workers_instead_when_one_is_saturated),
        TEST(receive_buffer_granted_less_than_asked),
        TEST(sinks_that_fail_lose_or_lag),
        TEST(bad_lines_from_one_in_a_hundred_on),
        TEST(samples_refused_by_a_bound),
        TEST(sample_rates_below_the_least),
        TEST(late_samples_from_one_in_a_hundred_on),
        TEST(stream_lines_that_are_too_long),
        TEST(connections_at_their_bound),
        TEST(series_near_and_at_their_bound),
        TEST(a_tag_with_a_thousand_values),
        TEST(a_tag_of_few_series_does_not_explode),
        TEST(ids_of_traces_are_exemplars),
        TEST(memory_near_its_bound),
        TEST(exact_timers_that_are_not),
        TEST(disk_near_its_bound),
        TEST(descriptors_near_their_bound),
        TEST(a_close_that_takes_half_of_the_interval),
        TEST(slices_that_come_too_late),
        TEST(percentiles_of_timers_with_too_few_samples),
        TEST(timers_that_are_sampled_too_thinly),
        TEST(counters_that_expire_and_return),
        TEST(anomalies_that_are_noisy),
        TEST(a_host_that_is_nearly_full),
        TEST(drops_that_the_logs_tell_of),
        TEST(no_history_is_kept),
        TEST(a_clock_that_steps),
        TEST(names_that_clash),
        TEST(the_gravest_comes_first_and_makes_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
