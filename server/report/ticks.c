/* SPDX-License-Identifier: MIT */
#include "server/report/ticks.h"

static uint64_t sum(const uint64_t *values, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    return total;
}

/* The struct is nothing but totals (figures.c holds that). */
static void subtract(struct ingest_figures *from, const struct ingest_figures *figures)
{
    uint64_t *left = (uint64_t *)from;
    const uint64_t *right = (const uint64_t *)figures;
    for (size_t i = 0; i < sizeof(*from) / sizeof(uint64_t); i++) {
        left[i] -= right[i];
    }
}

static void read_counts(struct tick *tick)
{
    const struct ingest_figures *ingest = &tick->ingest;
    uint64_t refused = ingest_lines_rejected(ingest) + ingest_samples_rejected(ingest);
    tick->figures[TICK_RECEIVED] = (double)ingest_samples_received(ingest);
    tick->figures[TICK_DATAGRAMS] = (double)sum(ingest->datagrams_received, TRANSPORTS);
    tick->figures[TICK_DROPPED] = (double)ingest->datagrams_dropped;
    tick->figures[TICK_REFUSED] = (double)refused;
    tick->figures[TICK_LATE] = (double)ingest->samples_late;
    tick->figures[TICK_BYTES] = (double)sum(ingest->bytes_received, TRANSPORTS);
}

static double busiest_worker(struct ticks *ticks, const struct tick_totals *totals)
{
    double most = 0;
    for (size_t i = 0; i < totals->workers && i < TICKS_WORKERS; i++) {
        double grown = totals->worker_seconds[i] - ticks->worker_before[i];
        most = grown > most ? grown : most;
        ticks->worker_before[i] = totals->worker_seconds[i];
    }
    return most;
}

void ticks_add(struct ticks *ticks, double timestamp, double seconds,
               const struct tick_totals *totals)
{
    struct tick *tick = &ticks->items[ticks->next];
    double length = seconds > 0 ? seconds : 1;
    *tick = (struct tick){.timestamp = timestamp, .seconds = seconds};
    tick->ingest = *totals->ingest;
    subtract(&tick->ingest, &ticks->before);
    ticks->before = *totals->ingest;
    read_counts(tick);
    tick->figures[TICK_DURATION] = totals->flush->duration_seconds;
    tick->figures[TICK_SERIES] = (double)sum(totals->flush->series, STATSD_TYPES);
    tick->figures[TICK_MEMORY] = (double)totals->flush->pool_bytes;
    tick->figures[TICK_CPU] = (totals->cpu_seconds - ticks->cpu_before) / length;
    tick->figures[TICK_WORKER] = busiest_worker(ticks, totals) / length;
    ticks->cpu_before = totals->cpu_seconds;
    ticks->next = (ticks->next + 1) % TICKS_MAX;
    ticks->count += ticks->count < TICKS_MAX;
}

const struct tick *ticks_at(const struct ticks *ticks, size_t i)
{
    return &ticks->items[(ticks->next + TICKS_MAX - ticks->count + i) % TICKS_MAX];
}

const struct tick *ticks_most(const struct ticks *ticks, enum tick_figure figure, double from)
{
    const struct tick *most = NULL;
    for (size_t i = 0; i < ticks->count; i++) {
        const struct tick *tick = ticks_at(ticks, i);
        if (tick->timestamp > from && (!most || tick->figures[figure] > most->figures[figure])) {
            most = tick;
        }
    }
    return most;
}

void ticks_ingest(const struct ticks *ticks, double from, struct ingest_figures *figures)
{
    *figures = (struct ingest_figures){0};
    for (size_t i = 0; i < ticks->count; i++) {
        const struct tick *tick = ticks_at(ticks, i);
        if (tick->timestamp > from) {
            ingest_figures_add(figures, &tick->ingest);
        }
    }
}
