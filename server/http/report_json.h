/* SPDX-License-Identifier: MIT
 *
 * A report as JSON, for programs: the same content as its Markdown, recommendations with their
 * settings above all. A function of its input.
 */
#ifndef SERVER_HTTP_REPORT_JSON_H
#define SERVER_HTTP_REPORT_JSON_H

#include "server/core/buffer.h"
#include "server/report/model.h"

void report_json_write(const struct report *report, struct buffer *out);

#endif
