/* SPDX-License-Identifier: MIT
 *
 * JSON of jansson as text, indented, objects in their order and numbers in shortest round-trip form
 * (which jansson itself does not write). One thread.
 */
#ifndef TOOLS_SIGMACTL_JSON_PRINT_H
#define TOOLS_SIGMACTL_JSON_PRINT_H

#include <jansson.h>

#include "server/core/buffer.h"

/* Appends the value with `depth` levels of indentation on its further lines, no LF at the end.
 * Objects and arrays without objects or arrays in them take one line. The value is only read. */
void json_print(struct buffer *out, json_t *value, unsigned depth);

#endif
