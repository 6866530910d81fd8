/* SPDX-License-Identifier: MIT
 *
 * Writes a report that has been concluded: Markdown for a terminal, a mail or an issue, or one HTML
 * file with plots. (JSON is server/http/report_json.h.) The same content in either: what changed,
 * what to do, load and losses, busiest and slowest series, trends, anomalies, alerts, the balance,
 * outputs and resources; a section without anything to show says so in a sentence, or is left out
 * where the report cannot know. A function of its input.
 */
#ifndef SERVER_REPORT_WRITE_H
#define SERVER_REPORT_WRITE_H

#include "server/core/buffer.h"
#include "server/report/model.h"

enum report_form { REPORT_MARKDOWN, REPORT_HTML, REPORT_FORMS };

void report_write(const struct report *report, enum report_form form, struct buffer *out);

#endif
