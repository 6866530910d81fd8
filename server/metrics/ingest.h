/* SPDX-License-Identifier: MIT
 *
 * One worker's figures, readable by any thread at any time as one consistent whole, so that the
 * balance closes at every moment. A sequence lock with one writer: the worker publishes once a
 * batch and never waits; a reader that meets a write tries again.
 */
#ifndef SERVER_METRICS_INGEST_H
#define SERVER_METRICS_INGEST_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/metrics/figures.h"

#define INGEST_WORDS (sizeof(struct ingest_figures) / sizeof(uint64_t))

struct ingest {
    _Atomic uint32_t version; /* odd while a write is under way */
    _Atomic uint64_t words[INGEST_WORDS];
};

/* Worker. */
void ingest_publish(struct ingest *ingest, const struct ingest_figures *figures);

/* Any thread. */
void ingest_read(struct ingest *ingest, struct ingest_figures *figures);

#endif
