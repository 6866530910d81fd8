/* SPDX-License-Identifier: MIT
 *
 * How timers are shown where there is a mapping, or statsd_exporter's rules give the names:
 * there ms, h and d may share a series, each rule has a scale, and a family quantiles or buckets of
 * its own. The part of sample.h for such families; the values are as shown, ms in seconds.
 */
#ifndef SERVER_HTTP_OBSERVER_H
#define SERVER_HTTP_OBSERVER_H

#include "server/http/sample.h"

/* Fills the view of a series of a family of PROM_OBSERVER; its unit is 1. The lists it points to
 * hold until the next such call. */
void observer_view(struct sampler *sampler, const struct series *series, struct timer_view *view);

#endif
