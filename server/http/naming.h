/* SPDX-License-Identifier: MIT
 *
 * Which family and labels an identity has: by the rules of a mapping file, then by those that
 * `[prometheus] names` chooses. The rules are asked for a name once, when it is first seen, and not
 * at all where there is no file. One thread at a time.
 */
#ifndef SERVER_HTTP_NAMING_H
#define SERVER_HTTP_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/core/mapping.h"
#include "server/http/prom_name.h"
#include "server/metrics/identity.h"

/* No rule; others are one more than the index of theirs. */
#define RULE_NONE 0

struct naming {
    bool plain;   /* names = statsd_exporter */
    bool expires; /* some series may have a ttl */
    struct mapper mapper;
    /* The latest answer, and what it is to: series that differ in tags alone come in a row. */
    struct mapping_answer answer;
    struct buffer asked;
    enum statsd_type asked_type;
    bool answered;
};

void naming_init(struct naming *naming, const struct config *config);
void naming_deinit(struct naming *naming);

/* Takes the rules over; `mapper` may be all zero, for none. */
void naming_set_mapper(struct naming *naming, struct mapper mapper);

/* Whether kinds share names in the order they come, rather than each having names of its own. */
static inline bool naming_are_shared(const struct naming *naming)
{
    return naming->plain || naming->mapper.mapping;
}

/* Asks for an identity; the others speak of the one asked for last. *cost is about microseconds.
 * False without memory. */
bool naming_ask(struct naming *naming, const struct identity *identity, unsigned *cost);

/* The rule that took it, RULE_NONE where none did, and whether that one drops it. */
uint16_t naming_rule(const struct naming *naming);
bool naming_drop(const struct naming *naming);

/* The kind of its family. */
enum prom_kind naming_kind(const struct naming *naming, const struct identity *identity);

/* Appends the name of its family. */
void naming_append_name(const struct naming *naming, const struct identity *identity,
                        struct buffer *out);

/* Appends another name where the first belongs to another kind. False where there is none. */
bool naming_append_alternative(const struct naming *naming, const struct identity *identity,
                               struct buffer *out);

/* Appends the text of HELP, where that is not the StatsD name: false. */
bool naming_append_help(const struct naming *naming, struct buffer *out);

/* Appends its labels, without braces. */
void naming_append_labels(const struct naming *naming, const struct identity *identity,
                          struct buffer *out);

/* What a rule, or for RULE_NONE the defaults of the file, say of how something is shown; NULL
 * without a file. Until the rules change. */
static inline const struct mapping_options *naming_options(const struct naming *naming,
                                                           uint16_t rule)
{
    const struct mapping *mapping = naming->mapper.mapping;
    return !mapping ? NULL : rule ? &mapping->rules[rule - 1].options : &mapping->defaults;
}

static inline double naming_scale(const struct naming *naming, uint16_t rule)
{
    return rule ? naming->mapper.mapping->rules[rule - 1].scale : 1;
}

/* The unit that the names of the rule end in; "" for none. */
static inline const char *naming_unit(const struct naming *naming, uint16_t rule)
{
    return rule ? naming->mapper.mapping->rules[rule - 1].unit : "";
}

#endif
