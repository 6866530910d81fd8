/* SPDX-License-Identifier: MIT */
#include "server/flush/removal.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"

struct removal *removal_new(enum metric_kind kind, char *const *names, size_t count)
{
    struct removal *removal = calloc(1, sizeof(*removal));
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(names[i]) + 1;
    }
    char *at = removal ? malloc(bytes) : NULL;
    if (!at) {
        free(removal);
        return NULL;
    }
    removal->text = at;
    removal->kind = kind;
    removal->count = count;
    for (size_t i = 0; i < count; i++) {
        removal->names[i] = at;
        at = stpcpy(at, names[i]) + 1;
    }
    return removal;
}

void removal_free(struct removal *removal)
{
    if (removal) {
        buffer_deinit(&removal->answer);
        free(removal->text);
        free(removal);
    }
}

static bool fits(const struct identity *identity, const char *pattern, size_t length)
{
    const char *name = identity_name(identity);
    if (identity->name_length == length && memcmp(name, pattern, length) == 0) {
        return true;
    }
    bool folder = length >= 2 && memcmp(pattern + length - 2, ".*", 2) == 0;
    return folder && identity->name_length >= length - 1 && memcmp(name, pattern, length - 1) == 0;
}

struct hits {
    const struct identity **items;
    size_t count, capacity;
};

static bool add_hit(struct hits *hits, const struct identity *identity)
{
    if (hits->count == hits->capacity) {
        size_t capacity = hits->capacity ? hits->capacity * 2 : 16;
        const struct identity **grown = realloc(hits->items, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        hits->items = grown;
        hits->capacity = capacity;
    }
    hits->items[hits->count++] = identity;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct identity *left = *(const struct identity *const *)a;
    const struct identity *right = *(const struct identity *const *)b;
    size_t shorter =
        left->name_length < right->name_length ? left->name_length : right->name_length;
    int order = memcmp(identity_name(left), identity_name(right), shorter);
    return order ? order : (int)left->name_length - (int)right->name_length;
}

/* Each name once, whatever tags its series have. */
static void tell(struct buffer *answer, struct hits *hits)
{
    size_t untold = 0;
    qsort(hits->items, hits->count, sizeof(*hits->items), by_name);
    for (size_t i = 0; i < hits->count; i++) {
        const struct identity *identity = hits->items[i];
        if (i > 0 && by_name(&hits->items[i - 1], &hits->items[i]) == 0) {
            continue;
        }
        if (answer->length + identity->name_length > REMOVAL_ANSWER_MAX) {
            untold++;
            continue;
        }
        buffer_append_text(answer, "deleted: ");
        buffer_append(answer, identity_name(identity), identity->name_length);
        buffer_append_text(answer, "\n");
    }
    if (untold > 0) {
        buffer_append_format(answer, "deleted: %zu more\n", untold);
    }
}

static void remove_name(struct removal *removal, const struct expire_options *options,
                        const char *name)
{
    struct hits hits = {0};
    size_t length = strlen(name);
    uint32_t count = registry_count(options->registry, removal->kind);
    for (uint32_t i = 0; i < count && !removal->answer.failed; i++) {
        const struct series *series = registry_at(options->registry, removal->kind, i);
        const struct identity *identity = registry_identity(options->registry, series);
        if (!identity || series->expired || !fits(identity, name, length)) {
            continue;
        }
        if (add_hit(&hits, identity)) {
            expire_now(options, removal->kind, i);
        } else {
            removal->answer.failed = true;
        }
    }
    if (hits.count > 0) {
        log_line(LOG_LEVEL_INFO, "deleted", "type", metric_kind_name(removal->kind), "name", name,
                 "series", log_text("%zu", hits.count), NULL);
        tell(&removal->answer, &hits);
    } else {
        buffer_append_format(&removal->answer, "metric %s not found\n", name);
    }
    free(hits.items);
}

void removal_run(struct removal *removal, const struct expire_options *options)
{
    for (size_t i = 0; i < removal->count; i++) {
        remove_name(removal, options, removal->names[i]);
    }
    atomic_store_explicit(&removal->done, true, memory_order_release);
}
