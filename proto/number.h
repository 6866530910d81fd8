/* SPDX-License-Identifier: MIT
 *
 * Decimal text to double and back. Parsing is correctly rounded (equal to strtod in the C locale)
 * and stricter: no blanks, hexadecimal, infinity, NaN or digit separators. Formatting is the
 * shortest text that reads back as the same double. Thread-safe, no allocation, independent of the
 * locale.
 */
#ifndef PROTO_NUMBER_H
#define PROTO_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that number_format() may write, including the closing NUL. */
#define NUMBER_TEXT_MAX 32

/* Reads the whole of `text` as [+-] digits [. digits] [e [+-] digits] with at least one digit
 * before the exponent. False, with *value untouched, when it is anything else, longer than 1,024
 * bytes, or too large for a double. Underflow gives 0 or a subnormal. */
bool number_parse(const char *text, size_t length, double *value);

/* Writes `value` in shortest round-trip form: integers below 1e15 without exponent or point; other
 * values from 1e-4 to below 1e15 like 0.1 or 1234567.89; the rest like 1e+50, 2.5e-05
 * or 1.964393875e-314, with at least two digits of exponent; NaN, +Inf and -Inf by these words.
 * Negative zero is written 0. Ends with NUL; returns the length without it. */
size_t number_format(char out[NUMBER_TEXT_MAX], double value);

/* The same digits laid out as JavaScript does (ECMA-262, Number::toString): without exponent from
 * 1e-6 to below 1e21, else 1e+21 or 1e-7 with as few digits of exponent as there are; Infinity and
 * -Infinity by these words. What etsy's statsd prints. */
size_t number_format_javascript(char out[NUMBER_TEXT_MAX], double value);

#endif
