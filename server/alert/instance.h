/* SPDX-License-Identifier: MIT
 *
 * One alert: one rule on one series, from when its condition first held until nothing is to be
 * remembered of it. All of them are in one array that grows up to ALERT_INSTANCES_MAX; handles are
 * small numbers, 0 for none, and pointers are valid until the next alert_instances_take(). An
 * instance whose series is not there (it has expired, or the server has just started) waits among
 * the strays, by name, for a series that is called so.
 *
 * One thread at a time.
 */
#ifndef SERVER_ALERT_INSTANCE_H
#define SERVER_ALERT_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/alert.h"
#include "server/metrics/identity.h"

#define ALERT_INSTANCES_MAX 10000
#define ALERT_STRAY_BUCKETS 1024

struct alert_ring;

enum alert_end {
    ALERT_END_NONE,
    ALERT_END_SILENT,  /* no samples for long */
    ALERT_END_EXPIRED, /* the series is gone */
    ALERT_END_RULE,    /* the rule is another, or gone */
    ALERT_ENDS
};

struct alert_instance {
    uint32_t next;  /* of the same series, of the same bucket of strays, or free */
    uint8_t rule;   /* index */
    uint8_t kind;   /* enum metric_kind of the series */
    uint32_t index; /* of the series, within its kind; nothing of a stray */
    enum alert_state state;
    enum alert_end end;
    bool used, stray;
    bool changed;         /* with the latest window */
    bool told;            /* that it fires */
    bool expired;         /* its series is gone, not merely not there yet */
    uint32_t notifiers;   /* who was told */
    uint32_t notify;      /* who is to be told now */
    uint32_t windows;     /* in a row in which the condition held */
    uint64_t seen_window; /* the latest window in which the series was there */
    uint64_t seen_ns;     /* monotonic: the latest samples */
    uint64_t told_ns;     /* monotonic; 0 = never. The cooldown runs from there */
    double value;
    double pending_since, firing_since, resolved_at; /* Unix seconds */
    char *names;                                     /* owned: the metric, NUL, the tags, NUL */
    const char *tags;                                /* points into it */
    struct alert_ring *ring;                         /* a reference; of a change only */
};

/* All zero is empty. */
struct alert_instances {
    struct alert_instance *items; /* handle h is items[h - 1] */
    uint32_t capacity, made, used;
    uint32_t free;
    uint32_t strays[ALERT_STRAY_BUCKETS]; /* by rule and names */
    uint32_t stray_count;
};

void alert_instances_deinit(struct alert_instances *instances);

/* A handle to an instance that is all zero but `used`; 0 at the bound or without memory. */
uint32_t alert_instances_take(struct alert_instances *instances);

/* Frees what it owns. It must be on no list. */
void alert_instances_give(struct alert_instances *instances, uint32_t handle);

static inline struct alert_instance *alert_instances_at(const struct alert_instances *instances,
                                                        uint32_t handle)
{
    return &instances->items[handle - 1];
}

/* Puts one that belongs to no series among the strays. */
void alert_instances_stray(struct alert_instances *instances, uint32_t handle);

/* Takes the stray of this rule and these names from among them; 0 when there is none. */
uint32_t alert_instances_find_stray(struct alert_instances *instances, uint8_t rule,
                                    const char *metric, const char *tags);

/* Takes this one from among the strays. */
void alert_instances_unstray(struct alert_instances *instances, uint32_t handle);

#endif
