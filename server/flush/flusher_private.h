/* SPDX-License-Identifier: MIT
 *
 * The flusher's own struct, for its files: flusher.c is the thread and what others ask of it,
 * flusher_round.c one round of its work, which knows nothing of who asked, flusher_log.c what the
 * log is told of a window.
 */
#ifndef SERVER_FLUSH_FLUSHER_PRIVATE_H
#define SERVER_FLUSH_FLUSHER_PRIVATE_H

#include <pthread.h>

#include "server/alert/engine.h"
#include "server/detect/detector.h"
#include "server/flush/flusher.h"
#include "server/flush/graveyard.h"
#include "server/flush/published.h"
#include "server/flush/resource_series.h"
#include "server/flush/window.h"
#include "server/history/history.h"

struct slice;

struct flusher {
    struct flusher_options options;
    const struct config *config;
    struct pool_cache *cache;
    struct detector *detector;
    struct alert_engine *alerts;
    struct history *history;
    struct resource_series *resources;
    struct graveyard graveyard;
    struct published published;
    struct window window;
    struct slice **slices;      /* of one round */
    struct flush_stages stages; /* of the window that is being closed, or was last */
    uint64_t sequence, windows;
    uint64_t started_ns;
    uint64_t approximations; /* told of */
    uint64_t substitutes;    /* likewise */
    bool reconfigured;       /* with the window in hand */
    int wake_fd;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    const struct config *next_config;
    struct removal *removals, **removals_end; /* not begun, in the order they came */
    uint64_t asked[FLUSHER_WORKS], done[FLUSHER_WORKS];
    uint64_t done_window; /* the window that the latest FLUSHER_CLOSE closed */
    struct flush_figures figures;
    bool stopping;
};

struct moment {
    uint64_t monotonic_ns;
    int64_t wall_ns;
};

/* Both clocks at one moment: a thread that lost its processor between two readings would take that
 * for a step of the wall clock, so readings too far apart are taken again. */
struct moment flusher_clocks(const struct flusher *flusher);

/* Sleeps until `until_ns`, or until somebody writes to the eventfd, or for a second. */
void flusher_wait(struct flusher *flusher, uint64_t until_ns);

/* Shows the open window: all that was received before the call, in a snapshot that is not closed.
 */
void flusher_view(struct flusher *flusher);

/* Removes what these ask for, of all that was received before the call, and answers them. */
void flusher_remove_series(struct flusher *flusher, struct removal *removals);

/* Ends the window and begins the next. `drain`: all that was received before the call is in it,
 * which a boundary does not wait for. `final`: the short window of a stop. Without memory for the
 * snapshot the window goes on, to be closed at the next boundary with all it held. */
void flusher_close_window(struct flusher *flusher, bool drain, bool final);

/* Says what began and ended with a closed window. */
void flusher_log_window(const struct snapshot *snapshot);

#endif
