/* SPDX-License-Identifier: MIT
 *
 * The join of the parts. Worths are scaled so that each alone is an alarm at the threshold, and
 * joined as lengths at right angles are: the root of the sum of squares, each capped at
 * AUTO_WORTH_MAX. The threshold grows with the notices of late and with the largest of them.
 */
#include "server/detect/auto.h"

#include <math.h>

/* Worth of a part's finding in the joined figure. */
#define AUTO_BY_RANGE 1.6f
#define AUTO_BY_SHAPE 1.26f
#define AUTO_BY_SEASON 0.46f
#define AUTO_BY_SEASON_RANGE 1.4f
#define AUTO_BY_LEVEL 0.07f
#define AUTO_BY_UNREST 0.35f
#define AUTO_BY_ZERO 4.0f
#define AUTO_WORTH_MAX 2.9f

/* Weights of the newest input: of the value in its range, of the step in its. */
#define AUTO_RANGE_WEIGHT 0.46f
#define AUTO_UNREST_WEIGHT (1 / 7.5f)

/* At AUTO_THRESHOLD there are so many false alarms a month, and e times as many or as few a step
 * lower or higher: fitted to the means that tests/bench/bench_auto_alarms.c prints. */
#define AUTO_THRESHOLD 1.27f
#define AUTO_THRESHOLD_ALARMS 30.0
#define AUTO_THRESHOLD_STEP 0.16f

/* A series of so many windows has a threshold that is higher by ln 2 steps. */
#define AUTO_YOUTH_WINDOWS 3000.0f

/* What reaches this is a notice: it is told with a score below that of an alarm, and the series
 * counts as more restless. Where hold-off or youth forbid an alarm, what would be
 * one is told as just not. */
#define AUTO_NOTICE 1.0f
#define AUTO_JUST_BELOW 0.999f

/* The threshold of notice and alarm is multiplied by 1 + STEP * restless + PEAK * peak, where
 * restless counts notices and peak is the largest figure of one, both fading. */
#define AUTO_RESTLESS_STEP 0.104f
#define AUTO_RESTLESS_PEAK 0.126f
#define AUTO_RESTLESS_DECAY 1.1e-4f

/* Values are this near to the first one at least, for squares to have room in a float. */
#define AUTO_REACH 1e18

struct findings {
    float joined;
    float loudest; /* worth of it */
    enum auto_part part;
    bool above;
};

struct auto_rule auto_rule_make(double false_alarms_a_month)
{
    double wanted = fmin(fmax(false_alarms_a_month, AUTO_FALSE_ALARMS_MIN), AUTO_FALSE_ALARMS_MAX);
    double ratio = log(AUTO_THRESHOLD_ALARMS / wanted);
    return (struct auto_rule){.threshold = AUTO_THRESHOLD + AUTO_THRESHOLD_STEP * (float)ratio};
}

static void findings_add(struct findings *findings, float worth, enum auto_part part, bool above)
{
    float size = fabsf(worth) < AUTO_WORTH_MAX ? fabsf(worth) : AUTO_WORTH_MAX;
    findings->joined += size * size;
    if (size > findings->loudest) {
        findings->loudest = size;
        findings->part = part;
        findings->above = above;
    }
}

/* A value as states keep it. */
static float offset_of(const struct auto_state *state, double value)
{
    double offset = value - state->origin;
    return (float)(offset > AUTO_REACH ? AUTO_REACH : offset < -AUTO_REACH ? -AUTO_REACH : offset);
}

/* Feeds all parts. */
static struct findings auto_feed(struct auto_state *state, double value, float offset, unsigned bin)
{
    uint32_t age = state->windows;
    float step = age == 0 ? 0 : offset - state->last;
    bool far = auto_range_is_far(&state->range, offset_of(state, 0));
    struct findings findings = {0};
    float range = auto_range_observe(&state->range, offset, age, AUTO_RANGE_WEIGHT);
    findings_add(&findings, AUTO_BY_RANGE * range, AUTO_RANGE, range > 0);
    float level = auto_level_observe(&state->level, offset, age);
    findings_add(&findings, AUTO_BY_LEVEL * level, AUTO_LEVEL, level > 0);
    struct auto_season_worth season = auto_season_observe(&state->season, bin, offset, age);
    findings_add(&findings, AUTO_BY_SEASON * season.size, AUTO_SEASON, season.size > 0);
    findings_add(&findings, AUTO_BY_SEASON_RANGE * season.range, AUTO_SEASON, season.range > 0);
    bool above = offset >= state->level.mean;
    float shape = auto_shape_observe(&state->shape, offset, step, age);
    findings_add(&findings, AUTO_BY_SHAPE * shape, AUTO_SHAPE, above);
    if (age > 0) {
        float unrest = auto_range_observe(&state->unrest, fabsf(step), age - 1, AUTO_UNREST_WEIGHT);
        findings_add(&findings, AUTO_BY_UNREST * unrest, AUTO_UNREST, above);
    }
    findings.joined = sqrtf(findings.joined);
    if (auto_zero_observe(&state->zero, value, age, far) && findings.joined < AUTO_BY_ZERO) {
        findings = (struct findings){AUTO_BY_ZERO, AUTO_BY_ZERO, AUTO_ZERO, above};
    }
    state->last = offset;
    state->windows += state->windows < UINT32_MAX;
    return findings;
}

/* What the threshold is higher by for a series of so few windows. Everything is new to who has seen
 * little: noise sets a record with a chance of 1 / age, what wanders more often, and the threshold
 * answers rates by their logarithm, as it answers the knob. The more so with heavy tails, whose
 * usual the youngest have hardly seen: hence the power. */
static float auto_youth(uint32_t windows)
{
    float youth = AUTO_YOUTH_WINDOWS / (float)windows;
    return AUTO_THRESHOLD_STEP * logf(1 + youth * youth * sqrtf(youth));
}

/* What becomes of a joined figure: 0, or what is to be told of it, in thresholds of a notice. What
 * the state learns of it does not depend on the rule. */
static float auto_admit(const struct auto_rule *rule, struct auto_state *state, float joined)
{
    state->restless -= state->restless * AUTO_RESTLESS_DECAY;
    state->peak -= state->peak * AUTO_RESTLESS_DECAY;
    state->notice_hold = (uint16_t)(state->notice_hold - (state->notice_hold > 0));
    state->alarm_hold = (uint16_t)(state->alarm_hold - (state->alarm_hold > 0));
    float told =
        joined / (1 + AUTO_RESTLESS_STEP * state->restless + AUTO_RESTLESS_PEAK * state->peak);
    bool notice = told >= AUTO_NOTICE && state->notice_hold == 0;
    bool alarm = told >= rule->threshold && state->alarm_hold == 0 &&
                 told >= rule->threshold + auto_youth(state->windows);
    if (notice) {
        state->notice_hold = AUTO_HOLD_WINDOWS;
        state->restless += 1;
        state->peak = joined > state->peak ? joined : state->peak;
    }
    if (alarm) {
        state->alarm_hold = AUTO_HOLD_WINDOWS;
    }
    if (!alarm && told >= rule->threshold) {
        told = AUTO_JUST_BELOW * rule->threshold;
    }
    return notice || alarm ? told : 0;
}

static void auto_expect(const struct auto_state *state, double value, double timestamp_s,
                        unsigned bin, struct auto_verdict *verdict)
{
    struct auto_expected expected = auto_season_expect(&state->season, bin);
    verdict->usual = state->origin + (double)(expected.known ? expected.usual : state->level.mean);
    verdict->lower = verdict->usual - (double)expected.below;
    verdict->upper = verdict->usual + (double)expected.above;
    verdict->of_the_hour = expected.known && timestamp_s - state->start_s > AUTO_DAY_S;
    verdict->ready = state->windows >= AUTO_WARMUP_WINDOWS;
    verdict->inside = !verdict->ready || (value >= verdict->lower && value <= verdict->upper);
    verdict->side = verdict->inside          ? SIGMA_INSIDE
                    : value > verdict->upper ? SIGMA_ABOVE
                                             : SIGMA_BELOW;
}

struct auto_verdict auto_observe(const struct auto_rule *rule, struct auto_state *state,
                                 double value, double timestamp_s)
{
    struct auto_verdict verdict = {.inside = true};
    if (!isfinite(value)) {
        return verdict;
    }
    if (state->windows == 0) {
        state->origin = value;
        state->start_s = timestamp_s;
    }
    float offset = offset_of(state, value);
    unsigned bin = auto_season_bin(timestamp_s);
    auto_expect(state, value, timestamp_s, bin, &verdict);
    struct findings findings = auto_feed(state, value, offset, bin);
    float told = auto_admit(rule, state, verdict.ready ? findings.joined : 0);
    if (told > 0) {
        verdict.score = (double)told / ((double)told + (double)rule->threshold);
        verdict.part = findings.part;
        verdict.side = findings.above ? SIGMA_ABOVE : SIGMA_BELOW;
        verdict.extreme_s =
            fmin(auto_extremes_reach(&state->extremes, timestamp_s, offset, findings.above),
                 fmax(timestamp_s - state->start_s, 0));
    }
    auto_extremes_add(&state->extremes, timestamp_s, offset);
    return verdict;
}
