/* SPDX-License-Identifier: MIT
 *
 * Reports for tests: empty ones over a hundred windows, with the default configuration.
 */
#ifndef TESTS_UNIT_REPORT_MADE_H
#define TESTS_UNIT_REPORT_MADE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "server/report/gather.h"
#include "server/report/model.h"
#include "server/report/rules.h"
#include "server/report/write.h"

#define MADE_FROM 1764316000.0
#define MADE_WINDOWS 100
#define MADE_INTERVAL 10.0
#define MADE_TO (MADE_FROM + MADE_WINDOWS * MADE_INTERVAL)

static inline struct config *made_config(void)
{
    struct config_sources sources = {.path = "/dev/null"};
    struct config *config = config_load(&sources, stderr, NULL);
    assert_non_null(config);
    config->server.receive_buffer_bytes = 64 * 1024;
    config->history.keep_ms = 3600000;
    return config;
}

/* Of a server with history, that has lost nothing. */
static inline struct report *made_report(struct config *config, struct ticks *ticks)
{
    struct report *report = malloc(sizeof(*report));
    assert_non_null(report);
    report_init(report, config, points_of(MADE_FROM, MADE_TO, MADE_INTERVAL), MADE_INTERVAL);
    report->config_known = true;
    report->has_figures = true;
    report->has_history = true;
    report->cpus = 4;
    report->max_fds = 1024;
    report->open_fds = 20;
    report->receive_buffer_granted = config->server.receive_buffer_bytes;
    report->flush.windows_closed = MADE_WINDOWS;
    memset(ticks, 0, sizeof(*ticks));
    report->ticks = ticks;
    return report;
}

static inline void made_drop(struct report *report, struct config *config)
{
    report_deinit(report);
    free(report);
    config_free(config);
}

/* The last window, with these figures; the counts of the report are those of the ticks. */
static inline struct tick *made_tick(struct ticks *ticks)
{
    struct ingest_figures ingest = {0};
    struct flush_figures flush = {0};
    struct tick_totals totals = {.ingest = &ingest, .flush = &flush};
    ticks_add(ticks, MADE_TO, MADE_INTERVAL, &totals);
    return &ticks->items[ticks->next - 1];
}

/* A series of one statistic; values by point. */
static inline void made_series(struct series *series, const char *name, const char *tags,
                               enum statsd_type type, enum statistic statistic,
                               double (*value)(size_t point))
{
    series_reset(series);
    series->name = name;
    series->name_length = strlen(name);
    series->tags = tags;
    series->tags_length = strlen(tags);
    series->type = type;
    series->windows = MADE_WINDOWS;
    series->count = 100 * MADE_WINDOWS;
    series->sum = 50 * series->count;
    series->has[statistic] = true;
    for (size_t i = 0; i < MADE_WINDOWS; i++) {
        series->values[statistic][i] = value(i);
    }
}

/* NULL where the rule does not apply. */
static inline const struct advice *made_advice(const struct report *report, const char *name,
                                               struct advice *advice)
{
    const struct rule *rule = rule_find(name);
    assert_non_null(rule);
    *advice = (struct advice){.rule = name};
    return rule->judge(report, advice) ? advice : NULL;
}

#endif
