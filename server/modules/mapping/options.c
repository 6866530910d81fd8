/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void unknown(struct document *document, yaml_node_t *key_node, const char *where,
                    const char *key)
{
    document_fault(document, key_node, "%s: there is no key '%s'", where, key);
}

void options_read_word(struct document *document, const char *key, yaml_node_t *value,
                       const char *const *words, unsigned *index)
{
    const char *text = "";
    size_t length = 0;
    if (!document_text(document, value, key, &text, &length) || length == 0) {
        return;
    }
    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *index = i;
            return;
        }
    }
    char known[128] = "";
    for (unsigned i = 0; words[i]; i++) {
        snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i > 0 ? " | " : "",
                 words[i]);
    }
    document_fault(document, value, "%s: '%s' is not one of %s", key, text, known);
}

/* The items of a sequence, at most `max`; -1 with a fault for anything else. */
static int count_items(struct document *document, yaml_node_t *value, const char *key, size_t max)
{
    if (document_is_null(value)) {
        return 0;
    }
    if (value->type != YAML_SEQUENCE_NODE) {
        document_fault(document, value, "%s: has to be a list", key);
        return -1;
    }
    ptrdiff_t count = value->data.sequence.items.top - value->data.sequence.items.start;
    if ((size_t)count > max) {
        document_fault(document, value, "%s: has more than %zu items", key, max);
        return -1;
    }
    return (int)count;
}

static yaml_node_t *item(struct document *document, yaml_node_t *list, int at)
{
    return document_node(document, list->data.sequence.items.start[at]);
}

static void *take(struct options_reader *reader, size_t bytes)
{
    void *room = memory_take(reader->memory, bytes);
    if (!room) {
        document_fault(reader->document, NULL, "out of memory");
    }
    return room;
}

static void read_buckets(struct options_reader *reader, yaml_node_t *list)
{
    struct document *document = reader->document;
    int count = count_items(document, list, "buckets", MAPPING_BUCKETS_MAX + 1);
    double *bounds = count > 0 ? take(reader, (size_t)count * sizeof(*bounds)) : NULL;
    size_t kept = 0;
    for (int i = 0; bounds && i < count; i++) {
        yaml_node_t *node = item(document, list, i);
        double bound = (double)NAN;
        if (!document_number(document, node, "buckets", &bound)) {
            return;
        }
        if (isnan(bound) || (kept > 0 && bound <= bounds[kept - 1])) {
            document_fault(document, node, "buckets: are not ascending");
            return;
        }
        bounds[kept++] = bound;
    }
    /* +Inf is there in any case. */
    kept -= kept > 0 && isinf(bounds[kept - 1]);
    reader->options->buckets = bounds;
    reader->options->bucket_count = kept;
}

struct quantile_reader {
    struct document *document;
    struct mapping_quantile *quantile;
};

static void read_quantile_key(void *context, const char *key, yaml_node_t *key_node,
                              yaml_node_t *value)
{
    struct quantile_reader *reader = context;
    if (strcmp(key, "quantile") == 0) {
        document_number(reader->document, value, key, &reader->quantile->quantile);
    } else if (strcmp(key, "error") == 0) {
        document_number(reader->document, value, key, &reader->quantile->error);
    } else {
        unknown(reader->document, key_node, "quantiles", key);
    }
}

static int compare_quantiles(const void *left, const void *right)
{
    double a = ((const struct mapping_quantile *)left)->quantile;
    double b = ((const struct mapping_quantile *)right)->quantile;
    return (a > b) - (a < b);
}

static void check_quantiles(struct document *document, yaml_node_t *list,
                            const struct mapping_quantile *quantiles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double quantile = quantiles[i].quantile;
        if (!(quantile >= 0 && quantile <= 1)) {
            document_fault(document, list, "quantiles: %g is not from 0 to 1", quantile);
        } else if (i > 0 && quantile == quantiles[i - 1].quantile) {
            document_fault(document, list, "quantiles: %g is there twice", quantile);
        }
    }
}

static void read_quantiles(struct options_reader *reader, yaml_node_t *list)
{
    struct document *document = reader->document;
    int count = count_items(document, list, "quantiles", MAPPING_QUANTILES_MAX);
    struct mapping_quantile *quantiles =
        count > 0 ? take(reader, (size_t)count * sizeof(*quantiles)) : NULL;
    if (!quantiles) {
        return;
    }
    for (int i = 0; i < count; i++) {
        struct quantile_reader each = {document, &quantiles[i]};
        document_pairs(document, item(document, list, i), "an item of quantiles", read_quantile_key,
                       &each);
    }
    qsort(quantiles, (size_t)count, sizeof(*quantiles), compare_quantiles);
    check_quantiles(document, list, quantiles, (size_t)count);
    reader->options->quantiles = quantiles;
    reader->options->quantile_count = (size_t)count;
}

static void read_summary_key(void *context, const char *key, yaml_node_t *key_node,
                             yaml_node_t *value)
{
    struct options_reader *reader = context;
    struct mapping_options *options = reader->options;
    struct document *document = reader->document;
    if (strcmp(key, "quantiles") == 0) {
        read_quantiles(reader, value);
    } else if (strcmp(key, "max_age") == 0) {
        document_duration(document, value, key, &options->max_age_ms);
    } else if (strcmp(key, "age_buckets") == 0) {
        document_count(document, value, key, &options->age_buckets);
    } else if (strcmp(key, "buf_cap") == 0) {
        document_count(document, value, key, &options->buf_cap);
    } else {
        unknown(document, key_node, "summary_options", key);
    }
}

static void read_factor(struct options_reader *reader, const char *key, yaml_node_t *value)
{
    double factor = 0;
    if (!document_number(reader->document, value, key, &factor)) {
        return;
    }
    /* 0 and what is below are the default, as there. */
    if (factor > 0 && !(factor > 1 && isfinite(factor))) {
        document_fault(reader->document, value, "%s: %g is not above 1", key, factor);
    }
    reader->options->native_factor = factor > 1 ? factor : 0;
}

static void read_histogram_key(void *context, const char *key, yaml_node_t *key_node,
                               yaml_node_t *value)
{
    struct options_reader *reader = context;
    if (strcmp(key, "buckets") == 0) {
        read_buckets(reader, value);
    } else if (strcmp(key, "native_histogram_bucket_factor") == 0) {
        read_factor(reader, key, value);
    } else if (strcmp(key, "native_histogram_max_buckets") == 0) {
        document_count(reader->document, value, key, &reader->options->native_buckets_max);
    } else {
        unknown(reader->document, key_node, "histogram_options", key);
    }
}

/* An empty mapping is one all the same: it says which observer the rule is about. */
static void read_group(struct options_reader *reader, const char *key, yaml_node_t *value,
                       const yaml_node_t **seen, document_visit *visit)
{
    if (!document_is_null(value)) {
        *seen = value;
        document_pairs(reader->document, value, key, visit, reader);
    }
}

bool options_read(struct options_reader *reader, const char *key, yaml_node_t *value)
{
    static const char *const observers[] = {"", "summary", "histogram", NULL};
    struct mapping_options *options = reader->options;
    if (strcmp(key, "observer_type") == 0) {
        unsigned observer = options->observer;
        options_read_word(reader->document, key, value, observers, &observer);
        options->observer = (enum mapping_observer)observer;
    } else if (strcmp(key, "ttl") == 0) {
        document_duration(reader->document, value, key, &options->ttl_ms);
    } else if (strcmp(key, "summary_options") == 0) {
        read_group(reader, key, value, &reader->summary, read_summary_key);
    } else if (strcmp(key, "histogram_options") == 0) {
        read_group(reader, key, value, &reader->histogram, read_histogram_key);
    } else {
        return false;
    }
    return true;
}

static void complete_summary(struct mapping_options *own, const struct mapping_options *defaults)
{
    if (own->quantile_count == 0) {
        own->quantiles = defaults->quantiles;
        own->quantile_count = defaults->quantile_count;
    }
    own->max_age_ms = own->max_age_ms ? own->max_age_ms : defaults->max_age_ms;
    own->age_buckets = own->age_buckets ? own->age_buckets : defaults->age_buckets;
    own->buf_cap = own->buf_cap ? own->buf_cap : defaults->buf_cap;
}

static void complete_histogram(struct mapping_options *own, const struct mapping_options *defaults)
{
    if (own->bucket_count == 0) {
        own->buckets = defaults->buckets;
        own->bucket_count = defaults->bucket_count;
    }
    own->native_factor = own->native_factor > 0 ? own->native_factor : defaults->native_factor;
    own->native_buckets_max =
        own->native_buckets_max ? own->native_buckets_max : defaults->native_buckets_max;
}

void options_complete(struct options_reader *reader, const struct mapping_options *defaults)
{
    struct mapping_options *own = reader->options;
    own->observer = own->observer ? own->observer : defaults->observer;
    if (own->observer == MAPPING_HISTOGRAM && reader->summary) {
        document_fault(reader->document, reader->summary,
                       "summary_options: the observer_type is histogram");
    }
    if (own->observer == MAPPING_SUMMARY && reader->histogram) {
        document_fault(reader->document, reader->histogram,
                       "histogram_options: the observer_type is summary");
    }
    complete_summary(own, defaults);
    complete_histogram(own, defaults);
    own->ttl_ms = own->ttl_ms ? own->ttl_ms : defaults->ttl_ms;
}
