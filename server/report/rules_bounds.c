/* SPDX-License-Identifier: MIT
 *
 * Rules about bounds that are reached, or nearly so: series, memory, disk, descriptors, time.
 */
#include <math.h>
#include <string.h>

#include "server/report/rules.h"

/* Shares of a bound from which on it is told of. */
#define NEARLY 0.8
#define NEARLY_ALL 0.9
#define NEARLY_FULL 0.97
/* A close that takes this part of the interval, and the one from which on it is critical. */
#define SLOW_CLOSE 0.5
#define SLOWEST_CLOSE 0.9
/* A tag key explodes that has so many values, on such a part of all series. */
#define TAG_VALUES_MIN 1000
#define TAG_SHARE_MIN 0.2
/* Of windows in which a worker's slice came too late. */
#define EXTENDED_SHARE 0.01

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static double known_series(const struct report *report)
{
    double series = 0;
    for (size_t i = 0; i < STATSD_TYPES; i++) {
        series +=
            report->has_figures ? (double)report->flush.series[i] : (double)report->series_count[i];
    }
    return series;
}

/* New names were refused, or four fifths of limits.max_series are in use. */
static bool max_series(const struct report *report, struct advice *advice)
{
    uint64_t now = report->config->limits.max_series;
    double refused = (double)report->recent.samples_rejected[LOSS_SERIES_LIMIT];
    double used = ratio(known_series(report), (double)now);
    if (!report->has_figures || (refused < 1 && used < NEARLY) || now >= 100000000) {
        return false;
    }
    advice->severity = refused >= 1 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    advice_title(advice, refused >= 1 ? "New series are refused: limits.max_series is reached"
                                      : "Series are near limits.max_series");
    advice_evidence(advice,
                    "%.0f of %llu series are in use; %.0f samples of new ones were refused.",
                    known_series(report), (unsigned long long)now, refused);
    advice_action(
        advice,
        "If these series are wanted allow more, as far as limits.memory does (a timer takes "
        "about a kilobyte); if not, see which tag has too many values. It takes a restart.");
    advice_set_count(advice, "limits", "max_series", 2 * now < 100000000 ? 2 * now : 100000000,
                     now);
    return true;
}

static bool is_trace(const char *key)
{
    return strcmp(key, "trace_id") == 0 || strcmp(key, "span_id") == 0;
}

static void mend_tag(const struct report *report, const struct tag_key *key, struct advice *advice)
{
    bool counters = 2 * key->counters >= key->series;
    if (is_trace(key->key) && !report->config->prometheus.exemplars) {
        advice_action(advice,
                      "Take the ids of traces out of the names of series; /metrics shows them as "
                      "exemplars. It takes a restart.");
        advice_set(advice, "prometheus", "exemplars", "true", "false");
    } else if (counters && report->config->flush.expire_counters_ms == 0) {
        advice_action(
            advice,
            "Take the tag out where it is sent. Until then let counters expire that are not "
            "used any more, which at present stay for ever.");
        advice_set(advice, "flush", "expire_counters", "1d", "0");
    } else {
        advice_action(advice,
                      "Take the tag out where it is sent, or put what has few values in its place; "
                      "a rule of prometheus.mapping keeps it out of /metrics, limits.max_series "
                      "bounds the damage.");
    }
}

/* The key with most values has 1,000 or more, and a fifth of all series have it. */
static bool tag_explosion(const struct report *report, struct advice *advice)
{
    const struct tag_key *key = tag_keys_next(&report->keys, NULL);
    double values = key ? tag_key_values(key) : 0;
    double share = key ? ratio((double)key->series, (double)report->keys.series) : 0;
    struct buffer since = {0};
    if (values < TAG_VALUES_MIN || share < TAG_SHARE_MIN) {
        return false;
    }
    size_t point = tag_key_since(key, report->points.count);
    if (point < report->points.count) {
        buffer_append_text(&since, ", and most have come since ");
        words_put_stamp(&since,
                        points_stamp(&report->points, point) - points_step(&report->points));
        buffer_append_text(&since, " UTC");
    }
    const char *metric = tag_key_metric(key);
    advice->severity = share >= 0.5 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    advice_title(advice, "The tag %s makes series explode", key->key);
    advice_evidence(advice, "It has about %.0f values on %.0f %% of all series%s%s%.*s.", values,
                    100 * share, metric ? ", many of them of " : "", metric ? metric : "",
                    (int)since.length, since.bytes ? since.bytes : "");
    mend_tag(report, key, advice);
    buffer_deinit(&since);
    return true;
}

/* Samples were refused for want of memory, or four fifths of limits.memory are in use. */
static bool memory(const struct report *report, struct advice *advice)
{
    uint64_t now = report->config->limits.memory_bytes;
    double refused = (double)report->recent.samples_rejected[LOSS_MEMORY_LIMIT];
    double used = ratio((double)report->flush.pool_bytes, (double)now);
    char has[32], bound[32];
    if (!report->has_figures || (refused < 1 && used < NEARLY)) {
        return false;
    }
    advice->severity = refused >= 1 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    advice_title(advice, refused >= 1 ? "Samples are refused for want of memory"
                                      : "Memory is near limits.memory");
    advice_evidence(advice, "%s of %s are in use; %.0f samples were refused.",
                    words_figure(has, sizeof(has), (double)report->flush.pool_bytes, UNIT_BYTES),
                    words_figure(bound, sizeof(bound), (double)now, UNIT_BYTES), refused);
    advice_action(advice,
                  "Allow more if the machine has it, or fewer series (limits.max_series, shorter "
                  "flush.expire_timers). It takes a restart.");
    advice_set_size(advice, "limits", "memory", 2 * now, now);
    return true;
}

/* metrics.timers = exact could not keep every sample. */
static bool exact_timers(const struct report *report, struct advice *advice)
{
    uint64_t times = report->flush.approximations;
    if (!report->has_figures || report->config->metrics.timers != TIMERS_EXACT || times == 0) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "Timers that are to be exact are not");
    advice_evidence(advice,
                    "%llu times a timer had no room left for its samples, and went on as a sketch.",
                    (unsigned long long)times);
    advice_action(advice, "Allow more memory. It takes a restart.");
    advice_set_size(advice, "limits", "memory", 2 * report->config->limits.memory_bytes,
                    report->config->limits.memory_bytes);
    return true;
}

/* The CSV files take nine tenths of csv.max_disk, so that the oldest are about to go, or going. */
static bool disk(const struct report *report, struct advice *advice)
{
    uint64_t now = report->config->csv.max_disk_bytes;
    double used = ratio((double)report->disk_bytes, (double)now);
    char has[32], bound[32];
    if (!report->config_known || used < NEARLY_ALL) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "The CSV files are near csv.max_disk");
    advice_evidence(advice,
                    "They take %s of %s; beyond it the oldest go, whatever csv.retain says.",
                    words_figure(has, sizeof(has), (double)report->disk_bytes, UNIT_BYTES),
                    words_figure(bound, sizeof(bound), (double)now, UNIT_BYTES));
    advice_action(advice, "Allow more, or keep them for a shorter time.");
    advice_set_size(advice, "csv", "max_disk", 2 * now, now);
    return true;
}

/* Four fifths of the descriptors are open. */
static bool descriptors(const struct report *report, struct advice *advice)
{
    if (!report->has_figures || ratio((double)report->open_fds, (double)report->max_fds) < NEARLY) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "Descriptors are nearly used up");
    advice_evidence(advice, "%llu of %llu are open.", (unsigned long long)report->open_fds,
                    (unsigned long long)report->max_fds);
    advice_action(advice, "Raise LimitNOFILE of the service, or lower server.stream_idle.");
    return true;
}

/* A file system, or the memory of the host, is used by nine tenths; the fullest one is told of. */
static bool host(const struct report *report, struct advice *advice)
{
    const struct report_resource *fullest = NULL;
    for (size_t i = 0; i < report->resource_count; i++) {
        const struct report_resource *resource = &report->resources[i];
        bool bound = strcmp(resource->name, "node_filesystem_used_ratio") == 0 ||
                     strcmp(resource->name, "node_memory_used_ratio") == 0;
        if (bound && resource->latest >= NEARLY_ALL &&
            (!fullest || resource->latest > fullest->latest)) {
            fullest = resource;
        }
    }
    if (!fullest) {
        return false;
    }
    bool disk = strcmp(fullest->name, "node_filesystem_used_ratio") == 0;
    advice->severity = fullest->latest >= NEARLY_FULL ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    advice_title(advice, disk ? "A file system of the host is nearly full"
                              : "The host's memory is nearly used up");
    advice_evidence(advice, "%s %s is %.3g %%.", fullest->name, fullest->tags,
                    100 * fullest->latest);
    advice_action(advice,
                  disk ? "Make room; where the logs are on it, lower csv.max_disk or csv.retain."
                       : "Give the host more, or the server less (limits.memory).");
    return true;
}

/* 1, 2 or 5 times a power of ten, in seconds; whole minutes above. */
static uint64_t round_interval(double ms)
{
    static const uint64_t steps[] = {100,   200,   500,   1000,   2000,   5000,   10000,   15000,
                                     20000, 30000, 60000, 120000, 300000, 600000, 1800000, 3600000};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if ((double)steps[i] >= ms) {
            return steps[i];
        }
    }
    return 86400000;
}

/* A close within the time took half of the interval or more. */
static bool slow_close(const struct report *report, struct advice *advice)
{
    const struct tick *worst = ticks_most(report->ticks, TICK_DURATION, report->points.from);
    uint64_t now = report->config->flush.interval_ms;
    double took = worst ? worst->figures[TICK_DURATION] : 0;
    char text[32], interval[32];
    if (!report->has_figures || took * 1000 < SLOW_CLOSE * (double)now || now >= 86400000) {
        return false;
    }
    advice->severity =
        took * 1000 >= SLOWEST_CLOSE * (double)now ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    advice_title(advice, "Closing a window takes nearly as long as a window");
    advice_evidence(advice, "The slowest close took %s of an interval of %s, with %.0f series.",
                    words_figure(text, sizeof(text), took, UNIT_SECONDS),
                    words_figure(interval, sizeof(interval), (double)now, UNIT_MS),
                    worst->figures[TICK_SERIES]);
    advice_action(advice, "Make windows longer, or series fewer.");
    advice_set_duration(advice, "flush", "interval",
                        round_interval(fmax(4000 * took, 2 * (double)now)), now);
    return true;
}

/* In one window of a hundred a worker's slice came too late. */
static bool extended(const struct report *report, struct advice *advice)
{
    double late = (double)report->flush.windows_extended;
    double windows = (double)report->flush.windows_closed;
    unsigned now = report->config->server.workers;
    if (!report->has_figures || late < 1 || late < EXTENDED_SHARE * windows) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "Workers hand over too late");
    advice_evidence(
        advice,
        "In %.0f of %.0f windows a worker did not answer in half a second, and its samples "
        "count in the next one.",
        late, windows);
    advice_action(
        advice, "The machine is short of processors, or a worker of time: the process may use %u.",
        report->cpus);
    if (now < report->cpus && now < 8) {
        advice_set_count(advice, "server", "workers", now + 1, now);
    }
    return true;
}

const struct rule rules_of_bounds[] = {
    {"max_series", max_series},
    {"tag_explosion", tag_explosion},
    {"memory", memory},
    {"exact_timers", exact_timers},
    {"disk", disk},
    {"descriptors", descriptors},
    {"host", host},
    {"slow_close", slow_close},
    {"extended", extended},
    {NULL, NULL},
};
