/* SPDX-License-Identifier: MIT
 *
 * How long each part of closing a window took: stamps that the flusher takes as it goes, a few a
 * window. A profile says where a thread spends its time; this says where a flush does. Plain data.
 */
#ifndef SERVER_METRICS_STAGES_H
#define SERVER_METRICS_STAGES_H

#include <stddef.h>
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

/* Stamps of the flusher's; `stages` may be NULL where nobody looks. */
static inline void flush_stage_begin(struct flush_stages *stages, enum flush_stage stage,
                                     uint64_t now_ns)
{
    if (stages) {
        stages->stages[stage].begun_ns = now_ns;
    }
}

static inline void flush_stage_end(struct flush_stages *stages, enum flush_stage stage,
                                   uint64_t now_ns)
{
    if (stages) {
        stages->stages[stage].ended_ns = now_ns;
    }
}

/* How long it took; 0 where it did not run. */
static inline double flush_stage_seconds(const struct flush_stages *stages, enum flush_stage stage)
{
    return (double)(stages->stages[stage].ended_ns - stages->stages[stage].begun_ns) / 1e9;
}

#endif
