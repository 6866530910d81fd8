/* SPDX-License-Identifier: MIT
 *
 * What two servers say of the same windows, in Graphite's plaintext: values by window and path, and
 * where they differ. Windows are told by their stamps, in whole intervals, so that a server that
 * flushes a moment later is in the same one. Bounded; no I/O; one thread.
 */
#ifndef TOOLS_SIGMACTL_SHADOW_WINDOWS_H
#define TOOLS_SIGMACTL_SHADOW_WINDOWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values that are kept, over all windows; more are refused and counted. */
#define SHADOW_VALUES_MAX 1000000

enum shadow_side { SHADOW_OLD, SHADOW_NEW, SHADOW_SIDES };

struct shadow_windows {
    json_t *windows; /* by number, then by path: [old, new] */
    double interval_s;
    size_t values;
    uint64_t refused, unreadable;
    int64_t first[SHADOW_SIDES], latest[SHADOW_SIDES]; /* INT64_MIN while there is none */
};

/* False without memory. */
bool shadow_windows_init(struct shadow_windows *windows, double interval_s);
void shadow_windows_deinit(struct shadow_windows *windows);

/* A line `path value stamp` without its LF. */
void shadow_windows_add(struct shadow_windows *windows, enum shadow_side side, const char *line,
                        size_t length);

/* The oldest window that both servers have begun after and closed; false while there is none. The
 * first one of each is left out, since it may not be whole. The caller lets go of *paths, an object
 * of [old, new], of which one may be null. */
bool shadow_windows_next(struct shadow_windows *windows, int64_t *number, json_t **paths);

/* |old - new| over the larger of both; 0 where they are equal. */
double shadow_difference(double old, double new);

#endif
