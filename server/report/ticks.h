/* SPDX-License-Identifier: MIT
 *
 * What the server counted in each of its latest windows, so that a report can tell when it lost
 * something, and how hard it worked: a ring of so many windows, whatever else is kept. One thread;
 * no allocation. All zero is empty.
 */
#ifndef SERVER_REPORT_TICKS_H
#define SERVER_REPORT_TICKS_H

#include <stddef.h>
#include <stdint.h>

#include "server/metrics/figures.h"

#define TICKS_MAX 720
#define TICKS_WORKERS 64

enum tick_figure {
    TICK_RECEIVED,  /* samples, in the window */
    TICK_DATAGRAMS, /* received, in the window */
    TICK_DROPPED,   /* datagrams, by the kernel, in the window */
    TICK_REFUSED,   /* lines and samples, in the window */
    TICK_LATE,      /* samples, in the window */
    TICK_BYTES,     /* received, in the window */
    TICK_DURATION,  /* seconds the close took */
    TICK_SERIES,    /* at its end */
    TICK_MEMORY,    /* bytes of the pool, at its end */
    TICK_CPU,       /* share of a processor that the process took */
    TICK_WORKER,    /* share of a processor that the busiest worker took */
    TICK_FIGURES
};

struct tick {
    double timestamp; /* of the window's end */
    double seconds;   /* its length */
    double figures[TICK_FIGURES];
    struct ingest_figures ingest; /* what was counted in the window */
};

struct ticks {
    struct tick items[TICKS_MAX];
    size_t next; /* place of the next one; of the oldest, once the ring is full */
    size_t count;
    struct ingest_figures before; /* totals at the latest */
    double cpu_before, worker_before[TICKS_WORKERS];
};

/* Totals at the end of a window. */
struct tick_totals {
    const struct ingest_figures *ingest;
    const struct flush_figures *flush;
    double cpu_seconds;
    const double *worker_seconds; /* processor time of each worker, `workers` of them, at most
                                     TICKS_WORKERS */
    size_t workers;
};

/* A window has ended: what the totals have grown by is its. */
void ticks_add(struct ticks *ticks, double timestamp, double seconds,
               const struct tick_totals *totals);

/* The i-th, the oldest first. */
const struct tick *ticks_at(const struct ticks *ticks, size_t i);

/* The tick that has most of a figure, of those that end after `from`; NULL where there is none. */
const struct tick *ticks_most(const struct ticks *ticks, enum tick_figure figure, double from);

/* What was counted in all of those. */
void ticks_ingest(const struct ticks *ticks, double from, struct ingest_figures *figures);

#endif
