/* SPDX-License-Identifier: MIT
 *
 * CSV `timestamp,value` in, `timestamp,value,anomaly_score,severity` out, row by row and in
 * constant memory: what the detector said of each, as external scorers read it. Stamps and values
 * are echoed as they came.
 */
#ifndef TOOLS_SIGMACTL_BACKTEST_STREAM_H
#define TOOLS_SIGMACTL_BACKTEST_STREAM_H

#include <stdbool.h>
#include <stdio.h>

#include "config/config.h"

/* Bytes of a line; a longer one is a fault. */
#define BACKTEST_LINE_MAX 4096

/* Judges all of `in`. A row that is none is told on standard error as NAME:LINE: why, and passed
 * over; so is one whose value cannot be judged. False where there was one, where reading or
 * writing failed or memory ran out. */
bool backtest_stream(const struct config *config, FILE *in, const char *name, FILE *out);

#endif
