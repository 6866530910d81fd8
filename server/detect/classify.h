/* SPDX-License-Identifier: MIT
 *
 * What a series measures, as far as its name tells, and what follows: the type of an anomaly,
 * whether more is better, and the unit of its figures. The patterns are those of [anomaly]; one
 * with a wildcard is held against the whole name, one without is looked for as a word of it, both
 * in either case. Going through the patterns takes microseconds, so the class of a series is
 * worked out once and kept by who asks.
 *
 * Pure functions; any thread.
 */
#ifndef SERVER_DETECT_CLASSIFY_H
#define SERVER_DETECT_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"

/* In order of precedence, for a name that patterns of several take. */
enum topic { TOPIC_NONE, TOPIC_ERRORS, TOPIC_LATENCY, TOPIC_THROUGHPUT, TOPIC_MEMORY, TOPIC_CPU };

enum better { BETTER_UNKNOWN, BETTER_LOWER, BETTER_HIGHER };

/* By the name alone, whatever the type. */
struct class
{
    uint8_t topic; /* enum topic */
    bool higher_is_better;
};

struct class classify_name(const struct config *config, const char *name, size_t length);

/* Whether `word` is a word of the name: what is before and behind is no letter of the same word,
 * which a change from small to capital letters begins (usedMem and MEM_USED have mem, members and
 * remember have not). Letters match in either case. */
bool classify_has_word(const char *name, size_t length, const char *word);

/* The type of a value above or below what is usual. Never ANOMALY_FLATLINE, which only silence
 * brings. */
enum anomaly_type classify_type(struct class class, enum statsd_type type, enum statistic statistic,
                                bool above);

/* Whether a change of the statistic for the higher is good or bad news. */
enum better classify_better(struct class class, enum statsd_type type, enum statistic statistic);

/* "ms" of the values of ms timers, "/s" of rates, "" where it is not known. */
const char *classify_unit(enum statsd_type type, enum statistic statistic);

#endif
