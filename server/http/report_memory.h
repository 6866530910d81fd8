/* SPDX-License-Identifier: MIT
 *
 * What the server remembers for its reports, whether anybody asks for one or not: the counts of its
 * latest windows, the latest anomalies with their reasons, and who sent lines that were refused. A
 * fixed size, but for the texts of the anomalies. Main thread.
 */
#ifndef SERVER_HTTP_REPORT_MEMORY_H
#define SERVER_HTTP_REPORT_MEMORY_H

#include <stddef.h>

#include "server/metrics/snapshot.h"
#include "server/report/model.h"
#include "server/report/ticks.h"

#define REPORT_MEMORY_ANOMALIES 256

/* All zero is empty. */
struct report_memory {
    struct ticks ticks;
    struct report_anomaly anomalies[REPORT_MEMORY_ANOMALIES];
    size_t next, count;                           /* of the ring of anomalies */
    struct report_sender senders[REPORT_SENDERS]; /* the most lines first */
    size_t sender_count;
    uint64_t refusals;
};

void report_memory_deinit(struct report_memory *memory);

/* Takes in a closed snapshot: what started and what ended with it. */
void report_memory_close(struct report_memory *memory, const struct snapshot *closed);

/* Counts a refused line for its sender, in the place of the one with fewest lines where there is no
 * other (Metwally's space saving, 2005: a count may be too high by that sender's). */
void report_memory_refuse(struct report_memory *memory, const char *sender, const char *line,
                          const char *reason);

/* Gives the report what lies within its time. */
void report_memory_tell(const struct report_memory *memory, struct report *report);

#endif
