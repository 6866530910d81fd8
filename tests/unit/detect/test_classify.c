/* SPDX-License-Identifier: MIT
 *
 * What a name says of a series: topics by patterns, and the types and words that follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/detect/classify.h"

static struct config *load(const char *const *overrides, size_t count)
{
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = count};
    struct config *config = config_load(&sources, stderr, NULL);
    assert_non_null(config);
    return config;
}

static struct class class_of(const struct config *config, const char *name)
{
    return classify_name(config, name, strlen(name));
}

struct named {
    const char *name;
    enum statsd_type type;
    enum statistic statistic;
    bool above;
    enum anomaly_type expected;
};

static void the_type_follows_from_kind_statistic_side_and_name(void **state)
{
    static const struct named table[] = {
        {"hits", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_RATE},
        {"hits", STATSD_COUNTER, STATISTIC_RATE, false, ANOMALY_LOW_RATE},
        {"http.Errors", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_ERROR_RATE},
        {"login_FAILED", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_ERROR_RATE},
        {"uncaughtException", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_ERROR_RATE},
        {"http.errors", STATSD_COUNTER, STATISTIC_RATE, false, ANOMALY_LOW_RATE},
        {"erro", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_RATE},
        {"disk.throughput", STATSD_COUNTER, STATISTIC_RATE, false, ANOMALY_LOW_THROUGHPUT},
        {"disk.throughput", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_RATE},
        {"cpu.memory", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_RATE},
        {"disk.throughput", STATSD_GAUGE, STATISTIC_VALUE, false, ANOMALY_LOW_THROUGHPUT},
        {"queue", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_VALUE},
        {"queue", STATSD_GAUGE, STATISTIC_VALUE, false, ANOMALY_LOW_VALUE},
        {"freeMemory", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"memory", STATSD_GAUGE, STATISTIC_VALUE, false, ANOMALY_LOW_VALUE},
        {"mem", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"host.mem_used", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"usedMem", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"memUsed", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"MEM_USED", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"members", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_VALUE},
        {"MEMBERS", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_VALUE},
        {"remember", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_VALUE},
        {"me", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_VALUE},
        {"node.CPU0", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_CPU},
        {"cpu.time", STATSD_TIMER, STATISTIC_MEAN, true, ANOMALY_HIGH_LATENCY},
        {"request", STATSD_TIMER, STATISTIC_P99, true, ANOMALY_HIGH_LATENCY},
        {"request", STATSD_TIMER, STATISTIC_MEAN, false, ANOMALY_LOW_VALUE},
        {"request", STATSD_TIMER, STATISTIC_RATE, true, ANOMALY_HIGH_RATE},
        {"bytes", STATSD_HISTOGRAM, STATISTIC_MEAN, true, ANOMALY_HIGH_VALUE},
        {"memory", STATSD_HISTOGRAM, STATISTIC_P99, true, ANOMALY_HIGH_MEMORY},
        {"bytes", STATSD_DISTRIBUTION, STATISTIC_P99, false, ANOMALY_LOW_VALUE},
        {"error_ratio", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_ERROR_RATE},
        {"error_ratio", STATSD_GAUGE, STATISTIC_VALUE, false, ANOMALY_LOW_VALUE},
        {"web.status.5xx", STATSD_COUNTER, STATISTIC_RATE, true, ANOMALY_HIGH_ERROR_RATE},
        {"db.latency", STATSD_HISTOGRAM, STATISTIC_P99, true, ANOMALY_HIGH_LATENCY},
        {"db.latency", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_LATENCY},
        {"process_rss", STATSD_GAUGE, STATISTIC_VALUE, true, ANOMALY_HIGH_MEMORY},
        {"users", STATSD_SET, STATISTIC_UNIQUE, true, ANOMALY_HIGH_VALUE},
        {"cpu", STATSD_SET, STATISTIC_UNIQUE, true, ANOMALY_HIGH_VALUE},
        {"users", STATSD_SET, STATISTIC_UNIQUE, false, ANOMALY_LOW_VALUE},
    };
    struct config *config = load(NULL, 0);
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct class class = class_of(config, table[i].name);
        enum anomaly_type type =
            classify_type(class, table[i].type, table[i].statistic, table[i].above);
        if (type != table[i].expected) {
            fail_msg("%s is called %s", table[i].name, anomaly_type_name(type));
        }
    }
    config_free(config);
}

static void patterns_are_the_operators_to_choose(void **state)
{
    static const char *const overrides[] = {"anomaly.errors=web.?xx, oops",
                                            "anomaly.cpu=", "anomaly.throughput=ops"};
    struct config *config = load(overrides, 3);
    (void)state;
    assert_int_equal(class_of(config, "web.5xx").topic, TOPIC_ERRORS);
    assert_int_equal(class_of(config, "my.web.5xx").topic, TOPIC_NONE);
    assert_int_equal(class_of(config, "someOops.count").topic, TOPIC_ERRORS);
    assert_int_equal(class_of(config, "loops").topic, TOPIC_NONE);
    assert_int_equal(class_of(config, "error").topic, TOPIC_NONE);
    assert_int_equal(class_of(config, "cpu").topic, TOPIC_NONE);
    assert_int_equal(class_of(config, "disk_ops").topic, TOPIC_THROUGHPUT);
    assert_int_equal(class_of(config, "ops.oops").topic, TOPIC_ERRORS);
    assert_int_equal(classify_name(config, "web.5xxx", 7).topic, TOPIC_ERRORS);
    config_free(config);
}

struct judged {
    const char *name;
    enum statsd_type type;
    enum statistic statistic;
    enum better expected;
};

static void tells_whether_more_is_better(void **state)
{
    static const struct judged table[] = {
        {"request", STATSD_TIMER, STATISTIC_P99, BETTER_LOWER},
        {"request", STATSD_TIMER, STATISTIC_RATE, BETTER_UNKNOWN},
        {"request", STATSD_COUNTER, STATISTIC_RATE, BETTER_UNKNOWN},
        {"request.errors", STATSD_COUNTER, STATISTIC_RATE, BETTER_LOWER},
        {"login.success", STATSD_COUNTER, STATISTIC_RATE, BETTER_HIGHER},
        {"disk.throughput", STATSD_GAUGE, STATISTIC_VALUE, BETTER_HIGHER},
        {"memory.used", STATSD_GAUGE, STATISTIC_VALUE, BETTER_LOWER},
        {"memory.free", STATSD_GAUGE, STATISTIC_VALUE, BETTER_HIGHER},
        {"cpu", STATSD_GAUGE, STATISTIC_VALUE, BETTER_LOWER},
        {"cpu.idle", STATSD_GAUGE, STATISTIC_VALUE, BETTER_HIGHER},
        {"queue", STATSD_GAUGE, STATISTIC_VALUE, BETTER_UNKNOWN},
        {"db.latency", STATSD_DISTRIBUTION, STATISTIC_MEAN, BETTER_LOWER},
        {"users", STATSD_SET, STATISTIC_UNIQUE, BETTER_UNKNOWN},
    };
    struct config *config = load(NULL, 0);
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct class class = class_of(config, table[i].name);
        if (classify_better(class, table[i].type, table[i].statistic) != table[i].expected) {
            fail_msg("%s", table[i].name);
        }
    }
    config_free(config);
}

static void units_are_said_where_they_are_known(void **state)
{
    (void)state;
    assert_string_equal(classify_unit(STATSD_TIMER, STATISTIC_P99), "ms");
    assert_string_equal(classify_unit(STATSD_TIMER, STATISTIC_RATE), "/s");
    assert_string_equal(classify_unit(STATSD_COUNTER, STATISTIC_RATE), "/s");
    assert_string_equal(classify_unit(STATSD_HISTOGRAM, STATISTIC_MEAN), "");
    assert_string_equal(classify_unit(STATSD_GAUGE, STATISTIC_VALUE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_follows_from_kind_statistic_side_and_name),
        cmocka_unit_test(patterns_are_the_operators_to_choose),
        cmocka_unit_test(tells_whether_more_is_better),
        cmocka_unit_test(units_are_said_where_they_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
