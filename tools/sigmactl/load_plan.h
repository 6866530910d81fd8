/* SPDX-License-Identifier: MIT
 *
 * What a load generator sends: an endless run of metrics that follows from its shape and seed
 * alone, cut into datagrams. Names, tags and values are rendered beforehand, so that a metric costs
 * a draw and three short copies. It keeps the exact sums of what it rendered. No I/O and no clock;
 * one thread.
 */
#ifndef TOOLS_SIGMACTL_LOAD_PLAN_H
#define TOOLS_SIGMACTL_LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/statsd.h"

#define LOAD_SERIES_MAX 20000000
#define LOAD_TAGS_MAX 32
#define LOAD_PREFIX_MAX 256

/* load_plan_render() may write this much beyond the datagram. */
#define LOAD_SLACK_BYTES 32

struct load_shape {
    const char *prefix;           /* names are PREFIX.TYPE.NUMBER, as in load.ms.000017 */
    uint64_t series;              /* shared out over the types by weight, at least one each */
    double weights[STATSD_TYPES]; /* share of the samples; 0 = none of this type */
    double zipf;   /* within a type the r-th series gets a share of r^-zipf; 0 = all alike */
    uint64_t tags; /* a series */
    uint64_t seed;
    uint64_t datagram_bytes_max;
    uint64_t datagram_metrics_max;
    bool uniform; /* every line has the same length, and so has every full datagram */
};

/* Sums are in thousandths, which hold every value that is sent exactly. */
struct load_tally {
    uint64_t metrics;
    uint64_t samples[STATSD_TYPES];
    uint64_t thousandths[STATSD_TYPES]; /* sum of the values; of no use for gauges and sets */
};

struct load_plan;

/* NULL with the reason (a constant string) when the shape cannot be had. The prefix must outlive
 * the plan. */
struct load_plan *load_plan_new(const struct load_shape *shape, const char **reason);

/* Renders the next datagram of at most `metrics_max` metrics (at least 1) into `out`, lines parted
 * by LF, with one LF at the end that is not counted in the length it returns. `out` has room for
 * datagram_bytes_max + LOAD_SLACK_BYTES. Adds to the tally. */
size_t load_plan_render(struct load_plan *plan, char *out, uint64_t metrics_max);

const struct load_tally *load_plan_tally(const struct load_plan *plan);

/* Writes CSV `metric,count`: each counter's sum and the number of samples of each ms, h and d
 * series, for what was rendered. False when the file failed. */
bool load_plan_write_expected(const struct load_plan *plan, FILE *out);

void load_plan_free(struct load_plan *plan);

#endif
