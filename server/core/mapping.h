/* SPDX-License-Identifier: MIT
 *
 * The mapper: which Prometheus name and labels a StatsD name has by the rules of a statsd_exporter
 * mapping file. This is the contract; the rules are read and applied in the module `mapping`, which
 * needs libyaml and PCRE2. A mapper is a function of its file and what it is asked: it knows
 * nothing of the registry or of Prometheus' text, so that a tool can ask it as well as the server.
 *
 * Rules: server/modules/mapping. One thread at a time.
 */
#ifndef SERVER_CORE_MAPPING_H
#define SERVER_CORE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/statsd.h"
#include "proto/tags.h"
#include "server/core/buffer.h"

/* What a file may hold; more is refused. */
#define MAPPING_RULES_MAX 65000
#define MAPPING_LABELS_MAX 64
#define MAPPING_QUANTILES_MAX 32
#define MAPPING_BUCKETS_MAX 128

/* MAPPING_UNSAID: neither the rule nor the defaults of the file say so; what the configuration has
 * holds. */
enum mapping_observer { MAPPING_UNSAID, MAPPING_SUMMARY, MAPPING_HISTOGRAM };

struct mapping_quantile {
    double quantile; /* 0 to 1 */
    double error;    /* as the file has it; the sketch's own is smaller */
};

/* What a rule, or the defaults of the file, say of how something is shown; a rule's have the
 * defaults filled in. */
struct mapping_options {
    enum mapping_observer observer;
    const struct mapping_quantile *quantiles; /* ascending; count 0 = unsaid */
    size_t quantile_count;
    const double *buckets; /* ascending, without +Inf, of the value as shown; count 0 = unsaid */
    size_t bucket_count;
    double native_factor;        /* growth of native buckets, above 1; 0 = unsaid */
    unsigned native_buckets_max; /* 0 = unsaid */
    uint64_t max_age_ms;         /* read and checked; quantile_window holds */
    unsigned age_buckets, buf_cap;
    uint64_t ttl_ms; /* idle time after which a series is not shown any more; 0 = never */
};

struct mapping_rule {
    unsigned line;     /* of the file, where the rule begins */
    const char *match; /* as written */
    const char *help;  /* "" = none */
    const char *unit;  /* "" = none; the name ends in it */
    double scale;      /* values are multiplied with it; 1 where the rule has none */
    bool drop;
    bool honor_labels; /* a tag holds against a label of the rule with the same name */
    struct mapping_options options;
};

/* The head of what the module makes. */
struct mapping {
    const struct mapping_rule *rules;
    size_t rule_count;
    struct mapping_options defaults; /* of names that no rule takes, too */
    uint64_t limited;                /* how often a regular expression was given up for its cost */
};

enum mapping_outcome { MAPPING_NONE, MAPPING_MAPPED, MAPPING_DROPPED };

/* An answer. `name` and `labels` are bytes of `text`, or of the rule, and hold until the next
 * question with the same answer; the name is not yet free of characters that Prometheus forbids.
 * Zeroed before the first use. */
struct mapping_answer {
    enum mapping_outcome outcome;
    uint16_t rule; /* index of the rule, where MAPPED or DROPPED */
    const char *name;
    size_t name_length;
    struct tag labels[MAPPING_LABELS_MAX]; /* of the rule, as yet without the tags */
    size_t label_count;
    unsigned cost; /* of the answer, in units of about a microsecond; at least 1 */
    struct buffer text;
};

struct mapper_module {
    /* Reads a mapping file. NULL with every fault found written to `faults`, one a line:
     * `FILE:LINE: message`. */
    struct mapping *(*read)(const char *path, FILE *faults);
    void (*free)(struct mapping *mapping);
    /* Asks for a name. False without memory. */
    bool (*map)(struct mapping *mapping, enum statsd_type type, const char *name, size_t length,
                struct mapping_answer *answer);
};

/* A mapping file and who reads it; all zero = none. */
struct mapper {
    const struct mapper_module *module;
    struct mapping *mapping;
};

/* Loads the module and reads the file. False with the faults written, as mapper_module.read(), or
 * why the module is not there, which begins with `wanted_by`. */
bool mapper_open(struct mapper *mapper, const char *path, const char *wanted_by, FILE *faults);
void mapper_close(struct mapper *mapper);

/* The labels of a mapped series: its tags and the labels of the rule, which hold against tags of
 * the same name, or give way to them with honor_labels. A name of a tag is compared as Prometheus
 * will have it. Writes up to tag_count + answer->label_count to `out`: first what is left of the
 * tags, *sent of them, then what is left of the labels. Returns how many there are. */
size_t mapping_join_labels(const struct mapping_rule *rule, const struct mapping_answer *answer,
                           const struct tag *tags, size_t tag_count, struct tag *out, size_t *sent);

/* Whether a rule, or the defaults, ask for histograms. */
bool mapping_has_histograms(const struct mapping *mapping);

void mapping_answer_deinit(struct mapping_answer *answer);

#endif
