/* SPDX-License-Identifier: MIT
 *
 * Alerts: milliseconds a window of 100,000 series (half counters, half gauges) under 20 rules. The
 * first window, in which every pattern is held against every name, and later ones, with rules that
 * take a twentieth of the series each and with rules that take all; nothing fires, or all that
 * there is room for. Then what the state file costs at its largest, all alerts there can be firing,
 * with full rings: the flusher's part (lines of alerts, copies of rings), that of the state's
 * thread (lines of rings), and its size. CPU time of the thread, median of five rounds. A table, or
 * one JSON object with --json.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/alert/engine.h"
#include "server/alert/ring.h"
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

static void measure(const char *name, bool all, const char *condition, bool json)
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
        printf("  \"%s\": {\"first_ms\": %.3f, \"later_ms\": %.3f},\n", name, median(first),
               median(later));
    } else {
        printf("%-44s %8.2f ms, first window %8.2f ms\n", name, median(later), median(first));
    }
}

/* Gauges and rates that take all 17 digits, and rise without end. */
static void vary_rows(unsigned window)
{
    for (uint32_t i = 0; i < SERIES / 2; i++) {
        gauges[i].value = (i + 1) / 7.0 * (window + 1);
        counters[i].rate = (i + 1) / 3.0 * (window + 1);
    }
}

static struct alert_engine *make_full(const struct config *config)
{
    uint64_t clock_ns = WINDOW_NS;
    struct alert_engine *engine = alert_engine_new(config, clock_ns);
    REQUIRE(engine);
    for (unsigned window = 0; window < 2 * ALERT_RING_VALUES_MAX; window++) {
        vary_rows(window);
        judge(engine, &clock_ns);
    }
    return engine;
}

static void measure_state(bool json)
{
    struct config config = {.alerts = {.count = 0}};
    double alerts[ROUNDS], copies[ROUNDS], lines[ROUNDS];
    size_t bytes = 0;
    make_rules(&config, true, "change > 20% over 10m");
    struct alert_engine *engine = make_full(&config);
    for (int round = 0; round < ROUNDS; round++) {
        struct buffer texts = {0}, copy = {0}, rings = {0};
        double begun = now_ms();
        alert_engine_save(engine, 1795255200, &texts);
        double saved = now_ms();
        alert_engine_hold_rings(engine, 1795255200, &copy);
        double copied = now_ms();
        alert_rings_write(&copy, &rings);
        lines[round] = now_ms() - copied;
        copies[round] = copied - saved;
        alerts[round] = saved - begun;
        bytes = texts.length + rings.length;
        REQUIRE(!texts.failed && !copy.failed && !rings.failed);
        buffer_deinit(&texts);
        buffer_deinit(&copy);
        buffer_deinit(&rings);
    }
    alert_engine_free(engine);
    free_rules(&config);
    printf(json ? "  \"the state\": {\"alerts_ms\": %.3f, \"copies_ms\": %.3f, \"lines_ms\": %.3f, "
                  "\"bytes\": %zu}\n"
                : "the state: alerts %.2f ms, copies %.2f ms; lines %.1f ms, %zu bytes\n",
           median(alerts), median(copies), median(lines), bytes);
}

int main(int count, char **arguments)
{
    bool json = count > 1 && strcmp(arguments[1], "--json") == 0;
    make_rows();
    printf("%s", json ? "{\n" : "");
    measure("a twentieth each, inactive", false, "rate > 10", json);
    measure("a twentieth each, main statistics change", false, "change > 20% over 1h", json);
    measure("all series each, inactive", true, "rate > 10", json);
    measure("all series each, absent", true, "absent 5m", json);
    measure("all series each, as many fire as there can be", true, "rate > 1", json);
    measure_state(json);
    printf("%s", json ? "}\n" : "");
    return 0;
}
