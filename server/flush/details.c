/* SPDX-License-Identifier: MIT */
#include "server/flush/details.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64 * 1024)

struct details_block {
    struct details_block *next;
    size_t used, size; /* of bytes */
    _Alignas(double) unsigned char bytes[];
};

void details_store_free(struct details_store *store)
{
    while (store->blocks) {
        struct details_block *next = store->blocks->next;
        free(store->blocks);
        store->blocks = next;
    }
    store->bytes = 0;
}

/* NULL without memory. */
static void *store_take(struct details_store *store, size_t bytes)
{
    struct details_block *block = store->blocks;
    bytes = (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    if (!block || block->size - block->used < bytes) {
        size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = malloc(sizeof(*block) + size);
        if (!block) {
            return NULL;
        }
        *block = (struct details_block){.next = store->blocks, .size = size};
        store->blocks = block;
        store->bytes += sizeof(*block) + size;
    }
    void *taken = block->bytes + block->used;
    block->used += bytes;
    return taken;
}

void details_maker_deinit(struct details_maker *maker)
{
    free(maker->samples);
    maker->samples = NULL;
    maker->samples_max = 0;
}

bool details_wanted(const struct config *config)
{
    return config->server.profile == PROFILE_ETSY || config->graphite.addresses.count > 0;
}

const struct config_numbers *details_bins(const struct config *config,
                                          const struct identity *identity)
{
    for (size_t i = 0; i < config->histograms.count; i++) {
        const struct config_histogram *histogram = &config->histograms.items[i];
        if (memmem(identity_name(identity), identity->name_length, histogram->substring,
                   strlen(histogram->substring))) {
            return histogram->bins.count > 0 ? &histogram->bins : NULL;
        }
    }
    return NULL;
}

static bool reserve_samples(struct details_maker *maker, size_t count)
{
    if (count <= maker->samples_max) {
        return true;
    }
    struct sketch_sample *grown = reallocarray(NULL, count, sizeof(*grown));
    if (!grown) {
        return false;
    }
    free(maker->samples);
    maker->samples = grown;
    maker->samples_max = count;
    return true;
}

/* Sums over the samples from the lowest on: value, and its square. */
struct sums {
    double sum, sum_squares;
};

static struct sums sum_samples(const struct sketch_sample *samples, size_t count)
{
    struct sums sums = {0, 0};
    for (size_t i = 0; i < count; i++) {
        double value = samples[i].value;
        sums.sum = i > 0 ? value + sums.sum : value;
        sums.sum_squares = i > 0 ? value * value + sums.sum_squares : value * value;
    }
    return sums;
}

/* The top is what the sum of all exceeds that of the rest by, as etsy statsd has it. */
static struct percentile_part etsy_part(double percent, const struct sketch_sample *samples,
                                        size_t count)
{
    size_t inside = count;
    if (count > 1) {
        inside = (size_t)floor(fabs(percent) / 100 * (double)count + 0.5);
    }
    if (inside == 0) {
        return (struct percentile_part){.percent = percent};
    }
    size_t outside = count - inside;
    struct sums sums = sum_samples(samples, percent > 0 ? inside : count);
    if (percent < 0 && outside > 0) {
        struct sums rest = sum_samples(samples, outside);
        sums.sum -= rest.sum;
        sums.sum_squares -= rest.sum_squares;
    }
    return (struct percentile_part){
        .percent = percent,
        .count = (double)inside,
        .mean = sums.sum / (double)inside,
        .sum = sums.sum,
        .sum_squares = sums.sum_squares,
        .bound = samples[percent > 0 ? inside - 1 : outside].value,
    };
}

static double etsy_median(const struct sketch_sample *samples, size_t count)
{
    size_t middle = count / 2;
    return count % 2 ? samples[middle].value
                     : (samples[middle - 1].value + samples[middle].value) / 2;
}

static double etsy_deviation(const struct sketch_sample *samples, size_t count, double mean)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (samples[i].value - mean) * (samples[i].value - mean);
    }
    return sqrt(squares / (double)count);
}

/* Nearest rank by weight, from below or from the top. */
static struct percentile_part weighted_part(double percent, const struct sketch_sample *samples,
                                            size_t count, double weight)
{
    struct percentile_part part = {.percent = percent};
    double rank = fabs(percent) / 100 * weight * (1 - 1e-12);
    for (size_t i = 0; i < count && (i == 0 || part.count < rank); i++) {
        const struct sketch_sample *sample = &samples[percent > 0 ? i : count - 1 - i];
        part.count += sample->weight;
        part.sum += sample->weight * sample->value;
        part.sum_squares += sample->weight * sample->value * sample->value;
        part.bound = sample->value;
    }
    part.mean = part.count > 0 ? part.sum / part.count : 0;
    return part;
}

/* Samples go to the bins in one pass over both. */
static void fill_bins(struct histogram_bin *bins, const struct config_numbers *bounds,
                      const struct sketch_sample *samples, size_t count, bool etsy)
{
    size_t at = 0;
    for (size_t i = 0; i < bounds->count; i++) {
        double bound = bounds->items[i];
        bins[i] = (struct histogram_bin){.bound = bound};
        while (at < count && (samples[at].value < bound || (!etsy && samples[at].value == bound))) {
            bins[i].count += etsy ? 1 : samples[at].weight;
            at++;
        }
    }
}

/* Σ w x² from the moments around K. */
static double sum_squares_of(const struct timer *timer)
{
    double origin = timer->origin;
    return timer->deviation_squared + origin * (2 * timer->deviation + origin * timer->weight);
}

static void fill_etsy(const struct details_maker *maker, struct timer_details *details,
                      struct timer_row *row)
{
    size_t count = maker->samples_count;
    struct sums sums = sum_samples(maker->samples, count);
    details->median = etsy_median(maker->samples, count);
    details->sum_squares = sums.sum_squares;
    row->sum = sums.sum;
    row->mean = sums.sum / (double)count;
    row->stddev = etsy_deviation(maker->samples, count, row->mean);
}

static void fill_parts(const struct details_maker *maker, bool etsy, struct percentile_part *parts)
{
    const struct config_numbers *percents = &maker->config->flush.percentiles;
    for (size_t i = 0; i < percents->count; i++) {
        double percent = percents->items[i];
        parts[i] =
            etsy ? etsy_part(percent, maker->samples, maker->samples_count)
                 : weighted_part(percent, maker->samples, maker->samples_count, maker->weight);
    }
}

/* False without memory. */
static bool read_samples(struct details_maker *maker, const struct sketch *sketch)
{
    if (!reserve_samples(maker, sketch_samples_max(sketch))) {
        return false;
    }
    maker->samples_count = sketch_samples(sketch, maker->samples);
    maker->weight = 0;
    for (size_t i = 0; i < maker->samples_count; i++) {
        maker->weight += maker->samples[i].weight;
    }
    return maker->samples_count > 0;
}

double details_percentile(const struct details_maker *maker, double percent)
{
    return weighted_part(percent, maker->samples, maker->samples_count, maker->weight).bound;
}

void details_make(struct details_maker *maker, const struct timer *timer, struct timer_row *row)
{
    const struct config_numbers *bounds = details_bins(maker->config, row->identity);
    size_t percentile_count = maker->config->flush.percentiles.count;
    size_t bin_count = bounds ? bounds->count : 0;
    if (!read_samples(maker, timer->sketch)) {
        return;
    }
    struct timer_details *details = store_take(maker->store, sizeof(*details));
    struct percentile_part *parts = store_take(maker->store, percentile_count * sizeof(*parts));
    struct histogram_bin *bins = store_take(maker->store, bin_count * sizeof(*bins));
    if (!details || !parts || !bins) {
        return;
    }
    bool etsy = maker->config->server.profile == PROFILE_ETSY && sketch_is_whole(timer->sketch);
    *details = (struct timer_details){.parts = parts, .bins = bins, .bin_count = bin_count};
    if (etsy) {
        fill_etsy(maker, details, row);
    } else {
        details->median = details_percentile(maker, 50);
        details->sum_squares = sum_squares_of(timer);
    }
    fill_parts(maker, etsy, parts);
    if (bounds) {
        fill_bins(bins, bounds, maker->samples, maker->samples_count, etsy);
    }
    row->details = details;
}
