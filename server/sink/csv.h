/* SPDX-License-Identifier: MIT
 *
 * The sink that writes CSV files: counters.csv, gauges.csv and so on (csv_rows.h) in one folder,
 * on a writer thread of its own, which also compresses and deletes closed files
 * between windows. It does not lock the folder: whoever starts it has done so, since a second
 * writer would mend and rotate the files of the first.
 *
 * A window that cannot be written (a full disk, an I/O error) stays in the queue and is tried
 * again, with pauses from 250 ms to 5 s and whenever the next window comes. Files that could be
 * written have it once; the others follow, in order and without holes, when the fault is gone. The
 * queue's bounds are those of csv_queue.h; beyond them the oldest window is given up, counted as
 * lost and logged.
 */
#ifndef SERVER_SINK_CSV_H
#define SERVER_SINK_CSV_H

#include <stddef.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/sink/sink.h"

/* Makes the folder where it is missing, opens and mends its files, and starts the writer thread.
 * config->csv.directory is not NULL. NULL, with the cause in `reason`, when the folder or a file in
 * it cannot be used; a full disk is no such cause. `clock` must outlive the sink; it gives ages and
 * the time between two tries. `notify` is called on the writer thread. */
struct sink *csv_sink_new(const struct config *config, const struct clock *clock,
                          sink_notify *notify, void *context, char *reason, size_t reason_size);

/* Takes over the csv section of another configuration, its directory excepted. The percentile
 * columns are those of the snapshots. Any thread. */
void csv_sink_configure(struct sink *base, const struct config *config);

#endif
