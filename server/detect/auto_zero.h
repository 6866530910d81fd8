/* SPDX-License-Identifier: MIT
 *
 * Part `zero` of the method `auto`: a value of exactly 0 where 0 has hardly ever come. To
 * statistics of value alone a drop to zero of a series that falls low anyway is nothing much; to
 * whom it happens it is an outage. That something comes less often than once in so many windows
 * takes so many to see; before, a 0 is odd only where it is far from all that came.
 *
 * Pure arithmetic on the caller's struct. All zero has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_ZERO_H
#define SERVER_DETECT_AUTO_ZERO_H

#include <stdbool.h>
#include <stdint.h>

struct auto_zero {
    float share; /* of windows that are 0 */
};

/* Of the windows so many or fewer are 0, the latest thousand counting most. */
#define AUTO_ZERO_RARE 0.002f
#define AUTO_ZERO_WEIGHT 1e-3f
#define AUTO_ZERO_WARMUP 500 /* 1 / AUTO_ZERO_RARE */

/* Takes a value in; whether it is 0 and 0 is odd. `age` counts the values before this one, and
 * `far` tells whether 0 is out of their range by its width (auto_range_is_far()). */
static inline bool auto_zero_observe(struct auto_zero *zero, double value, uint32_t age, bool far)
{
    float plain = 1 / ((float)age + 1);
    float weight = plain > AUTO_ZERO_WEIGHT ? plain : AUTO_ZERO_WEIGHT;
    float is_zero = value == 0 ? 1 : 0;
    bool rare = is_zero > 0 && (far || age >= AUTO_ZERO_WARMUP) && zero->share < AUTO_ZERO_RARE;
    zero->share += (is_zero - zero->share) * weight;
    return rare;
}

#endif
