/* SPDX-License-Identifier: MIT
 *
 * The JSON form of exec_lines.h. Members are those of /api/v1/snapshot; numbers that are not finite
 * are null.
 */
#ifndef SERVER_SINK_EXEC_JSON_H
#define SERVER_SINK_EXEC_JSON_H

#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"

/* Appends one object and a LF. */
void exec_json_render(const struct snapshot *snapshot, struct buffer *out);

#endif
