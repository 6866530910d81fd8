/* SPDX-License-Identifier: MIT
 *
 * Series as rows of CSV come in: a track is what has been read of one, a mean at each point of the
 * report and sums over all windows. One thread.
 */
#ifndef TOOLS_SIGMACTL_REPORT_TRACKS_H
#define TOOLS_SIGMACTL_REPORT_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/index.h"
#include "server/report/points.h"
#include "server/report/series.h"
#include "server/sink/csv_rows.h"
#include "tools/sigmactl/csv_reader.h"

/* Columns that have points, as far as a kind of row has them. */
#define TRACK_LINES 5

struct track;

struct tracks {
    struct points points;
    struct index index;
    struct track *first; /* all of them, the latest first */
    size_t bytes, bytes_max;
    uint64_t left_out; /* rows of series for which there was no room */
};

/* False without memory. */
bool tracks_init(struct tracks *tracks, struct points points, size_t bytes_max);
void tracks_deinit(struct tracks *tracks);

/* Takes in a row of counters.csv, gauges.csv, timers.csv or sets.csv. False without memory. */
bool tracks_add(struct tracks *tracks, enum csv_kind kind, const struct csv_row *row);

/* The track behind another one, the first one of all where that is NULL; NULL at the end. */
const struct track *tracks_next(const struct tracks *tracks, const struct track *behind);

/* What has been read of it, as a report takes it; names are the track's. */
void track_read(const struct track *track, const struct points *points, struct series *series);

#endif
