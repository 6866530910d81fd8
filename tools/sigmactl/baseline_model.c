/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Stamps are written in milliseconds. */
#define TIME_ACCURACY_S 0.0005

int baseline_key_compare(const struct baseline_key *a, const struct baseline_key *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    order = order != 0 ? order : strcmp(a->metric, b->metric);
    order = order != 0 ? order : strcmp(a->tags, b->tags);
    order = order != 0 ? order : strcmp(a->type, b->type);
    return order != 0 ? order : strcmp(a->statistic, b->statistic);
}

/* The four texts in one piece of memory, which `metric` leads. */
static bool copy_key(struct baseline_key *copy, const struct baseline_key *key)
{
    const char *const from[] = {key->metric, key->tags, key->type, key->statistic};
    const char **const to[] = {&copy->metric, &copy->tags, &copy->type, &copy->statistic};
    size_t bytes = 0;
    for (size_t i = 0; i < 4; i++) {
        bytes += strlen(from[i]) + 1;
    }
    char *at = malloc(bytes);
    for (size_t i = 0; at && i < 4; i++) {
        size_t length = strlen(from[i]) + 1;
        *to[i] = memcpy(at, from[i], length);
        at += length;
    }
    copy->kind = key->kind;
    return at != NULL;
}

bool baseline_entry_init(struct baseline_entry *entry, const struct baseline_key *key,
                         enum better better)
{
    *entry = (struct baseline_entry){.better = better,
                                     .threshold = (double)NAN,
                                     .warning = (double)NAN,
                                     .critical = (double)NAN};
    return copy_key(&entry->key, key);
}

void baseline_entry_deinit(struct baseline_entry *entry)
{
    union {
        const char *text;
        char *memory;
    } key = {entry->key.metric};
    free(key.memory);
    free(entry->history);
    *entry = (struct baseline_entry){0};
}

static double weight_of_run(uint64_t number)
{
    return 1 / (double)number > BASELINE_ALPHA ? 1 / (double)number : BASELINE_ALPHA;
}

static bool remember(struct baseline_entry *entry, const struct baseline_run *run)
{
    if (entry->history_count >= BASELINE_HISTORY_MAX) {
        size_t kept = BASELINE_HISTORY_MAX - 1;
        memmove(entry->history, entry->history + entry->history_count - kept,
                kept * sizeof(*entry->history));
        entry->history_count = kept;
    } else {
        void *grown = realloc(entry->history, (entry->history_count + 1) * sizeof(*entry->history));
        if (!grown) {
            return false;
        }
        entry->history = grown;
    }
    entry->history[entry->history_count++] = *run;
    return true;
}

bool baseline_entry_add(struct baseline_entry *entry, const struct baseline_run *run, bool *known)
{
    size_t count = entry->history_count;
    *known = count > 0 && fabs(entry->history[count - 1].time - run->time) < TIME_ACCURACY_S;
    if (*known) {
        return true;
    }
    if (!remember(entry, run)) {
        return false;
    }
    double weight = weight_of_run(++entry->runs);
    double distance = run->centre.mean - entry->mean;
    entry->variance = (1 - weight) * (entry->variance + weight * distance * distance);
    entry->mean += weight * distance;
    entry->windows += run->centre.count;
    if (!entry->pinned) {
        entry->target = entry->mean;
    }
    return true;
}

void baseline_entry_reset(struct baseline_entry *entry)
{
    entry->mean = entry->variance = 0;
    entry->runs = entry->windows = 0;
    entry->history_count = 0;
}

void baseline_entry_limit(struct baseline_entry *entry, double threshold)
{
    double step = threshold * fabs(entry->target);
    step = entry->better == BETTER_LOWER    ? step
           : entry->better == BETTER_HIGHER ? -step
                                            : (double)NAN;
    entry->warning = entry->target + step;
    entry->critical = entry->target + BASELINE_CRITICAL * step;
}

/* The mean variance of the runs' own errors; their degrees of freedom add up. */
static struct deviation mean_error(const struct baseline_entry *entry)
{
    struct deviation mean = {0, 0};
    for (size_t i = 0; i < entry->history_count; i++) {
        struct deviation error = statistics_error(&entry->history[i].centre);
        mean.variance += error.variance / (double)entry->history_count;
        mean.freedom += error.freedom;
    }
    return mean;
}

/* Σ w² over the weights that the runs of the history have in the mean. */
static double squared_weights(const struct baseline_entry *entry)
{
    double sum = 0, left = 1;
    for (size_t i = 0; i < entry->history_count; i++) {
        double weight = weight_of_run(entry->runs - i);
        sum += left * weight * left * weight;
        left *= 1 - weight;
    }
    return sum;
}

/* Half the mean square of the steps from run to run, with about 2 (k - 1) / 3 degrees of freedom.
 */
static struct deviation steps(const struct baseline_entry *entry)
{
    double sum = 0;
    double pairs = (double)(entry->history_count - 1);
    for (size_t i = 1; i < entry->history_count; i++) {
        double step = entry->history[i].centre.mean - entry->history[i - 1].centre.mean;
        sum += step * step;
    }
    return (struct deviation){pairs > 0 ? sum / (2 * pairs) : 0, 2 * pairs / 3};
}

/* The variance between runs that `within` does not explain. A few runs say next to nothing of it,
 * so that it is drawn towards what is usual (as in Smyth, "Linear models and empirical Bayes
 * methods", 2004), and is that before there are BASELINE_RUNS_SPREAD. What has never varied has
 * none. */
static struct deviation spread(const struct baseline_entry *entry, double within)
{
    struct deviation seen = steps(entry);
    double usual = BASELINE_SPREAD * entry->target;
    if (!(seen.variance + within > 0)) {
        return (struct deviation){0, 1};
    }
    if (entry->history_count < BASELINE_RUNS_SPREAD) {
        return (struct deviation){usual * usual, (double)INFINITY};
    }
    double freedom = seen.freedom + BASELINE_SPREAD_FREEDOM;
    double beyond = fmax(seen.variance - within, 0);
    return (struct deviation){
        (seen.freedom * beyond + BASELINE_SPREAD_FREEDOM * usual * usual) / freedom, freedom};
}

struct deviation baseline_entry_noise(const struct baseline_entry *entry,
                                      const struct centre *centre)
{
    struct deviation noise = statistics_error(centre);
    if (entry->history_count == 0) {
        return noise;
    }
    struct deviation within = mean_error(entry);
    struct deviation between = spread(entry, within.variance);
    double shares = entry->pinned ? 0 : squared_weights(entry);
    noise = statistics_add(noise, statistics_scale(within, shares));
    return statistics_add(noise, statistics_scale(between, 1 + shares));
}
