/* SPDX-License-Identifier: MIT
 *
 * Reads a JavaScript object literal, as etsy's config.js is one, and with it JSON: comments, bare
 * and quoted keys, all three quotes, numbers in decimal and hexadecimal, commas in front or behind.
 * What is not a literal, as `process.env.HOST` or a call, is not evaluated: the key is left out and
 * told in `skipped`. Pure; one thread.
 */
#ifndef TOOLS_SIGMACTL_IMPORT_LITERAL_H
#define TOOLS_SIGMACTL_IMPORT_LITERAL_H

#include <jansson.h>
#include <stddef.h>

#include "server/core/buffer.h"

#define LITERAL_REASON_MAX 256
#define LITERAL_DEPTH_MAX 32

struct literal_fault {
    unsigned line; /* from 1 */
    char reason[LITERAL_REASON_MAX];
};

/* The object, or NULL with the fault. `skipped` gets a line `line N: KEY: TEXT` for each
 * expression.
 */
json_t *literal_read(const char *text, size_t length, struct buffer *skipped,
                     struct literal_fault *fault);

#endif
