/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>

#include "server/http/report_json.h"
#include "tests/unit/report/made.h"

#define HOSTILE "<img src=x onerror=alert(1)>|`*_\"'&\n\xff"

static double step(size_t point)
{
    return point >= 60 ? 300 : 100 + (double)(point % 3);
}

/* All that a report can have, with names that mean harm. */
static struct report *hostile(struct config *config, struct ticks *ticks)
{
    struct report *report = made_report(config, ticks);
    struct series series;
    made_tick(ticks);
    made_series(&series, HOSTILE, HOSTILE "=" HOSTILE, STATSD_TIMER, STATISTIC_MEAN, step);
    gather_series(report, &series);
    char metric[] = HOSTILE, tags[] = HOSTILE, reason[] = HOSTILE;
    report_add_anomaly(report, &(struct report_anomaly){.metric = metric,
                                                        .tags = tags,
                                                        .reason = reason,
                                                        .from = MADE_FROM + 600,
                                                        .statistic = STATISTIC_MEAN,
                                                        .severity = SEVERITY_CRITICAL});
    report_add_alert(report, &(struct report_alert){.name = metric,
                                                    .metric = metric,
                                                    .tags = tags,
                                                    .reason = reason,
                                                    .state = ALERT_FIRING,
                                                    .since = MADE_FROM + 600,
                                                    .severity = SEVERITY_WARNING});
    report->sink_count = 1;
    report->sinks[0] = (struct report_sink){.name = "<b>", .failing = true, .reason = HOSTILE};
    report->sender_count = 1;
    snprintf(report->senders[0].address, sizeof(report->senders[0].address), "<i>");
    snprintf(report->senders[0].line, sizeof(report->senders[0].line), "%s", HOSTILE);
    report->recent.lines_received[0] = 10;
    report->recent.lines_rejected[STATSD_NO_COLON] = 10;
    report->ingest = report->recent;
    snprintf(report->origin, sizeof(report->origin), "%s", HOSTILE);
    report_conclude(report);
    return report;
}

static char *text_of(struct buffer *out)
{
    buffer_append(out, "", 1);
    assert_false(out->failed);
    return out->bytes;
}

static void html_holds_no_markup_of_others(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = hostile(config, &ticks);
    struct buffer out = {0};
    (void)state;
    report_write(report, REPORT_HTML, &out);
    const char *html = text_of(&out);
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "<b>|"));
    assert_null(strstr(html, "\xff"));
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "http://"));
    assert_null(strstr(html, "https://"));
    assert_non_null(strstr(html, "&lt;img src=x onerror=alert(1)&gt;"));
    buffer_deinit(&out);
    made_drop(report, config);
}

/* A table's row has as many bars as its heading, whatever names have. */
static void markdown_tables_keep_their_columns(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = hostile(config, &ticks);
    struct buffer out = {0};
    size_t columns = 0, rows = 0;
    (void)state;
    report_write(report, REPORT_MARKDOWN, &out);
    for (char *line = strtok(text_of(&out), "\n"); line; line = strtok(NULL, "\n")) {
        size_t bars = 0;
        if (line[0] != '|') {
            columns = 0;
            continue;
        }
        for (const char *at = line; *at; at++) {
            bars += *at == '|' && (at == line || at[-1] != '\\');
        }
        columns = columns > 0 ? columns : bars;
        assert_int_equal(bars, columns);
        rows++;
    }
    assert_true(rows > 20);
    buffer_deinit(&out);
    made_drop(report, config);
}

static const char *text_at(json_t *report, const char *list, const char *key)
{
    json_t *first = json_array_get(json_object_get(report, list), 0);
    const char *text = json_string_value(json_object_get(first, key));
    assert_non_null(text);
    return text;
}

static void json_names_what_changed_and_what_to_do(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = hostile(config, &ticks);
    struct buffer out = {0};
    (void)state;
    report_json_write(report, &out);
    json_t *read = json_loadb(out.bytes, out.length, 0, NULL);
    assert_non_null(read);
    assert_string_equal(json_string_value(json_object_get(read, "status")), "critical");
    assert_string_equal(text_at(read, "changes", "statistic"), "mean");
    assert_string_equal(text_at(read, "recommendations", "rule"), "sinks");
    assert_non_null(strstr(text_at(read, "anomalies", "metric"), "<img"));
    assert_string_equal(text_at(read, "alerts", "state"), "firing");
    json_decref(read);
    buffer_deinit(&out);
    made_drop(report, config);
}

static void an_empty_report_is_written_too(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    (void)state;
    report->has_figures = report->has_history = false;
    report_conclude(report);
    for (int form = 0; form < REPORT_FORMS; form++) {
        struct buffer out = {0};
        report_write(report, (enum report_form)form, &out);
        assert_non_null(strstr(text_of(&out), "Nothing was lost"));
        buffer_deinit(&out);
    }
    made_drop(report, config);
}

static void the_latest_anomalies_are_kept_and_all_are_counted(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    char metric[] = "m", tags[] = "", reason[] = "r";
    struct report_anomaly anomaly = {
        .metric = metric, .tags = tags, .reason = reason, .severity = SEVERITY_WARNING};
    (void)state;
    for (unsigned i = 0; i < 3 * REPORT_ANOMALIES; i++) {
        anomaly.from = MADE_FROM + 1 + (i * 7) % (3 * REPORT_ANOMALIES);
        report_add_anomaly(report, &anomaly);
    }
    assert_int_equal(report->anomaly_count, REPORT_ANOMALIES);
    assert_int_equal(report->anomalies_started, 3 * REPORT_ANOMALIES);
    for (unsigned i = 0; i < REPORT_ANOMALIES; i++) {
        assert_int_equal(report->anomalies[i].from - MADE_FROM, 3 * REPORT_ANOMALIES - i);
    }
    anomaly.from = MADE_TO;
    report_end_anomaly(report, &anomaly);
    assert_int_equal(report->anomalies[0].to, MADE_TO);
    assert_int_equal(report->anomalies_active, 3 * REPORT_ANOMALIES - 1);
    made_drop(report, config);
}

static void an_alert_is_there_once_in_its_latest_state(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    struct report_alert alert = {.name = "slow",
                                 .metric = "a",
                                 .tags = "",
                                 .reason = "r",
                                 .state = ALERT_FIRING,
                                 .severity = SEVERITY_CRITICAL};
    (void)state;
    report_add_alert(report, &alert);
    report_add_alert(report, &alert);
    assert_int_equal(report->alert_count, 1);
    assert_int_equal(report->alerts_firing, 1);
    report_conclude(report);
    assert_int_equal(report->status, SEVERITY_CRITICAL);
    alert.state = ALERT_RESOLVED;
    report_add_alert(report, &alert);
    assert_int_equal(report->alerts_firing + report->alerts_critical, 0);
    /* More than there is room for: those that are over make room. */
    alert.state = ALERT_FIRING;
    for (unsigned i = 0; i < REPORT_ALERTS + 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "a%u", i);
        alert.name = name;
        report_add_alert(report, &alert);
    }
    assert_int_equal(report->alert_count, REPORT_ALERTS);
    assert_int_equal(report->alerts_firing, REPORT_ALERTS + 5);
    assert_string_equal(report->alerts[0].name, "a39");
    made_drop(report, config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_holds_no_markup_of_others),
        cmocka_unit_test(markdown_tables_keep_their_columns),
        cmocka_unit_test(json_names_what_changed_and_what_to_do),
        cmocka_unit_test(an_empty_report_is_written_too),
        cmocka_unit_test(an_alert_is_there_once_in_its_latest_state),
        cmocka_unit_test(the_latest_anomalies_are_kept_and_all_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
