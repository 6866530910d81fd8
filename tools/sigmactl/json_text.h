/* SPDX-License-Identifier: MIT
 *
 * Strings of JSON from bytes that a sender chose: what is not UTF-8 becomes U+FFFD, byte by byte.
 */
#ifndef TOOLS_SIGMACTL_JSON_TEXT_H
#define TOOLS_SIGMACTL_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* NULL without memory. */
json_t *json_text(const char *bytes, size_t length);

#endif
