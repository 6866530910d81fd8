/* SPDX-License-Identifier: MIT */
#include "server/notify/notification.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"

/* The texts of a row, as places in it. */
static void list_texts(struct alert_row *row, const char **texts[6])
{
    texts[0] = &row->name;
    texts[1] = &row->metric;
    texts[2] = &row->tags;
    texts[3] = &row->condition;
    texts[4] = &row->description;
    texts[5] = &row->reason;
}

static uint64_t hash_of(const struct alert_row *row)
{
    uint64_t hash = hash_bytes(row->name, strlen(row->name), 0);
    hash = hash_bytes(row->metric, strlen(row->metric), hash);
    return hash_bytes(row->tags, strlen(row->tags), hash);
}

struct notification *notification_new(const struct alert_row *row, bool again, uint64_t now_ns)
{
    struct alert_row copy = *row;
    const char **texts[6];
    size_t bytes = sizeof(struct notification);
    list_texts(&copy, texts);
    for (size_t i = 0; i < 6; i++) {
        bytes += strlen(*texts[i]) + 1;
    }
    struct notification *notification = malloc(bytes);
    if (!notification) {
        return NULL;
    }
    *notification = (struct notification){
        .hash = hash_of(row), .since_ns = now_ns, .bytes = bytes, .again = again};
    char *at = notification->texts;
    for (size_t i = 0; i < 6; i++) {
        size_t length = strlen(*texts[i]) + 1;
        memcpy(at, *texts[i], length);
        *texts[i] = at;
        at += length;
    }
    notification->row = copy;
    return notification;
}

void notification_free(struct notification *notification)
{
    free(notification);
}

bool notification_is_same(const struct notification *left, const struct notification *right)
{
    return left->hash == right->hash && strcmp(left->row.name, right->row.name) == 0 &&
           strcmp(left->row.metric, right->row.metric) == 0 &&
           strcmp(left->row.tags, right->row.tags) == 0;
}

const char *notification_status(const struct notification *notification)
{
    return notification_is_over(notification) ? "resolved" : "firing";
}
