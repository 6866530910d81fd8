/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "server/metrics/sketch_bucket.h"
#include "server/metrics/sketch_exact.h"

/* Insertion sort: there are few, and none is NaN. */
static void samples_sort(struct sketch_sample *samples, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct sketch_sample sample = samples[i];
        unsigned at = i;
        for (; at > 0 && samples[at - 1].value > sample.value; at--) {
            samples[at] = samples[at - 1];
        }
        samples[at] = sample;
    }
}

/* Values alone move in half the time. A new least goes to the front at once, so that the loop for
 * the others ends without counting. */
static void values_sort(double *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        double value = values[i];
        if (value < values[0]) {
            memmove(values + 1, values, i * sizeof *values);
            values[0] = value;
            continue;
        }
        double *at = values + i;
        for (; at[-1] > value; at--) {
            at[0] = at[-1];
        }
        at[0] = value;
    }
}

void sketch_exact_sort(const struct sketch_exact *exact,
                       struct sketch_sample samples[SKETCH_EXACT_SAMPLES])
{
    if (exact->weighted) {
        for (unsigned i = 0; i < exact->count; i++) {
            samples[i] = sketch_exact_sample(exact, i);
        }
        samples_sort(samples, exact->count);
        return;
    }
    double values[SKETCH_EXACT_SAMPLES];
    sketch_exact_values(exact, values);
    values_sort(values, exact->count);
    for (unsigned i = 0; i < exact->count; i++) {
        samples[i] = (struct sketch_sample){values[i], (double)exact->weight};
    }
}

void sketch_exact_quantiles(const struct sketch_exact *exact, const double *percents, size_t count,
                            double *results)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    sketch_exact_sort(exact, samples);
    double total = sketch_exact_weight(exact);
    double cumulative = samples[0].weight;
    unsigned at = 0;
    for (size_t i = 0; i < count; i++) {
        double rank = sketch_rank(percents[i], total);
        while (cumulative < rank && at + 1U < exact->count) {
            cumulative += samples[++at].weight;
        }
        results[i] = samples[at].value;
    }
}

void sketch_exact_cumulative(const struct sketch_exact *exact, const double *bounds, size_t count,
                             double *weights)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    sketch_exact_sort(exact, samples);
    double cumulative = 0;
    unsigned at = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < exact->count && samples[at].value <= bounds[i]) {
            cumulative += samples[at++].weight;
        }
        weights[i] = cumulative;
    }
}

/* Makes the weights whole units, dealt out in ascending order as becoming a histogram would. */
static void samples_round(struct sketch_sample *samples, size_t count)
{
    double carry = 0;
    for (size_t i = 0; i < count; i++) {
        samples[i].weight = (double)sketch_whole_units(samples[i].weight, &carry);
    }
}

static enum sketch_sign sign_of(double value)
{
    return value > 0 ? SKETCH_POSITIVE : value < 0 ? SKETCH_NEGATIVE : SKETCH_ZERO;
}

static int32_t index_of(double value)
{
    return value == 0 ? 0 : sketch_bucket_index(fabs(value), SKETCH_SCHEMA_MAX);
}

static bool same_bucket(double a, double b)
{
    return sign_of(a) == sign_of(b) && index_of(a) == index_of(b);
}

void sketch_export_sorted(struct sketch_sample *samples, size_t count, sketch_visit *visit,
                          void *context)
{
    samples_round(samples, count);
    for (size_t i = 0; i < count;) {
        double value = samples[i].value, units = 0;
        for (; i < count && same_bucket(samples[i].value, value); i++) {
            units += samples[i].weight;
        }
        if (units > 0) {
            visit(context, sign_of(value), index_of(value), units);
        }
    }
}

void sketch_exact_export(const struct sketch_exact *exact, sketch_visit *visit, void *context)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    sketch_exact_sort(exact, samples);
    sketch_export_sorted(samples, exact->count, visit, context);
}
