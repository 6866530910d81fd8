/* SPDX-License-Identifier: MIT
 *
 * What the scheduler charged a thread of this process, and where threads run; for benchmarks.
 */
#ifndef TESTS_BENCH_THREADS_H
#define TESTS_BENCH_THREADS_H

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/core/require.h"

struct threads_usage {
    uint64_t cpu_ns; /* user and system */
    uint64_t waits;  /* times it went to sleep by itself */
};

/* The calling thread and those it begins run on this processor only, where there is one. */
static inline void threads_pin(size_t processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static inline FILE *threads_open(const char *task, const char *file)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", task, file);
    return fopen(path, "re");
}

static inline int threads_is_named(const char *task, const char *name)
{
    char found[32] = "";
    FILE *file = threads_open(task, "comm");
    if (file) {
        if (fgets(found, sizeof(found), file)) {
            found[strcspn(found, "\n")] = '\0';
        }
        fclose(file);
    }
    return strcmp(found, name) == 0;
}

static inline void threads_read(const char *task, struct threads_usage *usage)
{
    char line[200];
    FILE *file = threads_open(task, "schedstat");
    REQUIRE(file && fscanf(file, "%" SCNu64, &usage->cpu_ns) == 1);
    fclose(file);
    file = threads_open(task, "status");
    REQUIRE(file);
    while (fgets(line, sizeof(line), file)) {
        sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &usage->waits);
    }
    fclose(file);
}

/* Of the first thread with this name, which must be there. */
static inline void threads_usage(const char *name, struct threads_usage *usage)
{
    DIR *tasks = opendir("/proc/self/task");
    REQUIRE(tasks);
    struct dirent *entry;
    while ((entry = readdir(tasks)) && !threads_is_named(entry->d_name, name)) {
    }
    REQUIRE(entry);
    threads_read(entry->d_name, usage);
    closedir(tasks);
}

#endif
