/* SPDX-License-Identifier: MIT
 *
 * The server's own families, `sigmad_*` and `process_*`, in the formats of /metrics. They
 * are read at scrape time and rendered apart from the series that were received, whose names never
 * begin so. A function of its input.
 */
#ifndef SERVER_HTTP_OWN_FIGURES_H
#define SERVER_HTTP_OWN_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/http/format.h"
#include "server/metrics/figures.h"
#include "server/metrics/snapshot.h"
#include "server/resources/allocator.h"
#include "server/resources/process.h"
#include "server/sink/sink.h"

struct own_sink {
    const char *name;
    const char *notifier; /* NULL of other outputs */
    bool aside;           /* as struct sink_ops has it */
    struct sink_figures figures;
};

struct own_figures {
    struct ingest_figures ingest;
    struct flush_figures flush;
    struct process_figures process;
    struct allocator_figures allocator;
    const struct own_sink *sinks;
    size_t sink_count;
    uint64_t conflicts;          /* exposition_conflicts() */
    size_t naming_waiting;       /* exposition_waiting() */
    uint64_t naming_limited;     /* exposition_limited() */
    bool dropped_is_lower_bound; /* server.udp_gro */
    enum format format;
    const struct snapshot *snapshot; /* for what lasts; may be NULL */
};

void own_figures_render(const struct own_figures *figures, struct buffer *out);

#endif
