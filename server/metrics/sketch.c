/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch.h"

#include <math.h>

#include "server/core/pool_share.h"
#include "server/core/require.h"
#include "server/metrics/sketch_exact.h"
#include "server/metrics/sketch_histogram.h"
#include "server/metrics/sketch_list.h"
#include "server/metrics/sketch_private.h"
#include "server/metrics/sketch_samples.h"

/* Weights to here are tried as whole numbers first. */
#define WHOLE_WEIGHT_MAX 1e9

static struct sketch_exact *exact_of(const struct sketch *sketch)
{
    return (struct sketch_exact *)(uintptr_t)sketch;
}

static struct sketch_list *list_of(const struct sketch *sketch)
{
    return (struct sketch_list *)(uintptr_t)sketch;
}

static struct sketch_histogram *histogram_of(const struct sketch *sketch)
{
    return (struct sketch_histogram *)(uintptr_t)sketch;
}

static struct sketch_samples *samples_of(const struct sketch *sketch)
{
    return (struct sketch_samples *)(uintptr_t)sketch;
}

/* What decides on the form of samples that no longer fit the one they have. */
struct summary {
    unsigned count;
    double weight; /* of each */
    double minimum, maximum;
    bool codable; /* and of one weight: a list can hold them */
};

static void summary_add(struct summary *summary, double value, double weight)
{
    if (summary->count++ == 0) {
        *summary = (struct summary){1, weight, value, value, true};
    }
    summary->codable &= weight == summary->weight && sketch_list_code(value) != 0;
    summary->minimum = fmin(summary->minimum, value);
    summary->maximum = fmax(summary->maximum, value);
}

/* Of an exact sketch or a list; NULL has no samples. */
static void summary_add_all(struct summary *summary, const struct sketch *sketch)
{
    if (!sketch) {
        return;
    }
    if (sketch->phase == SKETCH_PHASE_EXACT) {
        const struct sketch_exact *exact = exact_of(sketch);
        for (unsigned i = 0; i < exact->count; i++) {
            struct sketch_sample sample = sketch_exact_sample(exact, i);
            summary_add(summary, sample.value, sample.weight);
        }
    } else {
        const struct sketch_list *list = list_of(sketch);
        summary_add(summary, list->minimum, list->weight);
        summary_add(summary, list->maximum, list->weight);
        summary->count += list->count - 2U;
    }
}

static bool suits_list(const struct summary *summary)
{
    return summary->codable &&
           sketch_list_suits(summary->count, summary->minimum, summary->maximum);
}

/* The short way where there is one. */
static inline bool increment(struct sketch_histogram *histogram, double value, double weight)
{
    uint64_t units = 1;
    if (weight != 1) {
        units = weight <= WHOLE_WEIGHT_MAX ? (uint64_t)weight : 0;
    }
    return (double)units == weight && sketch_histogram_increment(histogram, value, units);
}

/* There must be room. */
static void list_append_all(struct sketch_list *into, const struct sketch *from)
{
    if (!from) {
        return;
    }
    if (from->phase == SKETCH_PHASE_EXACT) {
        const struct sketch_exact *exact = exact_of(from);
        for (unsigned i = 0; i < exact->count; i++) {
            double value = sketch_exact_sample(exact, i).value;
            sketch_list_append(into, sketch_list_code(value), value);
        }
    } else {
        sketch_list_append_all(into, list_of(from));
    }
}

/* Fractions are carried in ascending order, so that no rank strays by more than a unit. */
static bool count_samples(struct sketch_histogram **into, const struct sketch_exact *from,
                          struct pool_cache *cache)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    bool ordered = from->weighted || from->weight != floorf(from->weight);
    if (ordered) {
        sketch_exact_sort(from, samples);
    }
    for (unsigned i = 0; i < from->count; i++) {
        struct sketch_sample sample = ordered ? samples[i] : sketch_exact_sample(from, i);
        if (!ordered && increment(*into, sample.value, sample.weight)) {
            continue;
        }
        struct sketch_point point = sketch_bucket_point(sample.value);
        if (!sketch_histogram_count(into, point, sample.weight, cache)) {
            return false;
        }
        sketch_histogram_extend(*into, sample.value, sample.value);
    }
    return true;
}

static bool count_codes(struct sketch_histogram **into, const struct sketch_list *from,
                        struct pool_cache *cache)
{
    uint16_t sorted[SKETCH_LIST_SAMPLES];
    const uint16_t *codes = from->codes;
    if (from->weight != floor(from->weight)) {
        sketch_list_sort(from, sorted);
        codes = sorted;
    }
    sketch_histogram_extend(*into, from->minimum, from->maximum);
    for (unsigned i = 0; i < from->count; i++) {
        if (!sketch_histogram_count(into, sketch_list_point(codes[i]), from->weight, cache)) {
            return false;
        }
    }
    return true;
}

static bool count_sample(struct sketch_histogram **into, struct sketch_sample sample,
                         struct pool_cache *cache)
{
    if (increment(*into, sample.value, sample.weight)) {
        return true;
    }
    if (!sketch_histogram_count(into, sketch_bucket_point(sample.value), sample.weight, cache)) {
        return false;
    }
    sketch_histogram_extend(*into, sample.value, sample.value);
    return true;
}

static bool count_chunks(struct sketch_histogram **into, const struct sketch_samples *from,
                         struct pool_cache *cache)
{
    for (const struct samples_chunk *chunk = from->first; chunk; chunk = chunk->next) {
        for (unsigned i = 0; i < chunk->count; i++) {
            if (!count_sample(into, samples_chunk_at(chunk, i), cache)) {
                return false;
            }
        }
    }
    return true;
}

/* Not of a histogram. */
static bool count_all(struct sketch_histogram **into, const struct sketch *from,
                      struct pool_cache *cache)
{
    if (!from) {
        return true;
    }
    if (from->phase == SKETCH_PHASE_SAMPLES) {
        return count_chunks(into, samples_of(from), cache);
    }
    return from->phase == SKETCH_PHASE_EXACT ? count_samples(into, exact_of(from), cache)
                                             : count_codes(into, list_of(from), cache);
}

/* A list of the samples of two sketches, either of which may be NULL. NULL at the budget. */
static struct sketch_list *list_from(const struct summary *summary, const struct sketch *a,
                                     const struct sketch *b, struct pool_cache *cache)
{
    struct sketch_list *list = sketch_list_new(summary->count, summary->weight, cache);
    if (list) {
        list_append_all(list, a);
        list_append_all(list, b);
    }
    return list;
}

/* The same as a histogram, built in ample room and then put in as little as it takes. */
static struct sketch_histogram *histogram_from(const struct summary *summary,
                                               const struct sketch *a, const struct sketch *b,
                                               struct pool_cache *cache)
{
    unsigned words = summary->codable ? sketch_list_page_words(summary->count, summary->minimum,
                                                               summary->maximum)
                                      : 0;
    struct sketch_histogram *histogram = sketch_histogram_new(SKETCH_SCHEMA_MAX, words, cache);
    if (histogram && !(count_all(&histogram, a, cache) && count_all(&histogram, b, cache))) {
        sketch_pages_free(histogram, cache);
        return NULL;
    }
    if (histogram) {
        sketch_pages_trim(&histogram, cache);
    }
    return histogram;
}

static bool replace(struct sketch **sketch, struct sketch *by, struct pool_cache *cache)
{
    if (by) {
        sketch_free(sketch, cache);
        *sketch = by;
    }
    return by != NULL;
}

static bool histogram_add(struct sketch_histogram **histogram, double value, double weight,
                          struct pool_cache *cache)
{
    if (!sketch_histogram_count(histogram, sketch_bucket_point(value), weight, cache)) {
        return false;
    }
    sketch_histogram_extend(*histogram, value, value);
    return true;
}

/* One more sample than the form of the sketch holds. */
static bool outgrow(struct sketch **sketch, double value, double weight, struct pool_cache *cache)
{
    struct summary summary = {0};
    summary_add_all(&summary, *sketch);
    summary_add(&summary, value, weight);
    if (suits_list(&summary)) {
        struct sketch_list *list = list_from(&summary, *sketch, NULL, cache);
        if (list) {
            sketch_list_append(list, sketch_list_code(value), value);
        }
        return replace(sketch, list ? &list->sketch : NULL, cache);
    }
    struct sketch_histogram *histogram = histogram_from(&summary, *sketch, NULL, cache);
    if (histogram && !histogram_add(&histogram, value, weight, cache)) {
        sketch_pages_free(histogram, cache);
        histogram = NULL;
    }
    return replace(sketch, histogram ? &histogram->sketch : NULL, cache);
}

/* There is no room for every sample: from here on they are counted in buckets. */
static bool give_up_samples(struct sketch **sketch, struct pool_cache *cache)
{
    struct sketch_histogram *histogram = sketch_histogram_new(SKETCH_SCHEMA_MAX, 0, cache);
    if (histogram && !count_chunks(&histogram, samples_of(*sketch), cache)) {
        sketch_pages_free(histogram, cache);
        histogram = NULL;
    }
    return replace(sketch, histogram ? &histogram->sketch : NULL, cache);
}

static bool add_to_histogram(struct sketch **sketch, double value, double weight,
                             struct pool_cache *cache)
{
    struct sketch_histogram *histogram = histogram_of(*sketch);
    bool added = histogram_add(&histogram, value, weight, cache);
    *sketch = &histogram->sketch;
    return added;
}

static __attribute__((noinline)) bool add_to_samples(struct sketch **sketch, double value,
                                                     double weight, struct pool_cache *cache)
{
    return sketch_samples_add(samples_of(*sketch), value, weight, cache) ||
           (give_up_samples(sketch, cache) && add_to_histogram(sketch, value, weight, cache));
}

/* The first sample, where all are to be kept. False where there is no room for that. */
static __attribute__((noinline)) bool begin_samples(struct sketch **sketch, double value,
                                                    double weight, struct pool_cache *cache)
{
    struct sketch_samples *samples = sketch_samples_new(cache);
    if (samples && !sketch_samples_add(samples, value, weight, cache)) {
        sketch_samples_free(samples, cache);
        samples = NULL;
    }
    *sketch = samples ? &samples->sketch : NULL;
    return samples != NULL;
}

static bool add_to_exact(struct sketch **sketch, double value, double weight,
                         struct pool_cache *cache)
{
    struct sketch_exact *exact = exact_of(*sketch);
    if (!exact && pool_share_is_open(cache) && begin_samples(sketch, value, weight, cache)) {
        return true;
    }
    if (exact && exact->count == SKETCH_EXACT_SAMPLES) {
        return outgrow(sketch, value, weight, cache);
    }
    bool added = sketch_exact_add(&exact, value, weight, cache);
    *sketch = exact ? &exact->sketch : NULL;
    return added;
}

static bool add_to_list(struct sketch **sketch, double value, double weight,
                        struct pool_cache *cache)
{
    struct sketch_list *list = list_of(*sketch);
    uint16_t code = sketch_list_code(value);
    if (code == 0 || weight != list->weight || list->count == list->capacity) {
        return outgrow(sketch, value, weight, cache);
    }
    sketch_list_append(list, code, value);
    return true;
}

/* Everything but the short way. */
static bool add_by_phase(struct sketch **sketch, double value, double weight,
                         struct pool_cache *cache) __attribute__((noinline));

static bool add_by_phase(struct sketch **sketch, double value, double weight,
                         struct pool_cache *cache)
{
    unsigned phase = *sketch ? (*sketch)->phase : SKETCH_PHASE_EXACT;
    if (phase == SKETCH_PHASE_HISTOGRAM) {
        return add_to_histogram(sketch, value, weight, cache);
    }
    if (phase == SKETCH_PHASE_EXACT) {
        return add_to_exact(sketch, value, weight, cache);
    }
    return phase == SKETCH_PHASE_LIST ? add_to_list(sketch, value, weight, cache)
                                      : add_to_samples(sketch, value, weight, cache);
}

/* What is left to add_by_phase() is called last and at one place, so that the short way saves no
 * register. */
bool sketch_add(struct sketch **sketch, double value, double weight, struct pool_cache *cache)
{
    if (*sketch && (*sketch)->phase == SKETCH_PHASE_HISTOGRAM &&
        increment(histogram_of(*sketch), value, weight)) {
        return true;
    }
    return add_by_phase(sketch, value, weight, cache);
}

static bool is_histogram(const struct sketch *sketch)
{
    return sketch && sketch->phase == SKETCH_PHASE_HISTOGRAM;
}

static bool fit_exact(const struct sketch *into, const struct sketch *from)
{
    return (!into || into->phase == SKETCH_PHASE_EXACT) && from->phase == SKETCH_PHASE_EXACT &&
           (into ? exact_of(into)->count : 0) + exact_of(from)->count <= SKETCH_EXACT_SAMPLES;
}

/* Neither side is a histogram, but both together may have to be one. */
static bool merge_samples(struct sketch **into, const struct sketch *from, struct pool_cache *cache)
{
    if (fit_exact(*into, from)) {
        struct sketch_exact *exact = exact_of(*into);
        bool merged = sketch_exact_merge(&exact, exact_of(from), cache);
        *into = exact ? &exact->sketch : NULL;
        return merged;
    }
    struct summary summary = {0};
    summary_add_all(&summary, *into);
    summary_add_all(&summary, from);
    if (suits_list(&summary)) {
        struct sketch_list *list = list_from(&summary, *into, from, cache);
        return replace(into, list ? &list->sketch : NULL, cache);
    }
    struct sketch_histogram *histogram = histogram_from(&summary, *into, from, cache);
    return replace(into, histogram ? &histogram->sketch : NULL, cache);
}

/* Copies `from` and adds the samples of *into, which may be NULL, to it: nothing is changed at the
 * budget. */
static bool merge_into_copy(struct sketch **into, const struct sketch_histogram *from,
                            struct pool_cache *cache)
{
    struct sketch_histogram *copy = sketch_pages_copy(from, cache);
    if (copy && !count_all(&copy, *into, cache)) {
        sketch_pages_free(copy, cache);
        return false;
    }
    return replace(into, copy ? &copy->sketch : NULL, cache);
}

static bool holds_samples(const struct sketch *sketch)
{
    return sketch && sketch->phase == SKETCH_PHASE_SAMPLES;
}

/* All samples of both, where both have them all and there is room. */
static bool append_samples(struct sketch **into, const struct sketch *from,
                           struct pool_cache *cache)
{
    if (!holds_samples(from) || (*into && !holds_samples(*into)) || !pool_share_is_open(cache)) {
        return false;
    }
    struct sketch_samples *samples = *into ? samples_of(*into) : sketch_samples_new(cache);
    if (samples && sketch_samples_merge(samples, samples_of(from), cache)) {
        *into = &samples->sketch;
        return true;
    }
    if (samples && !*into) {
        sketch_samples_free(samples, cache);
    }
    return false;
}

/* One of them has its samples, and the other has not or there is no room for those of both. */
static bool merge_as_histogram(struct sketch **into, const struct sketch *from,
                               struct pool_cache *cache)
{
    struct sketch_histogram *histogram = sketch_histogram_new(SKETCH_SCHEMA_MAX, 0, cache);
    bool counted = histogram && count_all(&histogram, *into, cache);
    if (counted) {
        counted = is_histogram(from) ? sketch_histogram_merge(&histogram, histogram_of(from), cache)
                                     : count_all(&histogram, from, cache);
    }
    if (histogram && !counted) {
        sketch_pages_free(histogram, cache);
        histogram = NULL;
    }
    return replace(into, histogram ? &histogram->sketch : NULL, cache);
}

bool sketch_merge(struct sketch **into, const struct sketch *from, struct pool_cache *cache)
{
    REQUIRE(!from || *into != from);
    if (!from) {
        return true;
    }
    if (holds_samples(*into) || (holds_samples(from) && !is_histogram(*into))) {
        return append_samples(into, from, cache) || merge_as_histogram(into, from, cache);
    }
    if (!is_histogram(*into)) {
        return is_histogram(from) ? merge_into_copy(into, histogram_of(from), cache)
                                  : merge_samples(into, from, cache);
    }
    struct sketch_histogram *histogram = histogram_of(*into);
    bool merged = is_histogram(from) ? sketch_histogram_merge(&histogram, histogram_of(from), cache)
                                     : count_all(&histogram, from, cache);
    *into = &histogram->sketch;
    return merged;
}

void sketch_free(struct sketch **sketch, struct pool_cache *cache)
{
    if (!*sketch) {
        return;
    }
    if ((*sketch)->phase == SKETCH_PHASE_EXACT) {
        sketch_exact_free(exact_of(*sketch), cache);
    } else if ((*sketch)->phase == SKETCH_PHASE_LIST) {
        sketch_list_free(list_of(*sketch), cache);
    } else if ((*sketch)->phase == SKETCH_PHASE_SAMPLES) {
        sketch_samples_free(samples_of(*sketch), cache);
    } else {
        sketch_pages_free(histogram_of(*sketch), cache);
    }
    *sketch = NULL;
}

void sketch_quantiles(const struct sketch *sketch, const double *percents, size_t count,
                      double *results)
{
    if (!sketch) {
        for (size_t i = 0; i < count; i++) {
            results[i] = (double)NAN;
        }
    } else if (sketch->phase == SKETCH_PHASE_EXACT) {
        sketch_exact_quantiles(exact_of(sketch), percents, count, results);
    } else if (sketch->phase == SKETCH_PHASE_LIST) {
        sketch_list_quantiles(list_of(sketch), percents, count, results);
    } else if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        sketch_samples_quantiles(samples_of(sketch), percents, count, results);
    } else {
        sketch_histogram_quantiles(histogram_of(sketch), percents, count, results);
    }
}

void sketch_cumulative(const struct sketch *sketch, const double *bounds, size_t count,
                       double *weights)
{
    if (!sketch) {
        for (size_t i = 0; i < count; i++) {
            weights[i] = 0;
        }
    } else if (sketch->phase == SKETCH_PHASE_EXACT) {
        sketch_exact_cumulative(exact_of(sketch), bounds, count, weights);
    } else if (sketch->phase == SKETCH_PHASE_LIST) {
        sketch_list_cumulative(list_of(sketch), bounds, count, weights);
    } else if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        sketch_samples_cumulative(samples_of(sketch), bounds, count, weights);
    } else {
        sketch_histogram_cumulative(histogram_of(sketch), bounds, count, weights);
    }
}

double sketch_weight(const struct sketch *sketch)
{
    if (!sketch) {
        return 0;
    }
    if (sketch->phase == SKETCH_PHASE_EXACT) {
        return sketch_exact_weight(exact_of(sketch));
    }
    if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        return samples_of(sketch)->weight;
    }
    return sketch->phase == SKETCH_PHASE_LIST ? list_of(sketch)->count * list_of(sketch)->weight
                                              : sketch_histogram_weight(histogram_of(sketch));
}

void sketch_export(const struct sketch *sketch, int *schema, sketch_visit *visit, void *context)
{
    *schema = SKETCH_SCHEMA_MAX;
    if (!sketch) {
        return;
    }
    if (sketch->phase == SKETCH_PHASE_EXACT) {
        sketch_exact_export(exact_of(sketch), visit, context);
    } else if (sketch->phase == SKETCH_PHASE_LIST) {
        sketch_list_export(list_of(sketch), visit, context);
    } else if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        sketch_samples_export(samples_of(sketch), visit, context);
    } else {
        *schema = histogram_of(sketch)->schema;
        sketch_histogram_export(histogram_of(sketch), visit, context);
    }
}

size_t sketch_bytes(const struct sketch *sketch)
{
    if (!sketch) {
        return 0;
    }
    if (sketch->phase == SKETCH_PHASE_EXACT) {
        return pool_block_bytes(sketch_exact_bytes(exact_of(sketch)));
    }
    if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        return samples_of(sketch)->bytes;
    }
    return sketch->phase == SKETCH_PHASE_LIST ? pool_block_bytes(sketch_list_bytes(list_of(sketch)))
                                              : sketch_histogram_bytes(histogram_of(sketch));
}
