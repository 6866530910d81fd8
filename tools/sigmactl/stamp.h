/* SPDX-License-Identifier: MIT
 *
 * Moments as people write them on a command line or in a file of measurements, to Unix seconds and
 * back. UTC throughout. Pure functions, no allocation; any thread.
 */
#ifndef TOOLS_SIGMACTL_STAMP_H
#define TOOLS_SIGMACTL_STAMP_H

#include <stdbool.h>

#define STAMP_TEXT_MAX 32

/* Reads the whole text: Unix seconds `1764316800.5`; `2026-11-28T07:00:00Z`, also with a blank for
 * the T, without the Z, with a fraction of seconds, without seconds, or the date alone for its
 * midnight. False, with *seconds untouched, where it is anything else or there is no such day. */
bool stamp_parse(const char *text, double *seconds);

/* The same, and `now` and `-1h` (a duration before now, config/units.h), with now in Unix seconds.
 */
bool stamp_parse_relative(const char *text, double now, double *seconds);

/* Writes `2026-11-28T07:00:00Z`, with three decimals where it is not a whole second; stamps that
 * are no date of four digits of year as the plain number. */
void stamp_format(char out[STAMP_TEXT_MAX], double seconds);

#endif
