/* SPDX-License-Identifier: MIT
 *
 * Part `season` of the method `auto`: what this half hour of the day usually has. A value is
 * expected to be the mean of its half hour (UTC) plus a level that all half hours share and that
 * follows the series slowly. Residuals are learnt clipped, so that an incident moves neither much.
 * Within the first day a half hour knows nothing but its own windows so far: then it is a local
 * mean, and so it stays for series whose timestamps say nothing.
 *
 * Pure arithmetic on the caller's struct. All zero has seen nothing.
 */
#ifndef SERVER_DETECT_AUTO_SEASON_H
#define SERVER_DETECT_AUTO_SEASON_H

#include <stdbool.h>
#include <stdint.h>

#include "server/detect/auto_range.h"
#include "server/detect/auto_residual.h"

#define AUTO_SEASON_BINS 48

struct auto_season {
    float means[AUTO_SEASON_BINS];
    uint8_t counts[AUTO_SEASON_BINS]; /* windows of each half hour, at most 255 */
    struct auto_residual residual;
    struct auto_range range; /* of the smoothed residual */
    uint32_t residuals;
    float level;
    float above, below; /* mean size of the residuals over and under what was expected */
};

struct auto_expected {
    bool known; /* the half hour had windows before; else `usual` is 0 */
    float usual;
    float above, below; /* how far over and under it most windows lie */
};

/* Of 0 <= bin < AUTO_SEASON_BINS for a Unix time; bin 0 where that is not finite. */
unsigned auto_season_bin(double timestamp_s);

struct auto_expected auto_season_expect(const struct auto_season *season, unsigned bin);

/* What a residual says, both with its sign: by its size, and by leaving the range that residuals
 * have kept to so far, which a series that is out of season every night does not. */
struct auto_season_worth {
    float size, range;
};

/* Takes a value in. `age` counts the values before this one. */
struct auto_season_worth auto_season_observe(struct auto_season *season, unsigned bin, float value,
                                             uint32_t age);

#endif
