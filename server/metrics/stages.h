/* SPDX-License-Identifier: MIT
 *
 * How long each part of closing a window took: stamps that the flusher takes as it goes, a few a
 * window. A profile says where a thread spends its time; this says where a flush does. Plain data.
 */
#ifndef SERVER_METRICS_STAGES_H
#define SERVER_METRICS_STAGES_H

#include <stdint.h>

enum flush_stage {
    STAGE_COLLECT, /* waiting for the workers' slices, and merging them */
    STAGE_DERIVE,  /* rows from accumulators, statistics handed to the detector on the way */
    STAGE_DETECT,  /* what of judging comes behind the rows: the list of what lasts */
    STAGE_ALERT,   /* conditions of [alert] */
    STAGE_PUBLISH, /* sinks take the snapshot; network sinks render it */
    STAGE_EXPIRE,  /* idle series */
    FLUSH_STAGES
};
const char *flush_stage_name(enum flush_stage stage); /* "collect", … */

/* All zero where no window was closed yet. */
struct flush_stages {
    uint64_t window;   /* number of the window */
    int64_t wall_ns;   /* Unix time when its closing began */
    uint64_t begun_ns; /* monotonic, the same moment */
    struct {
        uint64_t begun_ns, ended_ns; /* monotonic; both 0 where the stage did not run */
    } stages[FLUSH_STAGES];
    uint64_t ended_ns;
};

#endif
