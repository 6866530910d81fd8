/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "server/sink/csv_rows.h"
#include "tests/unit/sink/make_snapshot.h"

static void assert_rows(enum csv_kind kind, struct snapshot *snapshot, const char *expected)
{
    struct buffer out = {0};
    size_t next = csv_rows_render(kind, snapshot, 0, SIZE_MAX, &out);
    assert_int_equal(next, csv_rows_count(kind, snapshot));
    buffer_append(&out, "", 1);
    assert_false(out.failed);
    assert_string_equal(out.bytes, expected);
    buffer_deinit(&out);
    snapshot_unref(snapshot);
}

static void assert_header(enum csv_kind kind, const char *expected)
{
    struct buffer out = {0};
    csv_rows_header(kind, made_percents, 5, &out);
    assert_memory_equal(out.bytes, CSV_HEADER_BEGIN, sizeof(CSV_HEADER_BEGIN) - 1);
    buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, expected);
    buffer_deinit(&out);
}

static void headers_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_header(CSV_COUNTERS, "timestamp,metric,tags,count,rate\n");
    assert_header(CSV_GAUGES, "timestamp,metric,tags,value\n");
    assert_header(CSV_TIMERS, "timestamp,metric,tags,type,count,rate,sum,mean,min,max,stddev,"
                              "p50,p90,p95,p99,p99.9\n");
    assert_header(CSV_HISTOGRAMS, "timestamp,metric,tags,le,count\n");
    assert_header(CSV_SETS, "timestamp,metric,tags,unique\n");
    assert_header(CSV_ANOMALIES, "timestamp,metric,tags,statistic,value,mean,stddev,lower,upper,"
                                 "type,severity,state,reason\n");
    assert_header(CSV_ALERTS, "timestamp,metric,tags,alert,state,severity,value,threshold,"
                              "condition,reason\n");
    assert_header(CSV_EVENTS, "timestamp,metric,tags,kind,status,text,time,host,priority,"
                              "alert_type,aggregation_key,source_type,container_id\n");
}

static void counters_have_a_row_where_updated(void **state)
{
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    make_counter(snapshot, "a.b", "", 7);
    make_counter(snapshot, "idle", "", 0)->updated = false;
    make_counter(snapshot, "down", "env:prod,az:b,bare", -2.5);
    assert_rows(CSV_COUNTERS, snapshot,
                "1795255200,a.b,,7,0.7\n"
                "1795255200,down,az=b;bare;env=prod,-2.5,-0.25\n");
}

static void gauges_have_a_row_in_every_window(void **state)
{
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200.5);
    make_gauge(snapshot, "g", "", 4);
    make_gauge(snapshot, "quiet", "", 1e21)->updated = false;
    assert_rows(CSV_GAUGES, snapshot, "1795255200.500,g,,4\n1795255200.500,quiet,,1e+21\n");
}

static void timers_carry_type_and_percentiles(void **state)
{
    static const double percentiles[] = {12, 12, 13, 14.5, 15};
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    struct timer_row *row = make_timer(snapshot, STATSD_TIMER, "t", "");
    row->count = 3;
    row->rate = 0.3;
    row->sum = 39;
    row->mean = 13;
    row->min = 12;
    row->max = 15;
    row->stddev = 0.5;
    row->percentiles = percentiles;
    make_timer(snapshot, STATSD_HISTOGRAM, "h", "a:b");
    make_timer(snapshot, STATSD_DISTRIBUTION, "idle", "")->updated = false;
    assert_rows(CSV_TIMERS, snapshot,
                "1795255200,t,,ms,3,0.3,39,13,12,15,0.5,12,12,13,14.5,15\n"
                "1795255200,h,a=b,h,0,0,0,0,0,0,0,,,,,\n");
}

static void bins_add_up_row_by_row(void **state)
{
    static const struct histogram_bin bins[] = {{1, 2}, {2.5, 0}, {(double)INFINITY, 3}};
    static const struct timer_details details = {.bins = bins, .bin_count = 3};
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    make_timer(snapshot, STATSD_TIMER, "none", "");
    make_timer(snapshot, STATSD_TIMER, "t", "a:b")->details = &details;
    assert_int_equal(csv_rows_count(CSV_HISTOGRAMS, snapshot), 0);
    assert_int_equal(csv_rows_files(false) & 1U << CSV_HISTOGRAMS, 0);
    snapshot->has_bins = true;
    assert_rows(CSV_HISTOGRAMS, snapshot,
                "1795255200,t,a=b,1,2\n1795255200,t,a=b,2.5,2\n1795255200,t,a=b,+Inf,5\n");
}

static void idle_series_are_zeros_where_the_snapshot_says_so(void **state)
{
    static const double old[] = {1, 2, 3, 4, 5};
    (void)state;
    for (int kind = CSV_COUNTERS; kind <= CSV_SETS; kind++) {
        struct snapshot *snapshot = make_snapshot(1, 1795255200);
        snapshot->idle_is_zero = true;
        make_counter(snapshot, "c", "", 0)->updated = false;
        make_set(snapshot, "s", "", 0)->updated = false;
        struct timer_row *row = make_timer(snapshot, STATSD_TIMER, "t", "");
        row->updated = false;
        row->percentiles = old;
        static const char *const rows[CSV_KINDS] = {
            [CSV_COUNTERS] = "1795255200,c,,0,0\n",
            [CSV_GAUGES] = "",
            [CSV_TIMERS] = "1795255200,t,,ms,0,0,0,0,0,0,0,0,0,0,0,0\n",
            [CSV_HISTOGRAMS] = "",
            [CSV_SETS] = "1795255200,s,,0\n",
        };
        assert_rows((enum csv_kind)kind, snapshot, rows[kind]);
    }
}

static void sets_have_a_row_where_updated(void **state)
{
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    make_set(snapshot, "u", "env:prod", 1);
    make_set(snapshot, "idle", "", 4)->updated = false;
    assert_rows(CSV_SETS, snapshot, "1795255200,u,env=prod,1\n");
}

static void anomalies_say_why(void **state)
{
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    struct anomaly_row *row =
        make_anomaly(snapshot, "api.latency", "", "mean 214 is 5.2 sigma above 41, limit \"58\"");
    row->statistic = STATISTIC_MEAN;
    row->type = ANOMALY_HIGH_LATENCY;
    row->severity = SEVERITY_CRITICAL;
    row->value = 214;
    row->mean = 41;
    row->stddev = 33.25;
    row->lower = -17;
    row->upper = 58;
    row = make_anomaly(snapshot, "api.latency", "", "");
    row->end = true;
    row->severity = SEVERITY_WARNING;
    row->lower = (double)-INFINITY;
    assert_rows(CSV_ANOMALIES, snapshot,
                "1795255200,api.latency,,mean,214,41,33.25,-17,58,high_latency,critical,start,"
                "\"mean 214 is 5.2 sigma above 41, limit \"\"58\"\"\"\n"
                "1795255200,api.latency,,rate,0,0,0,,0,high_latency,warning,end,\n");
}

static void events_have_a_row_each(void **state)
{
    (void)state;
    static const char bytes[] = "a,\nb\\text#x:\"1\",a;bhost";
    const struct event_row rows[] = {
        {.fields = {[EVENT_NAME] = {0, 5}, [EVENT_TEXT] = {5, 4}, [EVENT_TAGS] = {10, 9}},
         .time = 1795255199.5,
         .kind = EVENT_EVENT},
        {.fields = {[EVENT_NAME] = {5, 4}, [EVENT_HOST] = {19, 4}},
         .time = 12,
         .kind = EVENT_SERVICE_CHECK,
         .status = 3},
    };
    struct snapshot *snapshot = make_snapshot(1, 1795255200.25);
    snapshot->events = rows;
    snapshot->event_bytes = bytes;
    snapshot->event_count = 2;
    assert_rows(
        CSV_EVENTS, snapshot,
        "1795255200.250,\"a,\\nb\\\\\",\"a\\;b;x=\"\"1\"\"\",event,,text,1795255199.5,,,,,,\n"
        "1795255200.250,text,,service_check,3,,12,host,,,,,\n");
}

static void alerts_have_a_row_where_they_change(void **state)
{
    (void)state;
    const struct alert_row rows[] = {
        {.name = "slow, \"really\"",
         .condition = "p99 > 250",
         .description = "",
         .metric = "a,\nb",
         .tags = "k\\;x=\"v\";z",
         .reason = "p99 300 > 250",
         .state = ALERT_FIRING,
         .severity = SEVERITY_CRITICAL,
         .value = 300,
         .threshold = 250,
         .changed = true},
        {.name = "same", .metric = "b", .state = ALERT_FIRING},
        {.name = "r",
         .condition = "absent 5m",
         .description = "",
         .metric = "c",
         .tags = "",
         .reason = "",
         .state = ALERT_RESOLVED,
         .severity = SEVERITY_INFO,
         .value = (double)NAN,
         .threshold = 300,
         .changed = true},
    };
    struct alert_set alerts = {.rows = rows, .count = 3};
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    snapshot->alerts = &alerts;
    assert_rows(
        CSV_ALERTS, snapshot,
        "1795255200,\"a,\\nb\",\"k\\;x=\"\"v\"\";z\",\"slow, \"\"really\"\"\",firing,critical,"
        "300,250,p99 > 250,p99 300 > 250\n"
        "1795255200,c,,r,resolved,info,,300,absent 5m,\n");
}

static void figures_that_are_not_finite_are_empty(void **state)
{
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    make_gauge(snapshot, "nan", "", (double)NAN);
    make_gauge(snapshot, "inf", "", (double)INFINITY);
    assert_rows(CSV_GAUGES, snapshot, "1795255200,nan,,\n1795255200,inf,,\n");
}

static void stamps_have_three_decimals_or_none(void **state)
{
    static const struct {
        double timestamp;
        const char *row;
    } cases[] = {
        {0, "0,g,,1\n"},
        {1795255200, "1795255200,g,,1\n"},
        {1795255200.05, "1795255200.050,g,,1\n"},
        {1795255200.001, "1795255200.001,g,,1\n"},
        {1795255199.9996, "1795255200,g,,1\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct snapshot *snapshot = make_snapshot(1, cases[i].timestamp);
        make_gauge(snapshot, "g", "", 1);
        assert_rows(CSV_GAUGES, snapshot, cases[i].row);
    }
}

static void fields_are_quoted_and_escaped(void **state)
{
    static const struct {
        const char *name, *tags, *row;
    } cases[] = {
        {"plain", "", "1,plain,,5\n"},
        {"a,b", "", "1,\"a,b\",,5\n"},
        {"a\"b", "", "1,\"a\"\"b\",,5\n"},
        {"a\\b", "", "1,a\\\\b,,5\n"},
        {"a\nb\rc", "", "1,a\\nb\\rc,,5\n"},
        {"a,\"\\\n", "", "1,\"a,\"\"\\\\\\n\",,5\n"},
        {"n", "k:a;b=c", "1,n,k=a\\;b\\=c,5\n"},
        {"n", "k:a\\b", "1,n,k=a\\\\b,5\n"},
        {"n", "k:a\nb\"", "1,n,\"k=a\\nb\"\"\",5\n"},
        {"n", "k:1,k:2,bare", "1,n,bare;k=1;k=2,5\n"},
        {" =x", "", "1, =x,,5\n"},
        {"\xc3\xbc", "\xc3\xa4:\xe2\x82\xac", "1,\xc3\xbc,\xc3\xa4=\xe2\x82\xac,5\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct snapshot *snapshot = make_snapshot(1, 1);
        make_gauge(snapshot, cases[i].name, cases[i].tags, 5);
        assert_rows(CSV_GAUGES, snapshot, cases[i].row);
    }
}

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8;
}

/* Reads one field by RFC 4180, then undoes the backslashes; returns where the next begins. */
static const char *read_field(const char *at, char *out, size_t *length)
{
    bool quoted = *at == '"';
    *length = 0;
    for (at += quoted; quoted ? *at != '"' || at[1] == '"' : *at != ','; at++) {
        at += quoted && *at == '"';
        char byte = *at;
        if (byte == '\\') {
            byte = *++at;
            byte = byte == 'n' ? '\n' : byte == 'r' ? '\r' : byte;
        }
        out[(*length)++] = byte;
    }
    return at + quoted + 1;
}

static void any_name_is_one_line_and_reads_back(void **state)
{
    static const char nasty[] = ",\"\\\n\r;= a\x01\xff";
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char name[64];
        char back[128];
        size_t length = 1 + next_random() % sizeof(name);
        size_t back_length;
        for (size_t i = 0; i < length; i++) {
            name[i] = next_random() % 3 ? nasty[next_random() % (sizeof(nasty) - 1)]
                                        : (char)(next_random() % 256);
        }
        struct snapshot *snapshot = make_snapshot(1, 1);
        struct gauge_row *row = make_gauge(snapshot, "", "k:,;\\\"=", 5);
        row->identity = make_identity(snapshot, STATSD_GAUGE, name, length, "");
        struct buffer out = {0};
        csv_rows_render(CSV_GAUGES, snapshot, 0, SIZE_MAX, &out);
        assert_ptr_equal(memchr(out.bytes, '\n', out.length), out.bytes + out.length - 1);
        assert_null(memchr(out.bytes, '\r', out.length));
        const char *rest = read_field(out.bytes + 2, back, &back_length);
        assert_int_equal(back_length, length);
        assert_memory_equal(back, name, length);
        assert_memory_equal(rest, ",5\n", 3);
        buffer_deinit(&out);
        snapshot_unref(snapshot);
    }
}

static void pieces_are_equal_to_the_whole(void **state)
{
    (void)state;
    struct snapshot *snapshot = make_snapshot(1, 1795255200);
    for (int i = 0; i < 100; i++) {
        make_counter(snapshot, "some.name", "a:b", i)->updated = i % 3 != 0;
    }
    struct buffer whole = {0};
    struct buffer pieces = {0};
    csv_rows_render(CSV_COUNTERS, snapshot, 0, SIZE_MAX, &whole);
    size_t rounds = 0;
    for (size_t next = 0; next < csv_rows_count(CSV_COUNTERS, snapshot); rounds++) {
        struct buffer piece = {0};
        next = csv_rows_render(CSV_COUNTERS, snapshot, next, 100, &piece);
        buffer_append(&pieces, piece.bytes, piece.length);
        buffer_deinit(&piece);
    }
    assert_true(rounds > 10);
    assert_int_equal(pieces.length, whole.length);
    assert_memory_equal(pieces.bytes, whole.bytes, whole.length);
    buffer_deinit(&whole);
    buffer_deinit(&pieces);
    snapshot_unref(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_those_of_the_contract),
        cmocka_unit_test(counters_have_a_row_where_updated),
        cmocka_unit_test(gauges_have_a_row_in_every_window),
        cmocka_unit_test(timers_carry_type_and_percentiles),
        cmocka_unit_test(bins_add_up_row_by_row),
        cmocka_unit_test(idle_series_are_zeros_where_the_snapshot_says_so),
        cmocka_unit_test(sets_have_a_row_where_updated),
        cmocka_unit_test(anomalies_say_why),
        cmocka_unit_test(alerts_have_a_row_where_they_change),
        cmocka_unit_test(figures_that_are_not_finite_are_empty),
        cmocka_unit_test(stamps_have_three_decimals_or_none),
        cmocka_unit_test(events_have_a_row_each),
        cmocka_unit_test(fields_are_quoted_and_escaped),
        cmocka_unit_test(any_name_is_one_line_and_reads_back),
        cmocka_unit_test(pieces_are_equal_to_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
