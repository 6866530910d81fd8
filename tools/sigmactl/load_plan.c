/* SPDX-License-Identifier: MIT
 *
 * A series is drawn by its weight, sixteen metrics ahead of its use, so that its record and its
 * text are in the cache by then even where there are millions. Copies run in blocks of 16 bytes and
 * may write beyond their end, which the next copy overwrites.
 */
#include "tools/sigmactl/load_plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/buffer.h"
#include "tools/sigmactl/alias.h"
#include "tools/sigmactl/load_values.h"

#define AHEAD 16
#define BLOCK 16

/* Digits of a series' number, and letters of the longest type ("ms"). */
#define NUMBER_WIDTH 6
#define TYPE_LENGTH_MAX 2

struct load_series {
    uint64_t offset;     /* of `NAME:` in the text, with `|TYPE|#TAGS\n` behind it */
    uint64_t sent;       /* thousandths of a counter's sum, samples of the other types */
    uint16_t head, tail; /* lengths of the two */
    uint8_t type;
};

struct load_draw {
    uint32_t series;
    uint32_t value;
};

struct load_plan {
    struct load_shape shape;
    uint32_t count;
    uint32_t swept; /* series that had their first sample in turn */
    struct load_series *series;
    struct alias_column *columns;
    struct buffer text;
    uint64_t random;
    uint64_t next; /* of `ahead`, modulo AHEAD */
    struct load_draw ahead[AHEAD];
    struct load_tally tally;
    struct load_value values[STATSD_TYPES][LOAD_VALUES];
};

/* The type whose share lags most behind its weight after `index` series; the first ones go to each
 * type in turn, so that none is left out. */
static unsigned choose_type(const double weights[STATSD_TYPES], const uint32_t given[STATSD_TYPES],
                            uint32_t index)
{
    unsigned chosen = STATSD_TYPES;
    double largest = 0;
    double sum = 0;
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        sum += weights[type];
    }
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        double lag = weights[type] / sum * (index + 1) - given[type];
        if (weights[type] > 0 && given[type] == 0) {
            return type;
        }
        if (weights[type] > 0 && (chosen == STATSD_TYPES || lag > largest)) {
            largest = lag;
            chosen = type;
        }
    }
    return chosen;
}

static void render_tags(struct load_plan *plan, uint32_t index)
{
    for (uint64_t tag = 1; tag <= plan->shape.tags; tag++) {
        uint64_t state = index * (uint64_t)LOAD_TAGS_MAX + tag;
        buffer_append_format(&plan->text, "%stag%" PRIu64 ":value%u", tag == 1 ? "|#" : ",", tag,
                             (unsigned)(load_random(&state) % 10));
    }
}

/* How many digits a number has. A line holds the word of its type twice: where all are to have one
 * length, numbers beside short words are longer. */
static int number_width(const struct load_plan *plan, const char *word)
{
    int width = NUMBER_WIDTH;
    for (uint32_t left = (plan->count - 1) / 1000000; plan->shape.uniform && left > 0; left /= 10) {
        width++;
    }
    return plan->shape.uniform ? width + 2 * (TYPE_LENGTH_MAX - (int)strlen(word)) : width;
}

static void render_series(struct load_plan *plan, uint32_t index, unsigned type, uint32_t rank)
{
    struct load_series *series = &plan->series[index];
    const char *word = statsd_type_name((enum statsd_type)type);
    size_t start = plan->text.length;
    buffer_append_format(&plan->text, "%s.%s.%0*" PRIu32 ":", plan->shape.prefix, word,
                         number_width(plan, word), rank);
    size_t middle = plan->text.length;
    buffer_append_format(&plan->text, "|%s", word);
    render_tags(plan, index);
    buffer_append_text(&plan->text, "\n");
    *series = (struct load_series){.offset = start,
                                   .head = (uint16_t)(middle - start),
                                   .tail = (uint16_t)(plan->text.length - middle),
                                   .type = (uint8_t)type};
}

/* Writes the weight of each series beside it. */
static void render_all_series(struct load_plan *plan, double *weights)
{
    static const char padding[BLOCK] = {0};
    uint32_t given[STATSD_TYPES] = {0};
    double shares[STATSD_TYPES] = {0};
    for (uint32_t i = 0; i < plan->count; i++) {
        unsigned type = choose_type(plan->shape.weights, given, i);
        render_series(plan, i, type, given[type]++);
        weights[i] = pow(given[type], -plan->shape.zipf);
        shares[type] += weights[i];
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        unsigned type = plan->series[i].type;
        weights[i] *= plan->shape.weights[type] / shares[type];
    }
    buffer_append(&plan->text, padding, sizeof(padding));
}

static bool fits_datagram(const struct load_plan *plan)
{
    size_t longest[STATSD_TYPES] = {0};
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        for (unsigned i = 0; i < LOAD_VALUES; i++) {
            size_t length = plan->values[type][i].length;
            longest[type] = length > longest[type] ? length : longest[type];
        }
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct load_series *series = &plan->series[i];
        size_t length = series->head + longest[series->type] + series->tail - strlen("\n");
        if (length > plan->shape.datagram_bytes_max) {
            return false;
        }
    }
    return true;
}

/* Every series has its turn once, so that all of them exist soon; then, and from the start where
 * ranks matter, chance decides. */
static struct load_draw draw(struct load_plan *plan)
{
    uint64_t random = load_random(&plan->random);
    uint32_t series;
    if (plan->swept < plan->count) {
        series = plan->swept++;
    } else {
        series = alias_draw(plan->columns, plan->count, random);
    }
    __builtin_prefetch(&plan->series[series], 1);
    return (struct load_draw){.series = series, .value = random & (LOAD_VALUES - 1)};
}

static const char *build(struct load_plan *plan)
{
    plan->series = calloc(plan->count, sizeof(*plan->series));
    plan->columns = calloc(plan->count, sizeof(*plan->columns));
    double *weights = calloc(plan->count, sizeof(*weights));
    bool built = false;
    if (plan->series && plan->columns && weights) {
        render_all_series(plan, weights);
        built = !plan->text.failed && alias_build(plan->columns, weights, plan->count);
    }
    free(weights);
    if (!built) {
        return "out of memory";
    }
    load_values_fill(plan->values, plan->shape.seed, plan->shape.uniform);
    return fits_datagram(plan) ? NULL : "a metric with this prefix and these tags exceeds --bytes";
}

struct load_plan *load_plan_new(const struct load_shape *shape, const char **reason)
{
    unsigned types = 0;
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        types += shape->weights[type] > 0;
    }
    if (types == 0 || shape->series < types || shape->series > LOAD_SERIES_MAX) {
        *reason = "there must be at least one series a type";
        return NULL;
    }
    struct load_plan *plan = calloc(1, sizeof(*plan));
    if (!plan) {
        *reason = "out of memory";
        return NULL;
    }
    plan->shape = *shape;
    plan->count = (uint32_t)shape->series;
    plan->random = shape->seed;
    plan->swept = shape->zipf > 0 ? plan->count : 0;
    *reason = build(plan);
    if (*reason) {
        load_plan_free(plan);
        return NULL;
    }
    for (unsigned i = 0; i < AHEAD; i++) {
        plan->ahead[i] = draw(plan);
    }
    return plan;
}

static inline char *copy_blocks(char *out, const char *text, size_t length)
{
    size_t done = 0;
    do {
        memcpy(out + done, text + done, BLOCK);
        done += BLOCK;
    } while (done < length);
    return out + length;
}

static inline char *render_metric(const struct load_plan *plan, const struct load_series *series,
                                  const struct load_value *value, char *out)
{
    const char *text = plan->text.bytes + series->offset;
    out = copy_blocks(out, text, series->head);
    memcpy(out, value, sizeof(*value));
    return copy_blocks(out + value->length, text + series->head, series->tail);
}

static inline void count_metric(struct load_plan *plan, struct load_series *series,
                                const struct load_value *value)
{
    plan->tally.metrics++;
    plan->tally.samples[series->type]++;
    plan->tally.thousandths[series->type] += value->thousandths;
    series->sent += series->type == STATSD_COUNTER ? value->thousandths : 1;
}

size_t load_plan_render(struct load_plan *plan, char *out, uint64_t metrics_max)
{
    char *at = out;
    const char *limit = out + plan->shape.datagram_bytes_max + strlen("\n");
    if (metrics_max > plan->shape.datagram_metrics_max) {
        metrics_max = plan->shape.datagram_metrics_max;
    }
    for (uint64_t metrics = 0; metrics < metrics_max; metrics++) {
        struct load_draw *now = &plan->ahead[plan->next % AHEAD];
        const struct load_draw *soon = &plan->ahead[(plan->next + AHEAD / 2) % AHEAD];
        __builtin_prefetch(plan->text.bytes + plan->series[soon->series].offset);
        struct load_series *series = &plan->series[now->series];
        const struct load_value *value = &plan->values[series->type][now->value];
        size_t length = (size_t)series->head + value->length + series->tail;
        if (length > (size_t)(limit - at)) {
            break;
        }
        at = render_metric(plan, series, value, at);
        count_metric(plan, series, value);
        *now = draw(plan);
        plan->next++;
    }
    return (size_t)(at - out) - strlen("\n");
}

const struct load_tally *load_plan_tally(const struct load_plan *plan)
{
    return &plan->tally;
}

bool load_plan_write_expected(const struct load_plan *plan, FILE *out)
{
    fputs("metric,count\n", out);
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct load_series *series = &plan->series[i];
        bool counted = series->type != STATSD_GAUGE && series->type != STATSD_SET;
        uint64_t count = series->type == STATSD_COUNTER ? series->sent / 1000 : series->sent;
        if (counted && count > 0) {
            int name_length = series->head - (int)strlen(":");
            fprintf(out, "%.*s,%" PRIu64 "\n", name_length, plan->text.bytes + series->offset,
                    count);
        }
    }
    return fflush(out) == 0 && !ferror(out);
}

void load_plan_free(struct load_plan *plan)
{
    if (plan) {
        buffer_deinit(&plan->text);
        free(plan->columns);
        free(plan->series);
        free(plan);
    }
}
