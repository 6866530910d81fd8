/* SPDX-License-Identifier: MIT
 *
 * Threads that drive a pipeline's workers, one each. They wait between two passes, and a pass may
 * be run by some of them only, so that one worker and several can be timed by turns in one process.
 */
#ifndef TOOLS_SIGMACTL_BENCH_CREW_H
#define TOOLS_SIGMACTL_BENCH_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/sigmactl/bench_pipeline.h"

struct bench_crew;

struct bench_member {
    struct bench_crew *crew;
    size_t worker;
    const struct bench_corpus *corpus;
    pthread_t thread;
};

struct bench_crew {
    struct bench_pipeline *pipeline;
    struct bench_member members[BENCH_WORKERS_MAX];
    size_t count;
    size_t active; /* in the next pass; 0 ends the threads */
    pthread_barrier_t begin, end;
};

/* A thread for each worker of the pipeline; the i-th takes corpora[i]. Pipeline and corpora outlive
 * the crew. False where a thread could not be had: those before it then wait for a pass that never
 * comes, and the crew has to stay where it is until the program ends. */
bool bench_crew_start(struct bench_crew *crew, struct bench_pipeline *pipeline,
                      const struct bench_corpus *const corpora[]);

/* The first `active` workers, 1 to all, take their corpus once, at the same time. Returns the time
 * in ns until the last of them is done. */
uint64_t bench_crew_take(struct bench_crew *crew, size_t active);

void bench_crew_stop(struct bench_crew *crew);

#endif
