/* SPDX-License-Identifier: MIT
 *
 * Headers of HTTP requests as somebody writes them, `X-Api-Key: 1234`, for receivers that want
 * more than a bearer token. A value may be a secret, so it is in no reason. Pure; works on the
 * caller's text, which need not end with a NUL.
 */
#ifndef CONFIG_HEADER_H
#define CONFIG_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* How many a request has besides the usual ones, bytes of one, and of all in a file. */
#define CONFIG_HEADERS_MAX 32
#define CONFIG_HEADER_BYTES_MAX 8191
#define CONFIG_HEADER_FILE_BYTES_MAX 32768

/* Bytes of what is wrong with one in words. */
#define CONFIG_HEADER_WHY_MAX 256

struct config_header {
    const char *name, *value; /* in the text; no blanks around the value */
    size_t name_length, value_length;
};

/* Takes a header apart. False with the reason where the name is no token (RFC 9110, 5.6.2) or one
 * that the request itself decides, or the value is empty or has a control character. */
bool config_header_parse(const char *text, size_t length, struct config_header *header,
                         char why[CONFIG_HEADER_WHY_MAX]);

/* Whether one of these headers has that name, in whatever case. */
bool config_headers_have(const struct config_strings *headers, const char *name, size_t length);

/* Adds one as `Name: value`. False with the reason where it is none, its name is there, or there
 * are CONFIG_HEADERS_MAX. */
bool config_headers_append(struct config_strings *headers, const char *text, size_t length,
                           char why[CONFIG_HEADER_WHY_MAX]);

#endif
