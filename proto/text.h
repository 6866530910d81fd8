/* SPDX-License-Identifier: MIT
 *
 * Escaping for the formats that sigmad writes, and UTF-8 checking. Every function writes to the
 * caller's buffer, never a NUL, and returns the bytes written; the bound a byte of input is in its
 * contract.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
 */
bool text_is_utf8(const char *text, size_t length);

/* One CSV field (RFC 4180): CR, LF and backslash become `\r`, `\n`, `\\`, so that a row is always
 * one line; a field with comma or quote is quoted and quotes doubled. At most 2 * length + 2 bytes.
 */
size_t text_escape_csv(char *out, const char *text, size_t length);

/* The same quoting for text whose backslash escapes are already in place (tags_format_csv). */
size_t text_quote_csv(char *out, const char *text, size_t length);

/* The inside of a JSON string (RFC 8259), without its quotes. Each byte that is not part of
 * well-formed UTF-8 becomes U+FFFD. At most 6 * length bytes. */
size_t text_escape_json(char *out, const char *text, size_t length);

/* The inside of a Prometheus label value: backslash, quote and LF escaped. At most 2 * length
 * bytes. */
size_t text_escape_label(char *out, const char *text, size_t length);

/* A metric's name as etsy statsd keeps it: blanks in a row become one '_', '/' becomes '-', and all
 * but letters, digits and _ - . ; = of ASCII is left out. `out` has room for `length` bytes and may
 * be `text`; returns the length, 0 where nothing is left. */
size_t text_clean_name(char *out, const char *text, size_t length);

#endif
