/* SPDX-License-Identifier: MIT
 *
 * etsy statsd's management console: lines of text over TCP. Whoever may connect may delete, so it
 * is off unless configured. Main thread's event base; all calls come from there.
 */
#ifndef SERVER_CONSOLE_CONSOLE_H
#define SERVER_CONSOLE_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/flush/flusher.h"
#include "server/metrics/figures.h"
#include "server/sink/sink.h"

struct event_base;
struct console;

struct console_options {
    struct event_base *base;
    const struct config *config; /* must outlive the console or the next console_configure() */
    const struct clock *clock;
    struct flusher *flusher;
    struct sink *const *sinks;
    size_t sink_count;
    uint64_t started_ns; /* monotonic */
    /* The ingest totals of all workers. */
    void (*ingest)(void *context, struct ingest_figures *figures);
    void *context;
};

/* Binds every address of console.listen. NULL with the reason when one cannot be. */
struct console *console_new(const struct console_options *options, char *reason,
                            size_t reason_size);

/* The bound addresses, comma-separated. */
void console_addresses(const struct console *console, char *out, size_t out_size);

/* The flusher has something new: looks at who waits. */
void console_wake(struct console *console);

void console_configure(struct console *console, const struct config *config);

/* Closes everything. The flusher must have been stopped, or not been started. NULL is allowed. */
void console_free(struct console *console);

#endif
