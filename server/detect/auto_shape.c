/* SPDX-License-Identifier: MIT
 *
 * The search for the nearest prototype is most of what a window costs, so it is written for four
 * lanes at a time.
 */
#include "server/detect/auto_shape.h"

#include <math.h>
#include <string.h>

/* The floor stands for a distance of nothing; the soft part keeps a series of few shapes, whose u
 * hardly varies, from alarming at each other one. */
#define AUTO_SHAPE_WARMUP 100
#define AUTO_SHAPE_FLOOR 0.001f
#define AUTO_SHAPE_SOFT 0.6f
#define AUTO_SHAPE_NEW 0.15f
#define AUTO_SHAPE_PULL 0.024f
#define AUTO_SHAPE_LEAK 1e-4f
#define AUTO_SHAPE_MEAN 0.02f
#define AUTO_SHAPE_UNREST 0.5f
#define AUTO_SHAPE_USUAL 1e-3f

/* Weights of the figures beside the value's. */
#define AUTO_SHAPE_BY_MEAN 1.2f
#define AUTO_SHAPE_BY_STEP 1.05f
#define AUTO_SHAPE_BY_UNREST (1 / 3.0f)

typedef float lanes __attribute__((vector_size(16), aligned(4)));
typedef int32_t keys __attribute__((vector_size(16)));

/* A square is not negative, so that its bits are in the order of its value; the lowest of them give
 * way to the number of the prototype, and the least key tells both. */
#define NUMBER_BITS 5
#define NUMBER_MASK ((1 << NUMBER_BITS) - 1)
_Static_assert(AUTO_SHAPES == 1 << NUMBER_BITS, "a number is all of its bits");

struct nearest {
    unsigned at;
    float square; /* of the distance, to 18 bits */
};

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static void shape_measure(struct auto_shape *shape, float value, float step, uint32_t age)
{
    if (age == 0) {
        shape->mean = shape->low = shape->high = value;
        return;
    }
    float plain = 1 / ((float)age + 1);
    shape->mean += (value - shape->mean) * larger(plain, AUTO_SHAPE_MEAN);
    shape->unrest += (fabsf(step) - shape->unrest) * larger(plain, AUTO_SHAPE_UNREST);
    float leak = AUTO_SHAPE_LEAK * (shape->high - shape->low);
    shape->low = smaller(shape->low + leak, value);
    shape->high = larger(shape->high - leak, value);
}

static struct nearest shape_nearest(const struct auto_shape *shape, const float *figures)
{
    keys numbers = {0, 1, 2, 3};
    keys least = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
    for (unsigned group = 0; group < AUTO_SHAPES / AUTO_SHAPE_LANES; group++) {
        lanes sum = {0};
        for (unsigned j = 0; j < AUTO_SHAPE_FIGURES; j++) {
            lanes off = *(const lanes *)shape->prototypes[group][j] - figures[j];
            sum += off * off;
        }
        keys key = ((keys)sum & ~NUMBER_MASK) | numbers;
        keys less = key < least;
        least = (key & less) | (least & ~less);
        numbers += AUTO_SHAPE_LANES;
    }
    int32_t key = least[0];
    for (unsigned lane = 1; lane < AUTO_SHAPE_LANES; lane++) {
        key = least[lane] < key ? least[lane] : key;
    }
    int32_t bits = key & ~NUMBER_MASK;
    struct nearest nearest = {.at = (unsigned)key & NUMBER_MASK};
    memcpy(&nearest.square, &bits, sizeof bits);
    return nearest;
}

static unsigned shape_oldest(const struct auto_shape *shape)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < AUTO_SHAPES; i++) {
        oldest = shape->used[i] < shape->used[oldest] ? i : oldest;
    }
    return oldest;
}

static float *shape_figure(struct auto_shape *shape, unsigned prototype, unsigned figure)
{
    unsigned group = prototype / AUTO_SHAPE_LANES;
    return &shape->prototypes[group][figure][prototype % AUTO_SHAPE_LANES];
}

/* All prototypes are the first shape; the ones not used yet are the first to be replaced. */
static void shape_start(struct auto_shape *shape, const float *figures)
{
    for (unsigned j = 0; j < AUTO_SHAPE_FIGURES; j++) {
        for (unsigned i = 0; i < AUTO_SHAPES; i++) {
            *shape_figure(shape, i, j) = figures[j];
        }
    }
    shape->used[0] = 1;
}

static void shape_learn(struct auto_shape *shape, const float *figures, unsigned at, float pull,
                        uint32_t age)
{
    shape->used[at] = age + 1;
    for (unsigned j = 0; j < AUTO_SHAPE_FIGURES; j++) {
        float *figure = shape_figure(shape, at, j);
        *figure += pull * (figures[j] - *figure);
    }
}

static float shape_worth(struct auto_shape *shape, float distance, uint32_t age)
{
    float u = logf(AUTO_SHAPE_FLOOR + distance);
    float worth = 0;
    if (distance > AUTO_SHAPE_NEW && age >= AUTO_SHAPE_WARMUP) {
        worth = (u - shape->usual) / (sqrtf(shape->variance) + AUTO_SHAPE_SOFT);
    }
    float weight = larger(1 / (float)age, AUTO_SHAPE_USUAL);
    float off = u - shape->usual;
    shape->usual += weight * off;
    shape->variance = (1 - weight) * (shape->variance + weight * off * off);
    return larger(worth, 0);
}

float auto_shape_observe(struct auto_shape *shape, float value, float step, uint32_t age)
{
    shape_measure(shape, value, step, age);
    const float figures[AUTO_SHAPE_FIGURES] = {value, AUTO_SHAPE_BY_MEAN * shape->mean,
                                               AUTO_SHAPE_BY_STEP * step,
                                               AUTO_SHAPE_BY_UNREST * shape->unrest};
    if (age == 0) {
        shape_start(shape, figures);
        return 0;
    }
    struct nearest nearest = shape_nearest(shape, figures);
    float width = shape->high - shape->low;
    float distance = width > 0 ? sqrtf(nearest.square) / width : 0;
    if (distance > AUTO_SHAPE_NEW) {
        shape_learn(shape, figures, shape_oldest(shape), 1, age);
    } else {
        shape_learn(shape, figures, nearest.at, AUTO_SHAPE_PULL, age);
    }
    return shape_worth(shape, distance, age);
}
