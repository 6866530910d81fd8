/* SPDX-License-Identifier: MIT
 *
 * Sends what a load plan renders, at a pace. A metric's time is start + number / rate, for every
 * metric from the same start, so that lateness never adds up; a datagram leaves when its last
 * metric is due, at the latest a millisecond later. One thread; the run owns its sockets, not the
 * plan.
 */
#ifndef TOOLS_SIGMACTL_LOAD_RUN_H
#define TOOLS_SIGMACTL_LOAD_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/sigmactl/endpoint.h"
#include "tools/sigmactl/load_plan.h"
#include "tools/sigmactl/socket.h"

#define LOAD_SOCKETS_MAX 256

/* A paced run that the receiver or the machine slows down ends this much after its duration. */
#define LOAD_GRACE_MS 1000

struct load_run_options {
    struct endpoint target;
    double rate; /* metrics a second; 0 = as fast as they can be sent */
    uint64_t metrics_max;
    uint64_t duration_ms; /* 0 = until metrics_max */
    uint64_t sockets;     /* batches take turns on them; 1 to LOAD_SOCKETS_MAX */
    uint64_t datagram_bytes_max;
    bool gso; /* one call hands the kernel many datagrams (UDP_SEGMENT); they must be of one size
                 but for the last of all */
};

struct load_result {
    uint64_t datagrams;
    uint64_t bytes;       /* of payload */
    double seconds;       /* from the start of the pace until the last datagram was sent */
    uint64_t send_errors; /* attempts that failed for a moment; all were repeated */
    uint64_t refused;     /* datagrams that went out and were answered by an ICMP error */
    bool late;            /* ended at its duration with metrics still due */
    bool interrupted;     /* by SIGINT or SIGTERM */
};

/* Sends all of it, or until the duration ends or a signal comes; whatever the plan rendered was
 * sent then. False with the reason when a socket could not be had or sending failed for good. */
bool load_run(struct load_plan *plan, const struct load_run_options *options,
              struct load_result *result, char reason[SOCKET_REASON_MAX]);

#endif
