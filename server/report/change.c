/* SPDX-License-Identifier: MIT */
#include "server/report/change.h"

#include <math.h>
#include <string.h>

#include "server/core/require.h"
#include "server/report/series.h"

/* A stretch in between has to be so much better, in squares of normal deviates. */
#define BUMP_FACTOR 1.25

/* The values that there are, with their points. */
struct sample {
    double value;
    size_t point;
};

struct samples {
    struct sample items[POINTS_MAX];
    size_t count;
    double ties; /* the sum of t³ - t over all groups of t equal values */
};

struct place {
    double value;
    size_t at;
};

static void merge(const struct place *from, size_t left, size_t middle, size_t right,
                  struct place *to)
{
    size_t a = left, b = middle;
    for (size_t i = left; i < right; i++) {
        bool first = a < middle && (b >= right || from[a].value <= from[b].value);
        to[i] = first ? from[a++] : from[b++];
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A merge sort without calls: qsort() would take most of the time of a report. */
static void sort_places(struct place *places, size_t count)
{
    struct place scratch[POINTS_MAX];
    struct place *from = places, *to = scratch;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t left = 0; left < count; left += 2 * width) {
            merge(from, left, least(left + width, count), least(left + 2 * width, count), to);
        }
        struct place *other = from;
        from = to;
        to = other;
    }
    if (from != places) {
        memcpy(places, from, count * sizeof(*places));
    }
}

/* Equal values share the mean of their ranks, which are written to the places of the values. */
static void rank(struct samples *samples, double ranks[POINTS_MAX])
{
    struct place places[POINTS_MAX];
    for (size_t i = 0; i < samples->count; i++) {
        places[i] = (struct place){.value = samples->items[i].value, .at = i};
    }
    sort_places(places, samples->count);
    for (size_t i = 0; i < samples->count;) {
        size_t end = i;
        while (end < samples->count && places[end].value <= places[i].value) {
            end++;
        }
        double equal = (double)(end - i);
        samples->ties += equal * equal * equal - equal;
        for (size_t j = i; j < end; j++) {
            ranks[places[j].at] = (double)(i + end + 1) / 2;
        }
        i = end;
    }
}

/* The stretch items[from] to items[to - 1] that differs most from the rest. */
struct stretch {
    size_t from, to;
    bool step;
    double square; /* of the sum of ranks above their mean, by L(n-L) */
};

static struct stretch better(struct stretch best, double sum, size_t from, size_t to,
                             const double *weights)
{
    double square = sum * sum * weights[to - from];
    return square > best.square ? (struct stretch){from, to, false, square} : best;
}

/* sums[i] is the sum of the first i ranks, above their mean. */
static struct stretch find_stretch(const double *sums, size_t count)
{
    struct stretch step = {0}, bump = {0};
    double weights[POINTS_MAX + 1] = {0};
    for (size_t i = 1; i < count; i++) {
        weights[i] = 1 / ((double)i * (double)(count - i));
    }
    for (size_t from = 1; from + CHANGE_PART_MIN <= count; from++) {
        if (from >= CHANGE_PART_MIN) {
            step = better(step, sums[count] - sums[from], from, count, weights);
        }
        for (size_t to = from + CHANGE_PART_MIN; to < count; to++) {
            bump = better(bump, sums[to] - sums[from], from, to, weights);
        }
    }
    step.step = true;
    return bump.square > BUMP_FACTOR * step.square ? bump : step;
}

/* Twice the tail of the normal distribution, for each stretch that was tried. The variance of the
 * sum of L of n ranks is L(n-L)(n+1)/12, less where some are equal, and more where neighbours are
 * alike: `independent` is the share of the values that count. */
static double likelihood_of(const struct stretch *stretch, const struct samples *samples,
                            double independent)
{
    double n = (double)samples->count;
    double variance = (n + 1) / 12 * (1 - samples->ties / (n * n * n - n));
    double tried = stretch->step ? n : n * n / 2;
    double square = stretch->square * independent;
    return variance > 0 ? fmin(1, tried * erfc(sqrt(square / variance / 2))) : 1;
}

/* The median of what is inside the stretch, or outside of it. */
static double level_of(const struct samples *samples, const struct stretch *stretch, bool inside,
                       double scratch[POINTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < samples->count; i++) {
        if ((i >= stretch->from && i < stretch->to) == inside) {
            scratch[count++] = samples->items[i].value;
        }
    }
    return count > 0 ? series_median(scratch, count) : 0;
}

static double level_at(const struct stretch *stretch, const struct change *change, size_t i)
{
    return i >= stretch->from && i < stretch->to ? change->after : change->before;
}

static double deviation_of(const struct samples *samples, const struct stretch *stretch,
                           const struct change *change, double scratch[POINTS_MAX])
{
    for (size_t i = 0; i < samples->count; i++) {
        scratch[i] = fabs(samples->items[i].value - level_at(stretch, change, i));
    }
    return 1.4826 * series_median(scratch, samples->count);
}

/* (1 - r) / (1 + r), by the correlation r of what is left of neighbours, of which nothing counts
 * beyond three deviations. */
static double independent_of(const struct samples *samples, const struct stretch *stretch,
                             const struct change *change, double deviation)
{
    double before = 0, products = 0, squares = 0, bound = 3 * deviation;
    for (size_t i = 0; i < samples->count; i++) {
        double rest = samples->items[i].value - level_at(stretch, change, i);
        rest = fmin(bound, fmax(-bound, rest));
        products += before * rest;
        squares += rest * rest;
        before = rest;
    }
    double r = squares > 0 ? fmin(0.99, fmax(0, products / squares)) : 0;
    return (1 - r) / (1 + r);
}

static double size_of(double before, double after)
{
    if (before * after > 0) {
        return fmin(fabs(log(after / before)), CHANGE_SIZE_MAX);
    }
    double larger = fmax(fabs(before), fabs(after));
    return larger > 0 ? fmin(CHANGE_SIZE_MAX, fabs(after - before) / larger * CHANGE_SIZE_MAX / 2)
                      : 0;
}

/* The change that the stretch is, if it is one. */
static void judge(struct change *change, const struct samples *samples, struct stretch stretch,
                  double share_min)
{
    double scratch[POINTS_MAX];
    change->after = level_of(samples, &stretch, true, scratch);
    change->before = level_of(samples, &stretch, false, scratch);
    double distance = fabs(change->after - change->before);
    double deviation = deviation_of(samples, &stretch, change, scratch);
    double independent = independent_of(samples, &stretch, change, deviation);
    double effect = distance * sqrt(independent);
    change->effect =
        effect >= CHANGE_EFFECT_MAX * deviation ? CHANGE_EFFECT_MAX : effect / deviation;
    change->size = size_of(change->before, change->after);
    change->likelihood = likelihood_of(&stretch, samples, independent);
    if (distance > 0 && distance >= share_min * fabs(change->before) &&
        change->effect >= CHANGE_EFFECT_MIN && change->likelihood <= CHANGE_LIKELIHOOD_MAX) {
        change->shape = stretch.step ? CHANGE_STEP : CHANGE_BUMP;
        change->from = samples->items[stretch.from].point;
        change->to = samples->items[stretch.to - 1].point;
    }
}

static void look(struct change *change, struct samples *samples, double share_min)
{
    double ranks[POINTS_MAX], sums[POINTS_MAX + 1] = {0};
    double mean = ((double)samples->count + 1) / 2;
    rank(samples, ranks);
    for (size_t i = 0; i < samples->count; i++) {
        sums[i + 1] = sums[i] + ranks[i] - mean;
    }
    struct stretch stretch = find_stretch(sums, samples->count);
    change->likelihood = likelihood_of(&stretch, samples, 1);
    if (change->likelihood <= CHANGE_LIKELIHOOD_MAX) {
        judge(change, samples, stretch, share_min);
    }
}

struct change change_find(const double *values, size_t count, double share_min)
{
    struct change change = {.likelihood = 1};
    struct samples samples = {.count = 0};
    REQUIRE(count <= POINTS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i])) {
            samples.items[samples.count++] = (struct sample){.value = values[i], .point = i};
        }
    }
    if (samples.count >= CHANGE_VALUES_MIN) {
        look(&change, &samples, share_min);
    }
    return change;
}
