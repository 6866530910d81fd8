/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_exact.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "server/core/require.h"
#include "server/metrics/sketch_decimal.h"

_Static_assert(offsetof(struct sketch_exact, bytes) == 8, "capacities are chosen for this header");

/* How many samples a block holds as it grows: in four bytes each they fill 32, 64, 88, 128, 192 and
 * 264 bytes. All are even, so that weights behind them are aligned. */
static const uint8_t capacities[] = {6, 14, 20, 30, 46, SKETCH_EXACT_SAMPLES};

static unsigned capacity_for(unsigned count)
{
    size_t i = 0;
    while (capacities[i] < count) {
        i++;
    }
    return capacities[i];
}

/* How values are written; places are 0 but for decimals. */
struct form {
    unsigned kind, places;
};

static const struct form doubles = {SKETCH_DOUBLES, 0};

static struct form form_of(const struct sketch_exact *exact)
{
    return (struct form){exact->kind, exact->places};
}

static bool same_form(struct form a, struct form b)
{
    return a.kind == b.kind && a.places == b.places;
}

static size_t width_of(unsigned kind)
{
    return kind == SKETCH_DOUBLES ? sizeof(double) : sizeof(float);
}

static size_t shape_bytes(unsigned capacity, unsigned kind, bool weighted)
{
    size_t each = width_of(kind) + (weighted ? sizeof(double) : 0);
    return offsetof(struct sketch_exact, bytes) + capacity * each;
}

size_t sketch_exact_bytes(const struct sketch_exact *exact)
{
    return shape_bytes(exact->capacity, exact->kind, exact->weighted);
}

void sketch_exact_free(struct sketch_exact *exact, struct pool_cache *cache)
{
    pool_give(cache, exact, sketch_exact_bytes(exact));
}

static double *weights_of(const struct sketch_exact *exact)
{
    size_t values = exact->capacity * width_of(exact->kind);
    return (double *)((uintptr_t)exact->bytes + values);
}

static double value_of(const struct sketch_exact *exact, unsigned i)
{
    const void *values = exact->bytes;
    switch (exact->kind) {
    case SKETCH_FLOATS:
        return (double)((const float *)values)[i];
    case SKETCH_DECIMALS:
        return sketch_decimal_value(((const int32_t *)values)[i], exact->places);
    default:
        return ((const double *)values)[i];
    }
}

struct sketch_sample sketch_exact_sample(const struct sketch_exact *exact, unsigned i)
{
    return (struct sketch_sample){
        .value = value_of(exact, i),
        .weight = exact->weighted ? weights_of(exact)[i] : (double)exact->weight,
    };
}

static bool is_float(double value)
{
    return fabs(value) <= (double)FLT_MAX && (double)(float)value == value;
}

/* Writes the value that comes next, for which there must be room. False when it does not fit the
 * form. */
static inline bool put(struct sketch_exact *exact, double value)
{
    void *values = exact->bytes;
    switch (exact->kind) {
    case SKETCH_FLOATS:
        if (!is_float(value)) {
            return false;
        }
        ((float *)values)[exact->count] = (float)value;
        return true;
    case SKETCH_DECIMALS:
        return sketch_decimal_units(value, exact->places, &((int32_t *)values)[exact->count]);
    default:
        ((double *)values)[exact->count] = value;
        return true;
    }
}

/* There must be room of the right shape. */
static void append(struct sketch_exact *exact, struct sketch_sample sample)
{
    bool fits = put(exact, sample.value);
    REQUIRE(fits);
    if (exact->weighted) {
        weights_of(exact)[exact->count] = sample.weight;
    }
    exact->count++;
}

static void append_all(struct sketch_exact *into, const struct sketch_exact *from)
{
    if (!into->weighted && same_form(form_of(into), form_of(from))) {
        size_t width = width_of(from->kind);
        memcpy(into->bytes + into->count * width, from->bytes, from->count * width);
        into->count = (uint8_t)(into->count + from->count);
        return;
    }
    for (unsigned i = 0; i < from->count; i++) {
        append(into, sketch_exact_sample(from, i));
    }
}

/* Leaves those of *places that all values have units at. */
static void narrow_all(struct sketch_places *places, const struct sketch_exact *exact)
{
    for (unsigned i = 0; i < exact->count && places->least <= places->most; i++) {
        sketch_places_narrow(places, value_of(exact, i));
    }
}

static struct form form_at(struct sketch_places places)
{
    return places.least <= places.most ? (struct form){SKETCH_DECIMALS, (unsigned)places.least}
                                       : doubles;
}

/* The form for one more value; of a NULL sketch, for the first. */
static struct form form_with(const struct sketch_exact *exact, double value)
{
    struct form form = exact ? form_of(exact) : (struct form){SKETCH_FLOATS, 0};
    int32_t units;
    if (form.kind == SKETCH_DECIMALS ? sketch_decimal_units(value, form.places, &units)
                                     : form.kind == SKETCH_DOUBLES || is_float(value)) {
        return form;
    }
    struct sketch_places places = SKETCH_PLACES_ANY;
    sketch_places_narrow(&places, value);
    if (exact) {
        narrow_all(&places, exact);
    }
    return form_at(places);
}

static struct form form_for_both(const struct sketch_exact *a, const struct sketch_exact *b)
{
    if (same_form(form_of(a), form_of(b))) {
        return form_of(a);
    }
    if (a->kind == SKETCH_DOUBLES || b->kind == SKETCH_DOUBLES) {
        return doubles;
    }
    struct sketch_places places = SKETCH_PLACES_ANY;
    narrow_all(&places, a);
    narrow_all(&places, b);
    return form_at(places);
}

/* What a sketch needs to be to hold samples. */
struct shape {
    unsigned count;
    struct form form;
    bool weighted;
    float weight;
};

static struct sketch_exact *exact_new(const struct shape *shape, struct pool_cache *cache)
{
    unsigned capacity = capacity_for(shape->count);
    struct sketch_exact *exact =
        pool_take(cache, shape_bytes(capacity, shape->form.kind, shape->weighted));
    if (exact) {
        exact->sketch.phase = SKETCH_PHASE_EXACT;
        exact->count = 0;
        exact->capacity = (uint8_t)capacity;
        exact->kind = shape->form.kind & 3;
        exact->places = shape->form.places & 15;
        exact->weighted = shape->weighted;
        exact->weight = shape->weight;
    }
    return exact;
}

/* Makes *shape that of these samples beside those that are there, all of them in its form, and room
 * for them. Makes *exact where it is NULL. False at the budget: nothing is changed. */
static bool reserve(struct sketch_exact **exact, struct shape *shape, struct pool_cache *cache)
{
    struct sketch_exact *old = *exact;
    if (old) {
        shape->count += old->count;
        shape->weighted |= old->weighted || shape->weight != old->weight;
        if (shape->count <= old->capacity && same_form(shape->form, form_of(old)) &&
            shape->weighted <= old->weighted) {
            return true;
        }
    }
    REQUIRE(shape->count <= SKETCH_EXACT_SAMPLES);
    struct sketch_exact *grown = exact_new(shape, cache);
    if (!grown) {
        return false;
    }
    if (old) {
        append_all(grown, old);
        sketch_exact_free(old, cache);
    }
    *exact = grown;
    return true;
}

/* Where there is no room of the right shape, or there are weights. */
static bool add_slowly(struct sketch_exact **exact, double value, double weight,
                       struct pool_cache *cache)
{
    bool weighted = !is_float(weight);
    struct shape shape = {1, form_with(*exact, value), weighted, weighted ? 0 : (float)weight};
    if (!reserve(exact, &shape, cache)) {
        return false;
    }
    append(*exact, (struct sketch_sample){value, weight});
    return true;
}

bool sketch_exact_add(struct sketch_exact **exact, double value, double weight,
                      struct pool_cache *cache)
{
    struct sketch_exact *old = *exact;
    if (old && old->count < old->capacity && !old->weighted && weight == (double)old->weight &&
        put(old, value)) {
        old->count++;
        return true;
    }
    return add_slowly(exact, value, weight, cache);
}

bool sketch_exact_merge(struct sketch_exact **into, const struct sketch_exact *from,
                        struct pool_cache *cache)
{
    struct form form = *into ? form_for_both(*into, from) : form_of(from);
    struct shape shape = {from->count, form, from->weighted, from->weight};
    if (!reserve(into, &shape, cache)) {
        return false;
    }
    append_all(*into, from);
    return true;
}

void sketch_exact_values(const struct sketch_exact *exact, double values[SKETCH_EXACT_SAMPLES])
{
    const float *floats = (const float *)(const void *)exact->bytes;
    const int32_t *units = (const int32_t *)(const void *)exact->bytes;
    if (exact->kind == SKETCH_DOUBLES) {
        memcpy(values, exact->bytes, exact->count * sizeof *values);
    } else if (exact->kind == SKETCH_DECIMALS) {
        for (unsigned i = 0; i < exact->count; i++) {
            values[i] = sketch_decimal_value(units[i], exact->places);
        }
    } else {
        for (unsigned i = 0; i < exact->count; i++) {
            values[i] = (double)floats[i];
        }
    }
}

double sketch_exact_weight(const struct sketch_exact *exact)
{
    if (!exact->weighted) {
        return exact->count * (double)exact->weight;
    }
    double weight = 0;
    for (unsigned i = 0; i < exact->count; i++) {
        weight += weights_of(exact)[i];
    }
    return weight;
}
