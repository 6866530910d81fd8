/* SPDX-License-Identifier: MIT
 *
 * Quantities as people write them in a configuration file: durations, sizes, rates, percents, octal
 * modes, whole numbers. Pure functions over NUL-terminated text without surrounding blanks; every
 * one returns false and leaves its result untouched where the text is anything else. Thread-safe,
 * no allocation.
 */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest duration in ms and size in bytes; both fit a double exactly. */
#define UNITS_LARGEST 1000000000000000

/* Bytes that a formatting function may write, including the closing NUL. */
#define UNITS_TEXT_MAX 32

/* `500ms 10s 5m 1h 2d`, also with a fraction that comes out as whole milliseconds (1.5s). Only 0
 * stands without a unit. */
bool units_parse_duration(const char *text, uint64_t *ms);

/* `4096`, `64KiB`, `1.5GiB`: bytes, or B, KiB, MiB, GiB, TiB with a whole number of bytes as
 * result. */
bool units_parse_size(const char *text, uint64_t *bytes);

/* `10%` gives 0.1; only 0 stands without the sign. Never negative. */
bool units_parse_percent(const char *text, double *fraction);

/* `10/min`: a whole number up to a million a s, min, h or d. The burst is that number; 0 stands
 * alone. */
bool units_parse_rate(const char *text, double *per_second, unsigned *burst);

/* `0640`: three or four octal digits. */
bool units_parse_octal(const char *text, unsigned *mode);

/* Decimal digits, at most UNITS_LARGEST. */
bool units_parse_whole(const char *text, uint64_t *value);

/* The shortest whole text that reads back as the same quantity, for instance `1d`, `90s`, `64KiB`.
 * Returns the length. */
size_t units_format_duration(char out[UNITS_TEXT_MAX], uint64_t ms);
size_t units_format_size(char out[UNITS_TEXT_MAX], uint64_t bytes);

#endif
