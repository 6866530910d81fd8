/* SPDX-License-Identifier: MIT */
#include "server/alert/instance.h"

#include <stdlib.h>
#include <string.h>

#include "server/alert/ring.h"

void alert_instances_deinit(struct alert_instances *instances)
{
    for (uint32_t i = 0; i < instances->made; i++) {
        free(instances->items[i].names);
        alert_ring_unref(instances->items[i].ring);
    }
    free(instances->items);
    *instances = (struct alert_instances){0};
}

static bool grow(struct alert_instances *instances)
{
    uint32_t capacity = instances->capacity ? 2 * instances->capacity : 64;
    capacity = capacity < ALERT_INSTANCES_MAX ? capacity : ALERT_INSTANCES_MAX;
    if (capacity == instances->capacity) {
        return false;
    }
    void *grown = reallocarray(instances->items, capacity, sizeof(*instances->items));
    if (!grown) {
        return false;
    }
    instances->items = grown;
    instances->capacity = capacity;
    return true;
}

uint32_t alert_instances_take(struct alert_instances *instances)
{
    uint32_t handle = instances->free;
    if (handle != 0) {
        instances->free = alert_instances_at(instances, handle)->next;
    } else if (instances->made < instances->capacity || grow(instances)) {
        handle = ++instances->made;
    } else {
        return 0;
    }
    *alert_instances_at(instances, handle) = (struct alert_instance){.used = true};
    instances->used++;
    return handle;
}

void alert_instances_give(struct alert_instances *instances, uint32_t handle)
{
    struct alert_instance *instance = alert_instances_at(instances, handle);
    free(instance->names);
    alert_ring_unref(instance->ring);
    *instance = (struct alert_instance){.next = instances->free};
    instances->free = handle;
    instances->used--;
}

/* FNV-1a; names of strays come from files of our own, and lists that grow long are only slow. */
static uint32_t *bucket_of(struct alert_instances *instances, uint8_t rule, const char *metric,
                           const char *tags)
{
    uint32_t hash = (2166136261u ^ rule) * 16777619u;
    for (; *metric; metric++) {
        hash = (hash ^ (unsigned char)*metric) * 16777619u;
    }
    for (; *tags; tags++) {
        hash = (hash ^ (unsigned char)*tags) * 16777619u;
    }
    return &instances->strays[hash % ALERT_STRAY_BUCKETS];
}

void alert_instances_stray(struct alert_instances *instances, uint32_t handle)
{
    struct alert_instance *instance = alert_instances_at(instances, handle);
    uint32_t *bucket = bucket_of(instances, instance->rule, instance->names, instance->tags);
    instance->stray = true;
    instance->next = *bucket;
    *bucket = handle;
    instances->stray_count++;
}

static void take_out(struct alert_instances *instances, uint32_t *link)
{
    struct alert_instance *instance = alert_instances_at(instances, *link);
    *link = instance->next;
    instance->next = 0;
    instance->stray = false;
    instances->stray_count--;
}

uint32_t alert_instances_find_stray(struct alert_instances *instances, uint8_t rule,
                                    const char *metric, const char *tags)
{
    uint32_t *link = bucket_of(instances, rule, metric, tags);
    while (*link) {
        struct alert_instance *instance = alert_instances_at(instances, *link);
        if (instance->rule == rule && strcmp(instance->names, metric) == 0 &&
            strcmp(instance->tags, tags) == 0) {
            uint32_t handle = *link;
            take_out(instances, link);
            return handle;
        }
        link = &instance->next;
    }
    return 0;
}

void alert_instances_unstray(struct alert_instances *instances, uint32_t handle)
{
    const struct alert_instance *instance = alert_instances_at(instances, handle);
    uint32_t *link = bucket_of(instances, instance->rule, instance->names, instance->tags);
    while (*link != handle) {
        link = &alert_instances_at(instances, *link)->next;
    }
    take_out(instances, link);
}
