/* SPDX-License-Identifier: MIT
 *
 * Writes the samples of timers where there is a mapping, or statsd_exporter's rules give the names:
 * there ms, h and d may share a series, each rule has a scale, and a family quantiles or buckets of
 * its own. The part of sample.h for such families; the values are as shown, ms in seconds.
 */
#ifndef SERVER_HTTP_OBSERVER_H
#define SERVER_HTTP_OBSERVER_H

#include "server/http/sample.h"

/* Appends the lines of a series of a family of PROM_OBSERVER. */
void observer_write(struct sampler *sampler, const struct series *series, struct buffer *out);

#endif
