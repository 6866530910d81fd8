/* SPDX-License-Identifier: MIT */
#include "server/history/history.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"
#include "server/history/column.h"

/* Whose figures stand at an index, and from which window on: those before are another's. */
struct tenant {
    uint32_t generation;
    uint64_t since;
};

struct tenants {
    struct tenant *items;
    uint32_t capacity;
};

struct history {
    pthread_mutex_t lock;    /* guards all of this; only the flusher writes */
    struct column **columns; /* a ring: the window of number n is at n % capacity */
    size_t capacity;
    size_t holes;         /* NULL among them: windows that ended later than the clock says now */
    uint64_t first, next; /* numbers of the oldest window and of the one that comes */
    size_t bytes;
    uint64_t dropped;
    struct tenants tenants[METRIC_KINDS];
    uint64_t keep_ms, memory_bytes;
    bool told; /* that memory does not suffice */
};

struct history *history_new(const struct config *config)
{
    struct history *history = calloc(1, sizeof(*history));
    if (history) {
        pthread_mutex_init(&history->lock, NULL);
        history_configure(history, config);
    }
    return history;
}

/* Under the lock. False where the window is none any more. */
static bool drop(struct history *history, uint64_t number)
{
    struct column **place = &history->columns[number % history->capacity];
    if (!*place) {
        return false;
    }
    history->bytes -= (*place)->bytes;
    free(*place);
    *place = NULL;
    return true;
}

/* Under the lock. */
static void drop_oldest(struct history *history)
{
    history->holes -= drop(history, history->first++) ? 0 : 1;
}

/* With holes. */
static size_t count_of(const struct history *history)
{
    return (size_t)(history->next - history->first);
}

void history_free(struct history *history)
{
    if (!history) {
        return;
    }
    while (count_of(history) > 0) {
        drop_oldest(history);
    }
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        free(history->tenants[kind].items);
    }
    free(history->columns);
    pthread_mutex_destroy(&history->lock);
    free(history);
}

void history_configure(struct history *history, const struct config *config)
{
    pthread_mutex_lock(&history->lock);
    history->keep_ms = config->history.keep_ms;
    history->memory_bytes = config->history.memory_bytes;
    history->told = false;
    pthread_mutex_unlock(&history->lock);
}

static bool make_room_for_tenants(struct tenants *tenants, uint32_t count)
{
    if (count <= tenants->capacity) {
        return true;
    }
    uint32_t capacity = tenants->capacity ? tenants->capacity : 1024;
    while (capacity < count) {
        capacity *= 2;
    }
    struct tenant *grown = reallocarray(tenants->items, capacity, sizeof(*grown));
    if (!grown) {
        return false;
    }
    memset(grown + tenants->capacity, 0, (capacity - tenants->capacity) * sizeof(*grown));
    tenants->items = grown;
    tenants->capacity = capacity;
    return true;
}

static void note_tenant(struct history *history, enum metric_kind kind,
                        const struct identity *identity)
{
    struct tenant *tenant = &history->tenants[kind].items[identity->index];
    if (tenant->generation != identity->generation || tenant->since == 0) {
        *tenant = (struct tenant){identity->generation, history->next};
    }
}

/* Under the lock. False without memory. */
static bool note_tenants(struct history *history, const struct column *column,
                         const struct snapshot *s)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        if (!make_room_for_tenants(&history->tenants[kind], column->counts[kind])) {
            return false;
        }
    }
    for (size_t i = 0; i < s->counter_count; i++) {
        note_tenant(history, METRIC_COUNTER, s->counters[i].identity);
    }
    for (size_t i = 0; i < s->gauge_count; i++) {
        note_tenant(history, METRIC_GAUGE, s->gauges[i].identity);
    }
    for (size_t i = 0; i < s->timer_count; i++) {
        note_tenant(history, METRIC_TIMER, s->timers[i].identity);
    }
    for (size_t i = 0; i < s->set_count; i++) {
        note_tenant(history, METRIC_SET, s->sets[i].identity);
    }
    return true;
}

/* Doubles the ring, in which windows keep their numbers. */
static bool grow(struct history *history)
{
    size_t capacity = history->capacity ? 2 * history->capacity : 64;
    struct column **columns = calloc(capacity, sizeof(*columns));
    if (!columns) {
        return false;
    }
    for (uint64_t n = history->first; n < history->next; n++) {
        columns[n % capacity] = history->columns[n % history->capacity];
    }
    free(history->columns);
    history->columns = columns;
    history->capacity = capacity;
    return true;
}

static bool is_too_old(const struct history *history, double now)
{
    const struct column *oldest = history->columns[history->first % history->capacity];
    return !oldest || now - oldest->timestamp >= (double)history->keep_ms / 1000;
}

/* Under the lock: after the clock was set back the latest windows go, as their time comes again.
 * Those before stay, so that ends always ascend. */
static void drop_future(struct history *history, double now)
{
    for (uint64_t n = history->next; n > history->first; n--) {
        const struct column *column = history->columns[(n - 1) % history->capacity];
        if (column && column->timestamp < now) {
            return;
        }
        history->holes += drop(history, n - 1) ? 1 : 0;
    }
}

/* Under the lock: what lies beyond the bounds goes. */
static void drop_beyond(struct history *history, double now, size_t bytes_more)
{
    drop_future(history, now);
    while (count_of(history) > 0 &&
           (is_too_old(history, now) || count_of(history) >= HISTORY_WINDOWS_MAX)) {
        drop_oldest(history);
    }
    while (count_of(history) > 0 && history->bytes + bytes_more > history->memory_bytes) {
        drop_oldest(history);
        history->dropped++;
    }
}

static void link_in(struct history *history, struct column *column, const struct snapshot *snapshot)
{
    drop_beyond(history, column->timestamp, column->bytes);
    bool room = column->bytes <= history->memory_bytes &&
                (count_of(history) < history->capacity || grow(history)) &&
                note_tenants(history, column, snapshot);
    if (!room) {
        history->dropped++;
        free(column);
        return;
    }
    history->columns[history->next++ % history->capacity] = column;
    history->bytes += column->bytes;
}

/* Once, until the configuration is another. */
static void tell_dropped(struct history *history)
{
    if (history->dropped > 0 && !history->told) {
        history->told = true;
        log_line(LOG_LEVEL_WARNING, "windows leave the history before their time", "windows",
                 log_text("%zu", count_of(history)), "key", "history.memory", NULL);
    }
}

void history_add(struct history *history, const struct snapshot *closed)
{
    if (closed->final || (history->keep_ms == 0 && count_of(history) == 0)) {
        return;
    }
    struct column *column = history->keep_ms > 0 ? column_new(closed) : NULL;
    pthread_mutex_lock(&history->lock);
    if (history->next == 0) {
        history->first = history->next = 1; /* 0 is no window's number */
    }
    if (column) {
        link_in(history, column, closed);
    } else {
        drop_beyond(history, closed->timestamp, 0);
    }
    tell_dropped(history);
    pthread_mutex_unlock(&history->lock);
}

/* NULL where the window is gone. Under the lock. */
static const struct column *column_at(const struct history *history, uint64_t number)
{
    return number >= history->first && number < history->next
               ? history->columns[number % history->capacity]
               : NULL;
}

void history_figures(struct history *history, struct history_figures *figures)
{
    pthread_mutex_lock(&history->lock);
    *figures = (struct history_figures){
        .windows = count_of(history) - history->holes,
        .bytes = history->bytes,
        .dropped = history->dropped,
    };
    const struct column *oldest = column_at(history, history->first);
    if (oldest) {
        figures->from = oldest->timestamp - oldest->seconds;
    }
    pthread_mutex_unlock(&history->lock);
}

static bool ends_by(const struct history *history, uint64_t number, double time)
{
    const struct column *column = column_at(history, number);
    return column && column->timestamp <= time;
}

struct history_range history_find(struct history *history, double from, double to, size_t count_max)
{
    pthread_mutex_lock(&history->lock);
    uint64_t first = history->first, end = history->next;
    while (end > first && !ends_by(history, end - 1, to)) {
        end--;
    }
    uint64_t at = end;
    while (at > first && end - at < count_max && !ends_by(history, at - 1, from)) {
        at--;
    }
    pthread_mutex_unlock(&history->lock);
    return (struct history_range){.first = at, .count = (size_t)(end - at)};
}

void history_stamps(struct history *history, const struct history_range *range, double *stamps,
                    double *seconds)
{
    pthread_mutex_lock(&history->lock);
    for (size_t i = 0; i < range->count; i++) {
        const struct column *column = column_at(history, range->first + i);
        if (stamps) {
            stamps[i] = column ? column->timestamp : (double)NAN;
        }
        if (seconds) {
            seconds[i] = column ? column->seconds : (double)NAN;
        }
    }
    pthread_mutex_unlock(&history->lock);
}

/* The window from which on the figures at the index are this series'; 0 where none are. */
static uint64_t since(const struct history *history, enum metric_kind kind,
                      const struct identity *identity)
{
    const struct tenants *tenants = &history->tenants[kind];
    if (identity->index >= tenants->capacity) {
        return 0;
    }
    const struct tenant *tenant = &tenants->items[identity->index];
    return tenant->generation == identity->generation ? tenant->since : 0;
}

bool history_statistic(enum metric_kind kind, unsigned slot, enum statistic *statistic)
{
    return column_statistic(kind, slot, statistic);
}

static size_t read_slot(struct history *history, const struct history_range *range,
                        const struct identity *identity, unsigned slot, double *values)
{
    enum metric_kind kind = (enum metric_kind)identity->kind;
    size_t numbers = 0;
    pthread_mutex_lock(&history->lock);
    uint64_t begun = since(history, kind, identity);
    for (size_t i = 0; i < range->count; i++) {
        const struct column *column = column_at(history, range->first + i);
        bool known = column && begun > 0 && range->first + i >= begun;
        values[i] = known ? column_value(column, kind, slot, identity->index) : (double)NAN;
        numbers += isnan(values[i]) ? 0 : 1;
    }
    pthread_mutex_unlock(&history->lock);
    return numbers;
}

size_t history_read(struct history *history, const struct history_range *range,
                    const struct identity *identity, enum statistic statistic, double *values)
{
    int slot = column_slot((enum metric_kind)identity->kind, statistic);
    return slot < 0 ? 0 : read_slot(history, range, identity, (unsigned)slot, values);
}

size_t history_read_timer(struct history *history, const struct history_range *range,
                          const struct identity *identity, enum history_timer figure,
                          double *values)
{
    return identity->kind == METRIC_TIMER
               ? read_slot(history, range, identity, column_timer_slot(figure), values)
               : 0;
}
