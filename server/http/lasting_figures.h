/* SPDX-License-Identifier: MIT
 *
 * The families of what lasts: `sigmad_anomaly`, `sigmad_alerts` and the totals of alerts. A gauge
 * of 1 for each, whose labels say what it is; a family is not there while nothing lasts. Prometheus
 * writes a series ALERTS of its own from its rules, so that ours are named apart from it. A
 * function of its input.
 */
#ifndef SERVER_HTTP_LASTING_FIGURES_H
#define SERVER_HTTP_LASTING_FIGURES_H

#include "server/http/figure_writer.h"
#include "server/metrics/snapshot.h"

/* So many alerts are shown one by one, those that fire before those that are pending; the totals
 * have all. */
#define LASTING_ALERTS_MAX 1000

void lasting_figures_render(const struct snapshot *snapshot, struct figure_writer *out);

#endif
