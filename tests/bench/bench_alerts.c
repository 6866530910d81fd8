/* SPDX-License-Identifier: MIT
 *
 * Alerts: milliseconds a window of 100,000 series (half counters, half gauges) under 20 rules. The
 * first window, in which every pattern is held against every name, and later ones, with rules that
 * take a twentieth of the series each and with rules that take all; nothing fires, or all that
 * there is room for. CPU time of the thread, median of five rounds. A table, or one JSON object
 * with
 * --json.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/alert/engine.h"
#include "server/core/require.h"
#include "server/metrics/identity.h"

#define ROUNDS 5
#define SERIES 100000
#define RULES 20
#define WINDOW_NS UINT64_C(10000000000)

static struct counter_row counters[SERIES / 2];
static struct gauge_row gauges[SERIES / 2];
static struct snapshot snapshot = {
    .timestamp = 1795255200,
    .window_seconds = 10,
    .counters = counters,
    .gauges = gauges,
    .counter_count = SERIES / 2,
    .gauge_count = SERIES / 2,
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static const struct identity *make_identity(enum statsd_type type, uint32_t index)
{
    char name[64];
    struct tag tag = {.key = "env", .value = "prod", .key_length = 3, .value_length = 4};
    int length = snprintf(name, sizeof(name), "service%02u.requests.route%u",
                          (unsigned)(index % RULES), (unsigned)index);
    struct identity *identity = calloc(1, identity_bytes_max((size_t)length, &tag, 1));
    REQUIRE(identity);
    identity_init(identity, type, name, (size_t)length, &tag, 1);
    identity->index = index;
    identity->generation = 1;
    return identity;
}

static void make_rows(void)
{
    for (uint32_t i = 0; i < SERIES / 2; i++) {
        counters[i] = (struct counter_row){
            .identity = make_identity(STATSD_COUNTER, i), .count = 50, .rate = 5, .updated = true};
        gauges[i] = (struct gauge_row){
            .identity = make_identity(STATSD_GAUGE, i), .value = 5, .updated = true};
    }
}

static void make_rules(struct config *config, bool all, const char *condition)
{
    config->alerts.items = calloc(RULES, sizeof(*config->alerts.items));
    config->alerts.count = RULES;
    REQUIRE(config->alerts.items);
    for (unsigned i = 0; i < RULES; i++) {
        struct config_alert *alert = &config->alerts.items[i];
        char name[32];
        snprintf(name, sizeof(name), "service%02u.*", i);
        alert->name = strdup(name);
        alert->metric = strdup(all ? "*" : name);
        alert->condition = strdup(condition);
        alert->for_windows = 1;
        REQUIRE(alert->name && alert->metric && alert->condition);
    }
}

static void free_rules(struct config *config)
{
    for (unsigned i = 0; i < RULES; i++) {
        free(config->alerts.items[i].name);
        free(config->alerts.items[i].metric);
        free(config->alerts.items[i].condition);
    }
    free(config->alerts.items);
}

static double judge(struct alert_engine *engine, uint64_t *clock_ns)
{
    double begun = now_ms();
    *clock_ns += WINDOW_NS;
    snapshot.timestamp += 10;
    alert_set_unref(alert_engine_judge(engine, &snapshot, *clock_ns));
    return now_ms() - begun;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

static void measure(const char *name, bool all, const char *condition, bool json, bool last)
{
    struct config config = {.alerts = {.count = 0}};
    double first[ROUNDS], later[ROUNDS];
    make_rules(&config, all, condition);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t clock_ns = WINDOW_NS;
        struct alert_engine *engine = alert_engine_new(&config, clock_ns);
        REQUIRE(engine);
        first[round] = judge(engine, &clock_ns);
        judge(engine, &clock_ns);
        later[round] = judge(engine, &clock_ns);
        alert_engine_free(engine);
    }
    free_rules(&config);
    if (json) {
        printf("  \"%s\": {\"first_ms\": %.3f, \"later_ms\": %.3f}%s\n", name, median(first),
               median(later), last ? "" : ",");
    } else {
        printf("%-44s %8.2f ms, first window %8.2f ms\n", name, median(later), median(first));
    }
}

int main(int count, char **arguments)
{
    bool json = count > 1 && strcmp(arguments[1], "--json") == 0;
    make_rows();
    printf("%s", json ? "{\n" : "");
    measure("a twentieth each, inactive", false, "rate > 10", json, false);
    measure("a twentieth each, main statistics change", false, "change > 20% over 1h", json, false);
    measure("all series each, inactive", true, "rate > 10", json, false);
    measure("all series each, absent", true, "absent 5m", json, false);
    measure("all series each, as many fire as there can be", true, "rate > 1", json, true);
    printf("%s", json ? "}\n" : "");
    return 0;
}
