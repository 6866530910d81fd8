/* SPDX-License-Identifier: MIT
 *
 * One line on the terminal that says how far a long command is. Nothing is written where standard
 * error is no terminal. One thread.
 */
#ifndef TOOLS_SIGMACTL_PROGRESS_H
#define TOOLS_SIGMACTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool active;
    uint64_t next_ns; /* monotonic */
};

void progress_start(struct progress *progress);

/* True a few times a second, when progress_show() is worth calling; never where there is no
 * terminal. */
bool progress_is_due(struct progress *progress, uint64_t now_ns);

/* Replaces the line. */
void progress_show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Removes the line. */
void progress_stop(struct progress *progress);

#endif
