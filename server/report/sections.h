/* SPDX-License-Identifier: MIT
 *
 * The parts of a report's content, in the terms of page.h. Private to write.c.
 */
#ifndef SERVER_REPORT_SECTIONS_H
#define SERVER_REPORT_SECTIONS_H

#include "server/report/page.h"

/* sections_series.c: what is told of the series. */
void section_changed(struct page *page, const struct report *report);
void section_busiest(struct page *page, const struct report *report);
void section_slowest(struct page *page, const struct report *report);
void section_trends(struct page *page, const struct report *report);
void section_tags(struct page *page, const struct report *report);

/* sections_events.c: anomalies and alerts. */
void section_anomalies(struct page *page, const struct report *report);
void section_alerts(struct page *page, const struct report *report);

/* sections_server.c: the server itself. */
void section_load(struct page *page, const struct report *report);
void section_balance(struct page *page, const struct report *report);
void section_sinks(struct page *page, const struct report *report);
void section_resources(struct page *page, const struct report *report);

#endif
