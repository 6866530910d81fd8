/* SPDX-License-Identifier: MIT
 *
 * Which bucket of a base-2 exponential histogram a value falls in, exactly. Internally a bucket has
 * an ordinal, one below the index it is exported with: ordinal k of schema s holds (base^k,
 * base^(k+1)] with base = 2^(2^-s). Ordinals halve without exceptions, k' = k >> 1, where indices
 * need a ceil, so that pages of ordinals merge two to one. Pure functions and constants; private to
 * the sketch.
 */
#ifndef SERVER_METRICS_SKETCH_BUCKET_H
#define SERVER_METRICS_SKETCH_BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "server/metrics/sketch.h"

#define SKETCH_BUCKETS_OCTAVE 256
#define SKETCH_BUCKET_CELLS 512

/* floor(2^52 (2^(j/256) - 1)): the largest mantissa of a double that is within bound j of an
 * octave. */
extern const uint64_t sketch_bucket_mantissas[SKETCH_BUCKETS_OCTAVE + 1];

/* For each 512th of the mantissas, the bucket of its smallest in the low nine bits, and above them
 * the largest mantissa of that bucket. A cell is narrower than any bucket, so that a value is in
 * this bucket or the next. */
extern const uint64_t sketch_bucket_cells[SKETCH_BUCKET_CELLS];

/* The ordinal at schema SKETCH_SCHEMA_MAX of a normal double > 0, by its bits. */
static inline int32_t sketch_bucket_ordinal_of_bits(uint64_t bits)
{
    uint64_t mantissa = bits & 0xfffffffffffffU;
    uint64_t cell = sketch_bucket_cells[mantissa >> 43];
    int32_t bucket = (int32_t)(cell & 511) + (mantissa << 9 > cell);
    return (int32_t)(bits >> 52) * SKETCH_BUCKETS_OCTAVE + bucket -
           (1023 * SKETCH_BUCKETS_OCTAVE + 1);
}

/* The same of `value` > 0, finite, subnormal or not. */
static inline int32_t sketch_bucket_ordinal(double value)
{
    bool subnormal = value < 0x1p-1022;
    double normal = subnormal ? value * 0x1p64 : value;
    uint64_t bits;
    memcpy(&bits, &normal, sizeof bits);
    return sketch_bucket_ordinal_of_bits(bits) - (subnormal ? 64 * SKETCH_BUCKETS_OCTAVE : 0);
}

/* A sign and the ordinal of a magnitude; 0 for zero. */
struct sketch_point {
    enum sketch_sign sign;
    int32_t ordinal;
};

/* At schema SKETCH_SCHEMA_MAX. */
static inline struct sketch_point sketch_bucket_point(double value)
{
    if (value == 0) {
        return (struct sketch_point){SKETCH_ZERO, 0};
    }
    return value < 0 ? (struct sketch_point){SKETCH_NEGATIVE, sketch_bucket_ordinal(-value)}
                     : (struct sketch_point){SKETCH_POSITIVE, sketch_bucket_ordinal(value)};
}

/* The value that stands for all of a bucket: its relative error is the same at both ends. */
double sketch_bucket_center(struct sketch_point point, int schema);

#endif
