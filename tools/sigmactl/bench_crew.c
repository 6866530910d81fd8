/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/bench_crew.h"

#include "server/core/clock.h"

static void *work(void *argument)
{
    struct bench_member *member = argument;
    struct bench_crew *crew = member->crew;
    for (;;) {
        pthread_barrier_wait(&crew->begin);
        size_t active = crew->active;
        if (active == 0) {
            return NULL;
        }
        if (member->worker < active) {
            bench_pipeline_take(crew->pipeline, member->worker, member->corpus);
        }
        pthread_barrier_wait(&crew->end);
    }
}

bool bench_crew_start(struct bench_crew *crew, struct bench_pipeline *pipeline,
                      const struct bench_corpus *const corpora[])
{
    crew->pipeline = pipeline;
    crew->count = pipeline->worker_count;
    pthread_barrier_init(&crew->begin, NULL, (unsigned)crew->count + 1);
    pthread_barrier_init(&crew->end, NULL, (unsigned)crew->count + 1);
    for (size_t i = 0; i < crew->count; i++) {
        struct bench_member *member = &crew->members[i];
        *member = (struct bench_member){.crew = crew, .worker = i, .corpus = corpora[i]};
        if (pthread_create(&member->thread, NULL, work, member) != 0) {
            return false;
        }
    }
    return true;
}

uint64_t bench_crew_take(struct bench_crew *crew, size_t active)
{
    crew->active = active;
    uint64_t begun = clock_monotonic_ns(&clock_system);
    pthread_barrier_wait(&crew->begin);
    pthread_barrier_wait(&crew->end);
    return clock_monotonic_ns(&clock_system) - begun;
}

void bench_crew_stop(struct bench_crew *crew)
{
    crew->active = 0;
    pthread_barrier_wait(&crew->begin);
    for (size_t i = 0; i < crew->count; i++) {
        pthread_join(crew->members[i].thread, NULL);
    }
    pthread_barrier_destroy(&crew->begin);
    pthread_barrier_destroy(&crew->end);
}
