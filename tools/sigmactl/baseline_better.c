/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_better.h"

#include <stdio.h>
#include <string.h>

#include "config/glob.h"
#include "proto/statsd.h"
#include "tools/sigmactl/baseline_file.h"
#include "tools/sigmactl/glob_list.h"

#define WORD_MAX 16

static bool read_word(const struct glob_item *item, enum better *better)
{
    char word[WORD_MAX] = "";
    if (item->word && item->word_length < sizeof(word)) {
        memcpy(word, item->word, item->word_length);
        word[item->word_length] = '\0';
    }
    return baseline_better_by_name(word, better);
}

const char *baseline_better_fault(const char *globs)
{
    struct glob_item item;
    enum better better;
    const char *list = globs;
    while (glob_list_next(&list, &item)) {
        if (!read_word(&item, &better)) {
            return "is not GLOB=lower, GLOB=higher or GLOB=none, several by comma";
        }
    }
    return glob_list_fault(globs);
}

bool baseline_better_asked(const char *globs, const char *metric, enum better *better)
{
    struct glob_item item;
    while (globs && glob_list_next(&globs, &item)) {
        if (glob_match(item.glob, metric, strlen(metric))) {
            return read_word(&item, better);
        }
    }
    return false;
}

static enum statsd_type type_of(const struct baseline_key *key)
{
    for (int i = 0; key->kind == CSV_TIMERS && i < STATSD_TYPES; i++) {
        if (strcmp(key->type, statsd_type_name((enum statsd_type)i)) == 0) {
            return (enum statsd_type)i;
        }
    }
    return key->kind == CSV_COUNTERS ? STATSD_COUNTER
           : key->kind == CSV_SETS   ? STATSD_SET
                                     : STATSD_GAUGE;
}

enum better baseline_better_usual(const struct config *config, const struct baseline_key *key)
{
    struct class class = classify_name(config, key->metric, strlen(key->metric));
    bool rate = strcmp(key->statistic, "rate") == 0 || strcmp(key->statistic, "count") == 0;
    enum statistic statistic = rate                    ? STATISTIC_RATE
                               : key->kind == CSV_SETS ? STATISTIC_UNIQUE
                                                       : STATISTIC_VALUE;
    return classify_better(class, type_of(key), statistic);
}
