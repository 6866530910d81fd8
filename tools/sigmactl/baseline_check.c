/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/glob.h"

static const char *const state_names[BASELINE_STATES] = {
    "critical", "worse", "missing", "unsure", "few", "changed", "new", "improved", "noisy", "ok",
};

const char *baseline_state_name(enum baseline_state state)
{
    return state_names[state];
}

/* +1 where more is worse, -1 where less is, 0 where neither is. */
static double worse_side(const struct baseline_entry *entry)
{
    return entry->better == BETTER_LOWER ? 1 : entry->better == BETTER_HIGHER ? -1 : 0;
}

static double distance_of(const struct baseline_judgement *judgement)
{
    return judgement->measure->run.centre.mean - judgement->entry->target;
}

static struct deviation noise_of(const struct baseline_judgement *judgement)
{
    return baseline_entry_noise(judgement->entry, &judgement->measure->run.centre);
}

static bool is_judged(const struct baseline_judgement *judgement)
{
    return judgement->entry && judgement->measure && !judgement->measure->few;
}

/* The two lists are sorted alike: a step along whichever is behind, or along both. */
static bool join(struct baseline_check *check, const struct baseline_file *file,
                 const struct baseline_measures *measures, const struct baseline_check_rules *rules)
{
    size_t most = file->count + measures->count;
    check->items = calloc(most > 0 ? most : 1, sizeof(*check->items));
    for (size_t i = 0, j = 0; check->items && (i < file->count || j < measures->count);) {
        const struct baseline_entry *entry = i < file->count ? &file->entries[i] : NULL;
        const struct baseline_measure *measure = j < measures->count ? &measures->items[j] : NULL;
        int order = !entry ? 1 : !measure ? -1 : baseline_key_compare(&entry->key, &measure->key);
        i += order <= 0;
        j += order >= 0;
        struct baseline_judgement made = {.entry = order <= 0 ? entry : NULL,
                                          .measure = order >= 0 ? measure : NULL,
                                          .change = (double)NAN,
                                          .chance = (double)NAN};
        made.key = made.entry ? &made.entry->key : &made.measure->key;
        const char *name = made.key->metric;
        if ((!rules->metric || glob_match(rules->metric, name, strlen(name))) &&
            baseline_rules_want(rules->run, made.key)) {
            check->items[check->count++] = made;
        }
    }
    return check->items != NULL;
}

static int compare_chances(const void *a, const void *b)
{
    const struct baseline_judgement *left = *(struct baseline_judgement *const *)a;
    const struct baseline_judgement *right = *(struct baseline_judgement *const *)b;
    return (left->chance > right->chance) - (left->chance < right->chance);
}

/* Sets the chance of each that was judged; where a way is better, that of a step for the worse,
 * adjusted for how many there are. */
static bool weigh(struct baseline_check *check)
{
    struct baseline_judgement **family = calloc(check->count + 1, sizeof(*family));
    double *chances = calloc(check->count + 1, sizeof(*chances));
    size_t count = 0;
    for (size_t i = 0; family && chances && i < check->count; i++) {
        struct baseline_judgement *judgement = &check->items[i];
        if (!is_judged(judgement)) {
            continue;
        }
        double side = worse_side(judgement->entry);
        double distance = distance_of(judgement);
        struct deviation noise = noise_of(judgement);
        judgement->chance = side != 0 ? statistics_chance(side * distance, noise)
                                      : fmin(1, 2 * statistics_chance(fabs(distance), noise));
        judgement->change = distance == 0 ? 0 : distance / fabs(judgement->entry->target);
        if (side != 0) {
            family[count++] = judgement;
        }
    }
    bool weighed = family && chances;
    if (weighed && count > 0) {
        qsort(family, count, sizeof(struct baseline_judgement *), compare_chances);
        for (size_t i = 0; i < count; i++) {
            chances[i] = family[i]->chance;
        }
        statistics_adjust(chances, count);
        for (size_t i = 0; i < count; i++) {
            family[i]->chance = chances[i];
        }
    }
    free(family);
    free(chances);
    return weighed;
}

/* Where neither way is better. */
static enum baseline_state judge_change(const struct baseline_judgement *judgement,
                                        double threshold, double level)
{
    bool beyond = fabs(judgement->change) > threshold;
    return beyond && judgement->chance < level ? BASELINE_CHANGED : BASELINE_OK;
}

/* A difference of no noise is seen whatever its size. */
static bool would_show(const struct baseline_entry *entry, double side, struct deviation noise,
                       double level)
{
    double distance = side * (entry->critical - entry->target);
    return !(noise.variance > 0) || statistics_chance(distance, noise) < level;
}

static enum baseline_state judge_worse(const struct baseline_judgement *judgement, double threshold,
                                       double level)
{
    const struct baseline_entry *entry = judgement->entry;
    double side = worse_side(entry);
    double mean = judgement->measure->run.centre.mean;
    struct deviation noise = noise_of(judgement);
    if (side * (mean - entry->warning) > 0) {
        bool critical = side * (mean - entry->critical) > 0;
        return !(judgement->chance < level) ? BASELINE_UNSURE
               : critical                   ? BASELINE_CRITICAL_WORSE
                                            : BASELINE_WORSE;
    }
    if (-side * judgement->change > threshold &&
        statistics_chance(-side * distance_of(judgement), noise) < level) {
        return BASELINE_IMPROVED;
    }
    return would_show(entry, side, noise, level) ? BASELINE_OK : BASELINE_NOISY;
}

static enum baseline_state judge(const struct baseline_judgement *judgement,
                                 const struct baseline_file *file, double level)
{
    if (!judgement->entry) {
        return BASELINE_NEW;
    }
    if (!judgement->measure || judgement->measure->few) {
        return judgement->measure ? BASELINE_FEW : BASELINE_MISSING;
    }
    double threshold = baseline_file_threshold(file, judgement->entry);
    return worse_side(judgement->entry) == 0 ? judge_change(judgement, threshold, level)
                                             : judge_worse(judgement, threshold, level);
}

static int compare(const void *a, const void *b)
{
    const struct baseline_judgement *left = a, *right = b;
    double x = fabs(left->change), y = fabs(right->change);
    if (left->state != right->state) {
        return left->state < right->state ? -1 : 1;
    }
    return x > y ? -1 : x < y ? 1 : baseline_key_compare(left->key, right->key);
}

bool baseline_check_init(struct baseline_check *check, const struct baseline_file *file,
                         const struct baseline_measures *measures,
                         const struct baseline_check_rules *rules)
{
    *check = (struct baseline_check){0};
    if (!join(check, file, measures, rules) || !weigh(check)) {
        return false;
    }
    for (size_t i = 0; i < check->count; i++) {
        struct baseline_judgement *judgement = &check->items[i];
        judgement->state = judge(judgement, file, rules->level);
        check->states[judgement->state]++;
    }
    if (check->count > 1) {
        qsort(check->items, check->count, sizeof(*check->items), compare);
    }
    return true;
}

void baseline_check_deinit(struct baseline_check *check)
{
    free(check->items);
    *check = (struct baseline_check){0};
}

size_t baseline_check_judged(const struct baseline_check *check)
{
    return check->count - check->states[BASELINE_MISSING] - check->states[BASELINE_FEW] -
           check->states[BASELINE_NEW];
}

size_t baseline_check_worse(const struct baseline_check *check)
{
    return check->states[BASELINE_CRITICAL_WORSE] + check->states[BASELINE_WORSE];
}

/* What is worse comes first. */
size_t baseline_check_early(const struct baseline_check *check)
{
    size_t early = 0;
    for (size_t i = 0; i < baseline_check_worse(check); i++) {
        early += check->items[i].entry->history_count < BASELINE_RUNS_SPREAD;
    }
    return early;
}
