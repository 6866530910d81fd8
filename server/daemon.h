/* SPDX-License-Identifier: MIT
 *
 * The server as a whole: makes the parts in order, runs the main loop (signals, HTTP, refused
 * lines), and takes the parts down in reverse. Main thread only.
 */
#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

#include "config/config.h"
#include "server/core/mapping.h"

/* Runs until SIGTERM or SIGINT. Takes over `config` and its `mapper`, which came from `sources`
 * (settings_load()); a reload reads them again. Returns the exit status: 0 after a clean stop, 1
 * when it could not run. */
int daemon_run(struct config *config, struct mapper mapper, const struct config_sources *sources);

#endif
