/* SPDX-License-Identifier: MIT */
#include "server/detect/auto_season.h"

#include <math.h>

#define DAY_S 86400
#define TIME_MAX_S 1e15 /* beyond, there is no time of day */

/* Weights of the newest window: in its half hour, in the level, and in the size of residuals. */
#define AUTO_SEASON_MEAN 0.017f
#define AUTO_SEASON_LEVEL 0.0015f
#define AUTO_SEASON_SIZE 0.01f

/* Of the residual: weights of the newest one and of its square. */
#define AUTO_SEASON_SMOOTH (1 / 8.0f)
#define AUTO_SEASON_SQUARE 1e-4f
#define AUTO_SEASON_WARMUP 100

/* Residuals are learnt up to so many rms of the smoothed residual. */
#define AUTO_SEASON_CLIP 4.0f

/* Limits lie so many mean residuals from what is expected: 2.8 deviations of normal noise. */
#define AUTO_SEASON_REACH 3.5f

unsigned auto_season_bin(double timestamp_s)
{
    if (!(fabs(timestamp_s) < TIME_MAX_S)) {
        return 0;
    }
    int64_t of_day = (int64_t)timestamp_s % DAY_S;
    return (unsigned)((of_day < 0 ? of_day + DAY_S : of_day) / (DAY_S / AUTO_SEASON_BINS));
}

struct auto_expected auto_season_expect(const struct auto_season *season, unsigned bin)
{
    bool known = season->counts[bin] > 0;
    return (struct auto_expected){
        .known = known,
        .usual = known ? season->means[bin] + season->level : 0,
        .above = AUTO_SEASON_REACH * season->above,
        .below = AUTO_SEASON_REACH * season->below,
    };
}

/* A residual is learnt up to this. */
static float season_most(const struct auto_season *season)
{
    bool young = season->residuals < AUTO_SEASON_WARMUP;
    return young ? INFINITY : AUTO_SEASON_CLIP * sqrtf(season->residual.square);
}

static void season_measure(struct auto_season *season, float off)
{
    float *size = off < 0 ? &season->below : &season->above;
    float plain = 1 / (float)season->residuals;
    *size += (fabsf(off) - *size) * (plain > AUTO_SEASON_SIZE ? plain : AUTO_SEASON_SIZE);
}

static void season_learn(struct auto_season *season, unsigned bin, float off)
{
    float plain = 1 / ((float)season->counts[bin] + 1);
    season->means[bin] += off * (plain > AUTO_SEASON_MEAN ? plain : AUTO_SEASON_MEAN);
    season->level += off * AUTO_SEASON_LEVEL;
    season->counts[bin] = (uint8_t)(season->counts[bin] + (season->counts[bin] < UINT8_MAX));
}

/* The worth of the residual's size. */
static float season_follow(struct auto_season *season, unsigned bin, float value)
{
    if (season->counts[bin] == 0) {
        season->means[bin] = value - season->level;
        season->counts[bin] = 1;
        return 0;
    }
    const struct auto_residual_rule rule = {.weight = AUTO_SEASON_SMOOTH,
                                            .square_weight = AUTO_SEASON_SQUARE,
                                            .warmup = AUTO_SEASON_WARMUP};
    float off = value - (season->means[bin] + season->level);
    float most = season_most(season);
    float worth = auto_residual_observe(&season->residual, &rule, off, season->residuals++);
    off = off > most ? most : off < -most ? -most : off;
    season_measure(season, off);
    season_learn(season, bin, off);
    return worth;
}

struct auto_season_worth auto_season_observe(struct auto_season *season, unsigned bin, float value,
                                             uint32_t age)
{
    float size = season_follow(season, bin, value);
    float range = auto_range_observe(&season->range, season->residual.smooth, age, 1);
    return (struct auto_season_worth){size, range};
}
