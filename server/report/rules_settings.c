/* SPDX-License-Identifier: MIT
 *
 * Rules about settings and senders that do not go together: figures that are not what they seem.
 */
#include <math.h>
#include <string.h>

#include "proto/number.h"
#include "server/report/rules.h"

/* Anomalies are too many where so many began, and so many a day for each series on average. */
#define NOISY_STARTS 20
#define NOISY_DAILY 1.0
/* How far the knobs are turned by advice. */
#define SIGMA_MAX 6.0
#define SENSITIVITY_MIN 0.05

static double series_of(const struct report *report)
{
    double series = 0;
    for (size_t i = 0; i < STATSD_TYPES; i++) {
        series += (double)report->series_count[i];
    }
    return series;
}

static void list_percentiles(char out[96], const struct config_numbers *percents, size_t count)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char number[NUMBER_TEXT_MAX];
        number_format(number, percents->items[i]);
        int more = snprintf(out + length, 96 - length, "%s%s", i > 0 ? ", " : "", number);
        length += more > 0 && length + (size_t)more < 96 ? (size_t)more : 0;
    }
}

/* At least half of the timers have fewer than 1/(1-q) samples a window, so that the percentile is
 * their maximum. The percentiles ascend: what is asked for above is no better. */
static bool thin_percentile(const struct report *report, struct advice *advice)
{
    const struct config_numbers *percents = &report->config->flush.percentiles;
    for (size_t i = 1; i < percents->count && i < 32; i++) {
        double percent = percents->items[i];
        if (!report->config_known || report->timer_count == 0 || percent <= 50 || percent >= 100 ||
            2 * report->timers_thin[i] < report->timer_count) {
            continue;
        }
        char fewer[96], all[96];
        list_percentiles(fewer, percents, i);
        list_percentiles(all, percents, percents->count);
        advice->severity = SEVERITY_INFO;
        advice_title(advice, "p%g is asked of timers with too few samples", percent);
        advice_evidence(
            advice,
            "%llu of %llu timers have fewer than %.0f samples a window: their p%g is their "
            "maximum.",
            (unsigned long long)report->timers_thin[i], (unsigned long long)report->timer_count,
            100 / (100 - percent), percent);
        advice_action(advice,
                      "Ask for fewer percentiles, or make windows longer. It takes a restart.");
        advice_set(advice, "flush", "percentiles", fewer, all);
        return true;
    }
    return false;
}

/* A timer is sent so thinly (|@) that fewer than 100 samples a window stand for 1,000 or more: p99
 * then rests on less than one. No setting mends it. */
static bool thin_samples(const struct report *report, struct advice *advice)
{
    if (report->timers_sampled == 0) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "%s is sampled too thinly for its p99", report->sampled_example);
    advice_evidence(
        advice,
        "A window has %.3g samples of it that stand for %.4g; %llu timers are sent so. p99 "
        "needs 100 samples at least.",
        report->sampled_samples, report->sampled_count, (unsigned long long)report->timers_sampled);
    advice_action(advice, "Raise the sample rate of its senders to %.3g or more.",
                  fmin(1, 1000 / report->sampled_count));
    return true;
}

/* A counter was silent for longer than flush.expire_counters and came back. */
static bool counters_expire(const struct report *report, struct advice *advice)
{
    uint64_t now = report->config->flush.expire_counters_ms;
    if (!report->config_known || now == 0 || report->counters_returned == 0) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "Counters expire and come back");
    advice_evidence(
        advice,
        "%llu counters were silent for longer than flush.expire_counters and were sent "
        "again, %s for one: their totals begin at 0, which increase() takes for a reset.",
        (unsigned long long)report->counters_returned, report->returned_example);
    advice_action(advice,
                  "Keep counters for ever, as far as limits.max_series allows, or for longer.");
    advice_set_duration(advice, "flush", "expire_counters", 0, now);
    return true;
}

/* The next step of the method's one knob that finds less: a deviation more, or half as many false
 * alarms. False at its end. */
static bool calm(const struct config *config, struct advice *advice)
{
    bool sigma = config->anomaly.method == ANOMALY_SIGMA;
    double now = sigma ? config->anomaly.sigma : config->anomaly.sensitivity;
    double next = sigma ? now + 1 : now / 2;
    char value[NUMBER_TEXT_MAX], was[NUMBER_TEXT_MAX];
    number_format(value, next);
    number_format(was, now);
    advice_set(advice, "anomaly", sigma ? "sigma" : "sensitivity", value, was);
    return config->anomaly.method != ANOMALY_OFF &&
           (sigma ? next <= SIGMA_MAX : next >= SENSITIVITY_MIN);
}

/* 20 anomalies or more began, and more than one a series a day. */
static bool noisy_anomalies(const struct report *report, struct advice *advice)
{
    double days = (report->points.to - report->points.from) / 86400;
    double started = (double)report->anomalies_started;
    double daily = started / fmax(series_of(report), 1) / fmax(days, 1e-9);
    if (!report->config_known || started < NOISY_STARTS || daily < NOISY_DAILY ||
        !calm(report->config, advice)) {
        return false;
    }
    advice->severity = SEVERITY_INFO;
    advice_title(advice, "Anomalies are noisy");
    advice_evidence(advice, "%.0f began, %.3g a series a day; one a day is a lot to look at.",
                    started, daily);
    advice_action(
        advice, "Have fewer found; sigmactl backtest shows what would be found in your own files.");
    return true;
}

/* The wall clock was stepped by more than half an interval. */
static bool clock_steps(const struct report *report, struct advice *advice)
{
    if (!report->has_figures || report->flush.clock_steps == 0) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "The wall clock was stepped");
    advice_evidence(
        advice,
        "%llu windows ended early because the clock jumped; stamps have a gap, or an overlap.",
        (unsigned long long)report->flush.clock_steps);
    advice_action(
        advice, "Let chrony or ntpd slew the clock instead of stepping it while the server runs.");
    return true;
}

/* Series that /metrics cannot show since their name belongs to another type. */
static bool name_conflicts(const struct report *report, struct advice *advice)
{
    if (!report->has_figures || report->naming_conflicts == 0) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "Series are missing in /metrics");
    advice_evidence(
        advice,
        "%llu series have the Prometheus name of a series of another type; the log names "
        "them.",
        (unsigned long long)report->naming_conflicts);
    advice_action(advice,
                  "Rename one of the two where it is sent, or by a rule of prometheus.mapping.");
    return true;
}

/* A server that keeps no windows: what changed is not known. */
static bool history(const struct report *report, struct advice *advice)
{
    if (!report->has_figures || report->config->history.keep_ms > 0) {
        return false;
    }
    advice->severity = SEVERITY_INFO;
    advice_title(advice, "What changed is not known: no windows are kept");
    advice_evidence(advice,
                    "[history] keep is off, so that series are known by their last window alone.");
    advice_action(
        advice,
        "Keep an hour: four bytes a figure and window, within history.memory. CSV logs tell it "
        "too: sigmactl report --csv DIR.");
    advice_set(advice, "history", "keep", "1h", "off");
    return true;
}

const struct rule rules_of_settings[] = {
    {"thin_percentile", thin_percentile},
    {"thin_samples", thin_samples},
    {"counters_expire", counters_expire},
    {"noisy_anomalies", noisy_anomalies},
    {"history", history},
    {"clock_steps", clock_steps},
    {"name_conflicts", name_conflicts},
    {NULL, NULL},
};
