/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/hash.h"
#include "server/notify/program.h"
#include "server/notify/render.h"
#include "server/notify/texts.h"
#include "tests/unit/notify/make_row.h"

#define HOSTILE "x\"\\\n\r\xff<!here>&\x01\xc3\xbc"

static char first_recipient[] = "a@example.org", second_recipient[] = "b@example.org";
static char *recipients[] = {first_recipient, second_recipient};
static char ops_name[] = "ops", sender[] = "sigmad@example.org";
static char subject[] = "[{{status}}] {{alert}} {{metric}}";

static struct config_notify make_config(enum config_notify_type type)
{
    return (struct config_notify){
        .name = ops_name,
        .type = type,
        .from = sender,
        .to = {.items = recipients, .count = 2},
        .subject = subject,
    };
}

/* Renders these rows; to be freed. */
static char *render(enum config_notify_type type, const struct alert_row *rows, size_t count,
                    const char *template)
{
    struct config_notify config = make_config(type);
    struct notification *items[4];
    struct buffer out = {0};
    for (size_t i = 0; i < count; i++) {
        items[i] = notification_new(&rows[i], false, 0);
        assert_non_null(items[i]);
    }
    const struct notify_batch batch = {
        .config = &config,
        .template = template,
        .template_length = template ? strlen(template) : 0,
        .items = items,
        .count = count,
        .now = 1764317000,
        .lasts_ms = 240000,
        .identifier = {1, 2},
    };
    notify_render(&batch, &out);
    buffer_append(&out, "", 1);
    assert_false(out.failed);
    for (size_t i = 0; i < count; i++) {
        notification_free(items[i]);
    }
    return out.bytes;
}

static json_t *render_json(enum config_notify_type type, const struct alert_row *rows, size_t count,
                           const char *template)
{
    char *text = render(type, rows, count, template);
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, text);
    }
    free(text);
    return json;
}

static const char *text_at(json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void a_webhook_gets_what_an_alertmanager_sends(void **state)
{
    const struct alert_row rows[] = {make_row("slow", "api", ALERT_RESOLVED),
                                     make_row("slow", "web", ALERT_FIRING)};
    json_t *json = render_json(NOTIFY_WEBHOOK, rows, 2, NULL);
    (void)state;
    assert_string_equal(text_at(json, "version"), "4");
    assert_string_equal(text_at(json, "receiver"), "ops");
    assert_string_equal(text_at(json, "status"), "firing");
    json_t *alerts = json_object_get(json, "alerts");
    assert_int_equal(json_array_size(alerts), 2);
    json_t *first = json_array_get(alerts, 0), *second = json_array_get(alerts, 1);
    assert_string_equal(text_at(first, "status"), "resolved");
    assert_string_equal(text_at(first, "startsAt"), "2025-11-28T08:00:00.500Z");
    assert_string_equal(text_at(first, "endsAt"), "2025-11-28T08:01:40.000Z");
    assert_string_equal(text_at(second, "endsAt"), "0001-01-01T00:00:00Z");
    json_t *labels = json_object_get(first, "labels");
    assert_string_equal(text_at(labels, "alertname"), "slow");
    assert_string_equal(text_at(labels, "severity"), "warning");
    assert_string_equal(text_at(labels, "metric"), "api");
    assert_string_equal(text_at(labels, "env"), "prod");
    assert_string_equal(text_at(json_object_get(first, "annotations"), "summary"), "p99 300 > 250");
    assert_string_not_equal(text_at(first, "fingerprint"), text_at(second, "fingerprint"));
    json_decref(json);
}

static void an_alertmanager_is_told_until_when_it_fires(void **state)
{
    const struct alert_row rows[] = {make_row("slow", "api", ALERT_RESOLVED),
                                     make_row("slow", "web", ALERT_FIRING)};
    json_t *json = render_json(NOTIFY_ALERTMANAGER, rows, 2, NULL);
    (void)state;
    assert_string_equal(text_at(json_array_get(json, 0), "endsAt"), "2025-11-28T08:01:40.000Z");
    assert_string_equal(text_at(json_array_get(json, 1), "endsAt"), "2025-11-28T08:07:20.000Z");
    json_decref(json);
}

static void labels_are_names_of_prometheus_and_none_is_twice(void **state)
{
    struct alert_row row = make_row("slow", "api", ALERT_FIRING);
    row.tags = "9lives=1;a-b=1;a.b=2;a_b=3;alertname=theirs;flag;k\\;ey=v\\=w\\n;k\\;ey=z";
    json_t *json = render_json(NOTIFY_ALERTMANAGER, &row, 1, NULL);
    json_t *labels = json_object_get(json_array_get(json, 0), "labels");
    (void)state;
    assert_string_equal(text_at(labels, "_lives"), "1");
    assert_string_equal(text_at(labels, "a_b"), "1");
    assert_string_equal(text_at(labels, "a_b_"), "2");
    assert_string_equal(text_at(labels, "a_b__"), "3");
    assert_string_equal(text_at(labels, "alertname"), "slow");
    assert_string_equal(text_at(labels, "alertname_"), "theirs");
    assert_string_equal(text_at(labels, "flag"), "true");
    assert_string_equal(text_at(labels, "k_ey"), "v=w\n");
    assert_string_equal(text_at(labels, "k_ey_"), "z");
    json_decref(json);
}

static void json_is_valid_whatever_names_hold(void **state)
{
    static const enum config_notify_type types[] = {NOTIFY_WEBHOOK, NOTIFY_ALERTMANAGER,
                                                    NOTIFY_SLACK, NOTIFY_PROGRAM};
    struct alert_row row = make_row(HOSTILE, HOSTILE, ALERT_FIRING);
    (void)state;
    row.tags = HOSTILE "=" HOSTILE;
    row.reason = row.description = HOSTILE;
    row.value = (double)NAN;
    row.threshold = HUGE_VAL;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        json_decref(render_json(types[i], &row, 1, NULL));
    }
    json_t *json =
        render_json(NOTIFY_WEBHOOK, &row, 1,
                    "{\"a\": \"{{alert}} {{tags}}\", \"v\": {{value}}, \"t\": {{threshold}}}");
    assert_true(json_is_null(json_object_get(json, "v")));
    assert_true(json_is_null(json_object_get(json, "t")));
    json_decref(json);
}

static void slack_can_call_nobody(void **state)
{
    const struct alert_row row = make_row("a & b", "<!channel>", ALERT_FIRING);
    json_t *json = render_json(NOTIFY_SLACK, &row, 1, NULL);
    (void)state;
    assert_string_equal(text_at(json, "text"), "[firing] a &amp; b: &lt;!channel&gt;{env=prod}");
    json_t *attachment = json_array_get(json_object_get(json, "attachments"), 0);
    assert_string_equal(text_at(attachment, "color"), "warning");
    assert_string_equal(text_at(attachment, "text"), "p99 300 &gt; 250");
    json_decref(json);
}

/* Whether each line of the headers is a header, or goes on with one; none longer than 998. */
static void expect_headers(const char *text, size_t count)
{
    size_t headers = 0;
    const char *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    for (const char *line = text; line < end + 2; line = strstr(line, "\r\n") + 2) {
        size_t length = (size_t)(strstr(line, "\r\n") - line);
        assert_true(length <= 998);
        assert_null(memchr(line, '\n', length));
        assert_null(memchr(line, '\r', length));
        headers += line[0] != ' ';
    }
    assert_int_equal(headers, count);
}

static void a_mail_has_the_same_headers_whatever_names_hold(void **state)
{
    char *plain, *hostile;
    struct alert_row row = make_row("slow", "api", ALERT_FIRING);
    (void)state;
    plain = render(NOTIFY_SMTP, &row, 1, NULL);
    expect_headers(plain, 9);
    assert_non_null(strstr(plain, "Subject: [firing] slow api\r\n"));
    assert_non_null(strstr(plain, "Date: Fri, 28 Nov 2025 08:03:20 +0000\r\n"));
    assert_non_null(strstr(plain, "To: a@example.org,\r\n b@example.org\r\n"));
    assert_non_null(strstr(plain, "@example.org>\r\n"));
    row.metric = HOSTILE "\r\nBcc: x@y\r\n\r\n.\r\n";
    hostile = render(NOTIFY_SMTP, &row, 1, NULL);
    expect_headers(hostile, 9);
    assert_null(strstr(hostile, "Bcc"));
    free(plain);
    free(hostile);
}

static void a_long_subject_is_cut_and_encoded_between_characters(void **state)
{
    char name[2001];
    struct alert_row row = make_row(name, "\xc3\xbc", ALERT_FIRING);
    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    char *text = render(NOTIFY_SMTP, &row, 1, NULL);
    expect_headers(text, 9);
    free(text);
    for (size_t i = 0; i + 2 < sizeof(name); i += 2) {
        memcpy(name + i, "\xc3\xbc", 2);
    }
    text = render(NOTIFY_SMTP, &row, 1, NULL);
    expect_headers(text, 9);
    /* "[firing] " and 18 characters of two bytes are 45. */
    assert_non_null(strstr(text,
                           "Subject: =?UTF-8?B?W2ZpcmluZ10gw7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zD"
                           "vMO8w7zDvMO8?=\r\n =?UTF-8?B?"));
    free(text);
}

static void times_are_rfc_3339(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},     {1764316799.9996, "2025-11-28T08:00:00.000Z"},
        {-5, "1970-01-01T00:00:00.000Z"},    {(double)NAN, "1970-01-01T00:00:00.000Z"},
        {1e300, "9999-12-31T23:59:59.000Z"},
    };
    char text[NOTIFY_TIME_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        notify_text_time(text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_program_has_its_own_variables_and_those_of_the_server(void **state)
{
    static char path[] = "PATH=/bin", older[] = "ALERT_NAME=older";
    static char *const environment[] = {path, older, NULL};
    struct notification *notification = make_notification("slow", "api", ALERT_FIRING);
    char **made = program_environment_new(notification, "ops", environment);
    size_t names = 0, paths = 0;
    (void)state;
    assert_non_null(made);
    for (char **at = made; *at; at++) {
        names += strcmp(*at, "ALERT_NAME=slow") == 0;
        paths += strcmp(*at, "PATH=/bin") == 0;
        assert_string_not_equal(*at, "ALERT_NAME=older");
    }
    assert_int_equal(names, 1);
    assert_int_equal(paths, 1);
    program_environment_free(made);
    notification_free(notification);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_gets_what_an_alertmanager_sends),
        cmocka_unit_test(an_alertmanager_is_told_until_when_it_fires),
        cmocka_unit_test(labels_are_names_of_prometheus_and_none_is_twice),
        cmocka_unit_test(json_is_valid_whatever_names_hold),
        cmocka_unit_test(slack_can_call_nobody),
        cmocka_unit_test(a_mail_has_the_same_headers_whatever_names_hold),
        cmocka_unit_test(a_long_subject_is_cut_and_encoded_between_characters),
        cmocka_unit_test(times_are_rfc_3339),
        cmocka_unit_test(a_program_has_its_own_variables_and_those_of_the_server),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
