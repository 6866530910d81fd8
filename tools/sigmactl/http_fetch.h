/* SPDX-License-Identifier: MIT
 *
 * A page of the running server for a command that can do nothing without it. One thread.
 */
#ifndef TOOLS_SIGMACTL_HTTP_FETCH_H
#define TOOLS_SIGMACTL_HTTP_FETCH_H

#include <stdbool.h>

#include "tools/sigmactl/http_client.h"

/* GETs `path`. False where no answer comes within `timeout_s`, or another than 200, which is told
 * on standard error in the name of the command; else http_reply_deinit() frees the reply. */
bool http_fetch(const char *command, const struct endpoint *server, const char *path, int timeout_s,
                struct http_reply *reply);

#endif
