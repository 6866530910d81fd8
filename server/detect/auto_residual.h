/* SPDX-License-Identifier: MIT
 *
 * How far a residual (a value less what was expected of it) is out of the ordinary, for the parts
 * `season` and `level` of the method `auto`. The residual is smoothed over some windows, since most
 * of what matters lasts, and held against the root of its own mean square:
 *
 *     smooth += (e - smooth) w,   worth = |smooth| / rms
 *
 * A smoothed residual counts for at most AUTO_RESIDUAL_CLIP rms in the mean square, lest one
 * incident blinds the part for days.
 *
 * Pure arithmetic on the caller's struct. All zero is a residual that has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_RESIDUAL_H
#define SERVER_DETECT_AUTO_RESIDUAL_H

#include <math.h>
#include <stdint.h>

struct auto_residual {
    float smooth;
    float square; /* mean square of `smooth` */
};

struct auto_residual_rule {
    float weight;        /* w of the newest residual */
    float square_weight; /* of the newest square */
    uint32_t warmup;     /* residuals until there is a worth */
};

#define AUTO_RESIDUAL_CLIP 4.0f

/* Takes a residual in. Its worth has the sign of the smoothed residual. `age` counts the residuals
 * before this one. */
static inline float auto_residual_observe(struct auto_residual *residual,
                                          const struct auto_residual_rule *rule, float value,
                                          uint32_t age)
{
    float plain = 1 / ((float)age + 1);
    float weight = plain > rule->square_weight ? plain : rule->square_weight;
    float start = plain > rule->weight ? plain : rule->weight;
    residual->smooth += (value - residual->smooth) * start;
    float square = residual->smooth * residual->smooth;
    float usual = residual->square;
    float worth = 0;
    if (age >= rule->warmup) {
        float most = AUTO_RESIDUAL_CLIP * AUTO_RESIDUAL_CLIP * usual;
        worth = usual > 0 ? sqrtf(square / usual) : 0;
        square = square < most || usual == 0 ? square : most;
    }
    residual->square += (square - usual) * weight;
    return residual->smooth < 0 ? -worth : worth;
}

#endif
