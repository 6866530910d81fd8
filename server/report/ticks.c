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

static void read_totals(const struct ingest_figures *ingest, uint64_t totals[TICK_BYTES + 1])
{
    totals[TICK_RECEIVED] = ingest_samples_received(ingest);
    totals[TICK_DATAGRAMS] = sum(ingest->datagrams_received, TRANSPORTS);
    totals[TICK_DROPPED] = ingest->datagrams_dropped;
    totals[TICK_REFUSED] = ingest_lines_rejected(ingest) + ingest_samples_rejected(ingest);
    totals[TICK_LATE] = ingest->samples_late;
    totals[TICK_BYTES] = sum(ingest->bytes_received, TRANSPORTS);
}

static double busiest_worker(struct ticks *ticks, const struct tick_totals *totals)
{
    double most = 0;
    for (size_t i = 0; i < totals->workers && i < 64; i++) {
        double grown = totals->worker_seconds[i] - ticks->worker_before[i];
        most = grown > most ? grown : most;
        ticks->worker_before[i] = totals->worker_seconds[i];
    }
    return most;
}

void ticks_add(struct ticks *ticks, double timestamp, double seconds,
               const struct tick_totals *totals)
{
    uint64_t now[TICK_BYTES + 1];
    struct tick *tick = &ticks->items[ticks->next];
    double length = seconds > 0 ? seconds : 1;
    *tick = (struct tick){.timestamp = timestamp, .seconds = seconds};
    read_totals(totals->ingest, now);
    for (size_t i = 0; i <= TICK_BYTES; i++) {
        tick->figures[i] = (double)(now[i] - ticks->before[i]);
        ticks->before[i] = now[i];
    }
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

double ticks_sum(const struct ticks *ticks, enum tick_figure figure, double from)
{
    double total = 0;
    for (size_t i = 0; i < ticks->count; i++) {
        const struct tick *tick = ticks_at(ticks, i);
        total += tick->timestamp > from ? tick->figures[figure] : 0;
    }
    return total;
}
