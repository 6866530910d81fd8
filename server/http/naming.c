/* SPDX-License-Identifier: MIT */
#include "server/http/naming.h"

#include <string.h>

void naming_init(struct naming *naming, const struct config *config)
{
    *naming = (struct naming){.plain = config->prometheus.names == NAMES_STATSD_EXPORTER};
}

void naming_deinit(struct naming *naming)
{
    mapper_close(&naming->mapper);
    mapping_answer_deinit(&naming->answer);
    buffer_deinit(&naming->asked);
}

void naming_set_mapper(struct naming *naming, struct mapper mapper)
{
    const struct mapping *mapping = mapper.mapping;
    mapper_close(&naming->mapper);
    naming->mapper = mapper;
    naming->answered = false;
    naming->answer.outcome = MAPPING_NONE;
    naming->expires = mapping && mapping->defaults.ttl_ms > 0;
    for (size_t i = 0; mapping && i < mapping->rule_count; i++) {
        naming->expires |= mapping->rules[i].options.ttl_ms > 0;
    }
}

static bool was_asked(const struct naming *naming, const struct identity *identity)
{
    return naming->answered && naming->asked_type == (enum statsd_type)identity->type &&
           naming->asked.length == identity->name_length &&
           memcmp(naming->asked.bytes, identity_name(identity), identity->name_length) == 0;
}

static void remember(struct naming *naming, const struct identity *identity)
{
    naming->asked.length = 0;
    naming->asked.failed = false;
    naming->asked_type = (enum statsd_type)identity->type;
    buffer_append(&naming->asked, identity_name(identity), identity->name_length);
    naming->answered = !naming->asked.failed && identity->name_length > 0;
}

bool naming_ask(struct naming *naming, const struct identity *identity, unsigned *cost)
{
    struct mapper *mapper = &naming->mapper;
    *cost = 0;
    if (!mapper->mapping || was_asked(naming, identity)) {
        return true;
    }
    naming->answered = false;
    if (!mapper->module->map(mapper->mapping, (enum statsd_type)identity->type,
                             identity_name(identity), identity->name_length, &naming->answer)) {
        return false;
    }
    *cost = naming->answer.cost;
    remember(naming, identity);
    return true;
}

uint16_t naming_rule(const struct naming *naming)
{
    return naming->answer.outcome == MAPPING_NONE ? RULE_NONE : (uint16_t)(naming->answer.rule + 1);
}

bool naming_drop(const struct naming *naming)
{
    return naming->answer.outcome == MAPPING_DROPPED;
}

static bool is_mapped(const struct naming *naming)
{
    return naming->answer.outcome == MAPPING_MAPPED;
}

static const struct mapping_rule *rule_of(const struct naming *naming)
{
    return &naming->mapper.mapping->rules[naming->answer.rule];
}

enum prom_kind naming_kind(const struct naming *naming, const struct identity *identity)
{
    enum prom_kind kind = prom_kind_of((enum statsd_type)identity->type);
    return naming_are_shared(naming) && prom_kind_is_timer(kind) ? PROM_OBSERVER : kind;
}

void naming_append_name(const struct naming *naming, const struct identity *identity,
                        struct buffer *out)
{
    const char *name = identity_name(identity);
    if (is_mapped(naming)) {
        prom_append_plain_name(out, naming->answer.name, naming->answer.name_length);
    } else if (naming->plain || identity->own) {
        prom_append_plain_name(out, name, identity->name_length);
    } else {
        prom_append_name(out, (enum statsd_type)identity->type, name, identity->name_length);
    }
}

bool naming_append_alternative(const struct naming *naming, const struct identity *identity,
                               struct buffer *out)
{
    return !naming->plain && !is_mapped(naming) &&
           prom_append_alternative(out, prom_kind_of((enum statsd_type)identity->type));
}

bool naming_append_help(const struct naming *naming, struct buffer *out)
{
    const char *help = is_mapped(naming) ? rule_of(naming)->help : "";
    prom_append_help(out, help, strlen(help));
    return *help != '\0';
}

/* What statsd_exporter takes for no tag. */
static size_t leave_bare_out(struct tag *tags, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (tags[i].value_length > 0) {
            tags[kept++] = tags[i];
        }
    }
    return kept;
}

void naming_append_labels(const struct naming *naming, const struct identity *identity,
                          struct buffer *out)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    struct tag joined[PROM_LABELS_MAX];
    size_t count = identity->tag_count;
    if (count == 0 && !is_mapped(naming)) {
        return;
    }
    identity_tags(identity, tags);
    count = naming->plain ? leave_bare_out(tags, count) : count;
    if (!is_mapped(naming)) {
        prom_append_labels(out, tags, count);
        return;
    }
    size_t sent;
    size_t all = mapping_join_labels(rule_of(naming), &naming->answer, tags, count, joined, &sent);
    prom_append_mapped_labels(out, joined, sent, all);
}
