/* SPDX-License-Identifier: MIT
 *
 * Part `shape` of the method `auto`: whether the short shape of a series is like any it has had. A
 * shape is four figures: the value, its short mean, its last step and its unrest (the short mean of
 * steps without sign), weighted so that each says as much. AUTO_SHAPES prototypes stand for the
 * shapes so far. What counts is the distance to the nearest, in units of a slowly shrinking range
 * of the values, on a logarithmic scale: u = ln(AUTO_SHAPE_FLOOR + distance), and
 *
 *     worth = (u - mean of u) / (deviation of u + AUTO_SHAPE_SOFT)    where distance >
 * AUTO_SHAPE_NEW
 *
 * A shape that far off replaces the prototype that was nearest to nothing for longest; any other
 * pulls its nearest prototype AUTO_SHAPE_PULL of the way towards itself. (Leader clustering, after
 * Hartigan 1975, made to forget.)
 *
 * No state beyond the caller's struct. All zero has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_SHAPE_H
#define SERVER_DETECT_AUTO_SHAPE_H

#include <stdint.h>

#define AUTO_SHAPES 32
#define AUTO_SHAPE_FIGURES 4
#define AUTO_SHAPE_LANES 4

struct auto_shape {
    /* Prototype i is lane i % LANES of group i / LANES: a group is a line of memory, and to learn
     * is to write one. */
    float prototypes[AUTO_SHAPES / AUTO_SHAPE_LANES][AUTO_SHAPE_FIGURES][AUTO_SHAPE_LANES];
    uint32_t used[AUTO_SHAPES]; /* age at which each was nearest last, plus 1; 0: not yet */
    float mean, unrest;         /* of the value; of its steps */
    float low, high;            /* the range */
    float usual, variance;      /* of u */
};

/* Takes a value and its step from the value before in and returns the worth, at least 0. `age`
 * counts the values before this one. */
float auto_shape_observe(struct auto_shape *shape, float value, float step, uint32_t age);

#endif
