/* SPDX-License-Identifier: MIT
 *
 * The engine's own struct, for its files: engine.c makes and configures it, window.c goes through a
 * window, judge.c through the rules of a series, course.c moves one alert from state to state,
 * rows.c shows them all, saved.c and saved_rings.c keep them over a restart.
 */
#ifndef SERVER_ALERT_ENGINE_PRIVATE_H
#define SERVER_ALERT_ENGINE_PRIVATE_H

#include "server/alert/engine.h"
#include "server/alert/instance.h"
#include "server/alert/rule.h"

/* What is known of a series, by its index within the kind. */
struct alert_series {
    uint32_t generation; /* of the identity; 0 = none was here */
    uint32_t instances;  /* the first of its alerts */
    uint64_t rules;      /* those that are about it */
    uint64_t seen_ns;    /* monotonic: the latest window with samples */
};

struct alert_kind {
    struct alert_series *series;
    uint32_t capacity;
};

struct alert_engine {
    /* Those of the configuration, then those that are gone and whose alerts end with the next
     * window (parting.c). */
    struct alert_rule rules[2 * ALERT_RULES_MAX];
    size_t rule_count;
    struct config_alert parting[ALERT_RULES_MAX]; /* what the latter borrow; owned */
    size_t parting_count;
    struct alert_kind kinds[METRIC_KINDS];
    struct alert_instances instances;
    uint64_t refused_told;
    /* The window in hand. */
    const struct snapshot *snapshot;
    uint64_t now_ns;
    double timestamp;
    uint64_t window; /* counts them, from 1 */
};

/* What one window says of one rule and one series. */
struct alert_finding {
    bool judged; /* else the window says nothing */
    bool holds;
    double value;
};

/* Moves an alert on by what the window says of it. */
void alert_course_step(struct alert_engine *engine, struct alert_instance *instance,
                       const struct alert_finding *finding);

/* Ends it, where it has begun; what fires is resolved. */
void alert_course_end(struct alert_engine *engine, struct alert_instance *instance,
                      enum alert_end end);

/* Whether there is nothing to remember of it any more. */
bool alert_course_is_over(const struct alert_engine *engine, const struct alert_instance *instance);

/* Adds an alert of a rule with these names, which it takes over; NULL, and counted, where there is
 * no room. The caller puts it on a list. */
struct alert_instance *alert_engine_add(struct alert_engine *engine, size_t rule, char *names,
                                        const char *tags, uint32_t *handle);

/* A ring for a rule of a change and a series of these names, which it can be kept by over a
 * restart; NULL without memory. */
struct alert_ring *alert_ring_make(const struct alert_rule *rule, const char *metric,
                                   const char *tags);

/* Logs that an alert which fires is gone with its rule: somebody may have been told that it fires.
 */
void alert_engine_tell_of_gone(const char *rule, const char *metric, enum alert_state state);

/* A row of any kind, as far as rules want to know. */
struct alert_subject {
    const struct identity *identity;
    struct alert_series *series;
    const void *row;
    enum metric_kind kind;
    bool judged;  /* it has a value in this window */
    int severity; /* of the anomaly that lasts, -1 for none */
};

/* Holds the rules against one series; `updated`: it had samples in this window. subject->series is
 * filled in. */
void alert_judge_series(struct alert_engine *engine, struct alert_subject *subject, bool updated);

/* Alerts of a series that is gone go to the strays, to wait for one of its name. */
void alert_judge_part(struct alert_engine *engine, struct alert_series *series);

/* What `absent` finds where the latest samples are as old as this. */
struct alert_finding alert_judge_silence(const struct alert_engine *engine,
                                         const struct alert_rule *rule, uint64_t seen_ns);

/* Makes room for a rule that is gone, as far as rows show it, and returns its index; that behind
 * all others where there is none. */
size_t alert_parting_add(struct alert_engine *engine, const struct alert_rule *gone);

/* Has rules that are gone stand behind those of a configuration that was just taken. */
void alert_parting_move(struct alert_engine *engine);

/* Forgets them and what is left of their alerts, but for what still has to end. */
void alert_parting_forget(struct alert_engine *engine);

/* Frees them. */
void alert_parting_deinit(struct alert_engine *engine);

/* Goes through all rows of the window. */
void alert_judge_window(struct alert_engine *engine);

/* The alerts as they are after the window. */
struct alert_set *alert_rows_make(const struct alert_engine *engine);

#endif
