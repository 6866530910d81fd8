/* SPDX-License-Identifier: MIT */
#include "server/detect/classify.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/glob.h"

/* The bytes around what fits the word, '.' at the ends of the name. */
static bool stands_alone(const char *name, size_t length, size_t at, size_t word_length)
{
    size_t end = at + word_length;
    unsigned char first = (unsigned char)name[at];
    unsigned char last = (unsigned char)name[end - 1];
    unsigned char before = at > 0 ? (unsigned char)name[at - 1] : '.';
    unsigned char behind = end < length ? (unsigned char)name[end] : '.';
    bool begins = !isalpha(before) || (islower(before) && isupper(first));
    bool all_capitals = isupper(first) && isupper(last);
    bool ends = all_capitals ? !isalpha(behind) : !islower(behind);
    return begins && ends;
}

bool classify_has_word(const char *name, size_t length, const char *word)
{
    size_t word_length = strlen(word);
    for (size_t at = 0; at + word_length <= length; at++) {
        if (strncasecmp(name + at, word, word_length) == 0 &&
            stands_alone(name, length, at, word_length)) {
            return true;
        }
    }
    return false;
}

static bool takes(const struct config_strings *patterns, const char *name, size_t length)
{
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        bool fits = glob_is_wild(pattern) ? glob_match_any_case(pattern, name, length)
                                          : classify_has_word(name, length, pattern);
        if (fits) {
            return true;
        }
    }
    return false;
}

struct class classify_name(const struct config *config, const char *name, size_t length)
{
    const struct config_strings *const patterns[] = {
        [TOPIC_ERRORS] = &config->anomaly.errors,
        [TOPIC_LATENCY] = &config->anomaly.latency,
        [TOPIC_THROUGHPUT] = &config->anomaly.throughput,
        [TOPIC_MEMORY] = &config->anomaly.memory,
        [TOPIC_CPU] = &config->anomaly.cpu,
    };
    struct class class = {
        .higher_is_better = takes(&config->anomaly.higher_is_better, name, length),
    };
    for (unsigned topic = TOPIC_ERRORS; topic <= TOPIC_CPU; topic++) {
        if (takes(patterns[topic], name, length)) {
            class.topic = (uint8_t)topic;
            break;
        }
    }
    return class;
}

static enum anomaly_type rate_type(struct class class, bool above)
{
    if (above) {
        return class.topic == TOPIC_ERRORS ? ANOMALY_HIGH_ERROR_RATE : ANOMALY_HIGH_RATE;
    }
    return class.topic == TOPIC_THROUGHPUT ? ANOMALY_LOW_THROUGHPUT : ANOMALY_LOW_RATE;
}

/* Of gauges, histograms and distributions: the name says what is measured. */
static enum anomaly_type value_type(struct class class, bool above)
{
    if (!above) {
        return class.topic == TOPIC_THROUGHPUT ? ANOMALY_LOW_THROUGHPUT : ANOMALY_LOW_VALUE;
    }
    switch (class.topic) {
    case TOPIC_ERRORS:
        return ANOMALY_HIGH_ERROR_RATE;
    case TOPIC_LATENCY:
        return ANOMALY_HIGH_LATENCY;
    case TOPIC_MEMORY:
        return ANOMALY_HIGH_MEMORY;
    case TOPIC_CPU:
        return ANOMALY_HIGH_CPU;
    default:
        return ANOMALY_HIGH_VALUE;
    }
}

enum anomaly_type classify_type(struct class class, enum statsd_type type, enum statistic statistic,
                                bool above)
{
    if (statistic == STATISTIC_RATE) {
        return rate_type(class, above);
    }
    if (type == STATSD_TIMER) {
        return above ? ANOMALY_HIGH_LATENCY : ANOMALY_LOW_VALUE;
    }
    if (statistic == STATISTIC_UNIQUE) {
        return above ? ANOMALY_HIGH_VALUE : ANOMALY_LOW_VALUE;
    }
    return value_type(class, above);
}

enum better classify_better(struct class class, enum statsd_type type, enum statistic statistic)
{
    static const enum better of_rates[] = {
        [TOPIC_NONE] = BETTER_UNKNOWN,    [TOPIC_ERRORS] = BETTER_LOWER,
        [TOPIC_LATENCY] = BETTER_UNKNOWN, [TOPIC_THROUGHPUT] = BETTER_HIGHER,
        [TOPIC_MEMORY] = BETTER_UNKNOWN,  [TOPIC_CPU] = BETTER_UNKNOWN,
    };
    static const enum better of_values[] = {
        [TOPIC_NONE] = BETTER_UNKNOWN,  [TOPIC_ERRORS] = BETTER_LOWER,
        [TOPIC_LATENCY] = BETTER_LOWER, [TOPIC_THROUGHPUT] = BETTER_HIGHER,
        [TOPIC_MEMORY] = BETTER_LOWER,  [TOPIC_CPU] = BETTER_LOWER,
    };
    if (type == STATSD_TIMER && statistic != STATISTIC_RATE) {
        return BETTER_LOWER;
    }
    if (class.higher_is_better) {
        return BETTER_HIGHER;
    }
    if (statistic == STATISTIC_UNIQUE) {
        return BETTER_UNKNOWN;
    }
    return statistic == STATISTIC_RATE ? of_rates[class.topic] : of_values[class.topic];
}

const char *classify_unit(enum statsd_type type, enum statistic statistic)
{
    if (statistic == STATISTIC_RATE) {
        return "/s";
    }
    return type == STATSD_TIMER ? "ms" : "";
}
