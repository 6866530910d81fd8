/* SPDX-License-Identifier: MIT
 *
 * The mix of types of a load as text: `c=50,ms=30,g=20`, or `c,ms` for equal shares. Pure.
 */
#ifndef TOOLS_SIGMACTL_LOAD_TYPES_H
#define TOOLS_SIGMACTL_LOAD_TYPES_H

#include <stdbool.h>

#include "proto/statsd.h"

#define LOAD_TYPES_DEFAULT "c=50,ms=30,g=20"

/* Reads it into `weights`, which are all 0 before. False when a type is unknown or given twice, or
 * a weight is not a positive number. */
bool load_types_parse(const char *text, double weights[STATSD_TYPES]);

#endif
