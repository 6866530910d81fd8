/* SPDX-License-Identifier: MIT
 *
 * The inside of the CSV sink: what its functions and its writer thread share. For csv.c and
 * csv_writer.c only.
 */
#ifndef SERVER_SINK_CSV_WRITER_H
#define SERVER_SINK_CSV_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/core/buffer.h"
#include "server/core/clock.h"
#include "server/sink/csv_file.h"
#include "server/sink/csv_queue.h"
#include "server/sink/csv_retain.h"
#include "server/sink/sink.h"

/* What the writer knows of one file's latest attempts. */
struct csv_attempt {
    uint64_t at_ns;    /* monotonic */
    uint64_t pause_ns; /* until the next one */
};

struct csv_sink {
    struct sink base; /* must be first */
    const struct clock *clock;
    sink_notify *notify; /* guarded: taken away when the thread outlives stop() */
    void *context;
    char *directory;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* either side; on the monotonic clock of the system */

    /* Guarded by the lock. */
    struct csv_queue queue;
    struct csv_settings settings_wanted;
    bool configure, reopen, arrived, stopping, ended;
    uint64_t stop_at_ns; /* on the system's monotonic clock */
    uint64_t errors, windows_lost, bytes_sent;
    unsigned failing; /* a bit for each file whose latest attempt failed */
    char reasons[CSV_KINDS][160];
    double row_bytes[CSV_KINDS]; /* bytes a row of the snapshot came to in the latest window */

    /* The writer thread's own. */
    struct csv_settings settings;
    struct csv_file files[CSV_KINDS];
    struct csv_retain retain;
    struct csv_attempt attempts[CSV_KINDS];
    unsigned blocked; /* a bit for each file that waits for its next attempt */
    struct buffer header, rows;
    unsigned writes_in_row; /* since the latest step of tidying */
    uint64_t rotations_seen, bytes_seen, look_at_ns;
    uint64_t lost_logged, lost_log_at_ns;
    uint64_t window_told; /* done_window at the latest notify() */
    uint64_t errors_told;
};

/* The thread's body for pthread_create(), given the struct csv_sink. It ends once `stopping` is set
 * and the queue is empty or `stop_at_ns` has come; what is left then is counted as lost and logged.
 */
void *csv_writer_run(void *argument);

#endif
