/* SPDX-License-Identifier: MIT
 *
 * Collects the server's own figures from where they are kept, at the moment of the call, for the
 * pages that show them. Main thread.
 */
#ifndef SERVER_HTTP_FIGURES_H
#define SERVER_HTTP_FIGURES_H

#include "server/http/body.h"
#include "server/http/own_figures.h"

struct http_server;

/* Reads the figures of this moment; `sinks` is room for those of the sinks. */
void http_figures_read(struct http_server *server, struct own_sink sinks[],
                       struct own_figures *figures);

/* Renders the figures of this moment by `render`. The caller's reference; NULL without memory.
 * `snapshot` may be NULL; `format` is for own_figures_render(). */
struct body *http_figures_body(struct http_server *server, const struct snapshot *snapshot,
                               enum format format,
                               void (*render)(const struct own_figures *, struct buffer *));

#endif
