/* SPDX-License-Identifier: MIT
 *
 * What the system says of this process, read from /proc and getrlimit() at the moment of the call.
 * What cannot be read is 0. Any thread.
 */
#ifndef SERVER_RESOURCES_PROCESS_H
#define SERVER_RESOURCES_PROCESS_H

#include <stddef.h>
#include <stdint.h>

struct process_figures {
    double cpu_seconds;        /* user and system */
    double start_time_seconds; /* Unix seconds */
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t threads;
    uint64_t open_fds;
    uint64_t max_fds;
};

void process_figures_read(struct process_figures *figures);

/* Processor time in seconds of the threads that are named worker-N, by N, of those below `max`.
 * Returns one more than the largest N. */
size_t process_read_workers(double *seconds, size_t max);

#define THREAD_NAME_BYTES 17

struct thread_time {
    char name[THREAD_NAME_BYTES];
    long id;
    double cpu_seconds; /* user and system */
};

/* The threads of the process, at most `max`. Returns how many were read. */
size_t process_read_threads(struct thread_time *threads, size_t max);

#endif
