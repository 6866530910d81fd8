/* SPDX-License-Identifier: MIT
 *
 * Anomalies as JSON: one row as an object, and a ring of the latest starts and ends. The ring keeps
 * text, since the identities of a row go with its snapshot. One thread at a time.
 */
#ifndef SERVER_HTTP_ANOMALY_LOG_H
#define SERVER_HTTP_ANOMALY_LOG_H

#include <stddef.h>

#include "server/core/buffer.h"
#include "server/http/json.h"
#include "server/metrics/snapshot.h"

#define ANOMALY_LOG_ROWS 1000

struct anomaly_log {
    struct buffer rows[ANOMALY_LOG_ROWS]; /* a JSON object each */
    size_t next;                          /* the oldest, once the ring is full */
    size_t count;
};

void anomaly_log_deinit(struct anomaly_log *log);

/* Takes in what started or ended with a closed snapshot. What memory does not suffice for is left
 * out. */
void anomaly_log_add(struct anomaly_log *log, const struct snapshot *closed);

/* Writes {"active":[…],"recent":[…]}, the latest first; `latest` tells what lasts and may be NULL.
 */
void anomaly_log_write(const struct anomaly_log *log, const struct snapshot *latest,
                       struct json *json);

#endif
