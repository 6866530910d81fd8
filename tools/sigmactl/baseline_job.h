/* SPDX-License-Identifier: MIT
 *
 * What `sigmactl baseline` does once its options are read: reads the run and the file, brings them
 * together, and says what came out. Results go to standard output, why there is none to standard
 * error. One thread; a job is done once.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_JOB_H
#define TOOLS_SIGMACTL_BASELINE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/sigmactl/baseline_measure.h"
#include "tools/sigmactl/baseline_update.h"
#include "tools/sigmactl/csv_series.h"
#include "tools/sigmactl/endpoint.h"

/* What is asked for, without faults; the last three members are the job's own. */
struct baseline_job {
    const char *path, *csv;
    struct endpoint server;
    uint64_t windows; /* of a running server; 0 = 60 */
    uint64_t skip_ms;
    double from, to, level;
    const char *metric, *threshold, *config_path, *markdown;
    bool reset, json, all, allow_missing;
    struct baseline_rules rules;
    struct baseline_wishes wishes;
    struct csv_series_list list;
    struct baseline_measures measures;
    struct baseline_file file;
};

/* The exit status of the program. */
int baseline_job_update(struct baseline_job *job);
int baseline_job_check(struct baseline_job *job);

#endif
