/* SPDX-License-Identifier: MIT
 *
 * A statsd.ini under way: settings by section, in the order they come, and remarks, which are
 * printed as comments at the end. A setting that this version of sigmad does not know is printed as
 * a comment, so that what is printed can always be read. One thread.
 */
#ifndef TOOLS_SIGMACTL_IMPORT_DRAFT_H
#define TOOLS_SIGMACTL_IMPORT_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "server/core/buffer.h"

#define DRAFT_SECTIONS_MAX 96
#define DRAFT_HEADING_MAX 192

struct draft_section {
    char heading[DRAFT_HEADING_MAX]; /* as between the brackets */
    struct buffer lines;
    bool known; /* has a setting that can be read */
};

/* All zero is empty. */
struct draft {
    struct draft_section sections[DRAFT_SECTIONS_MAX];
    size_t count;
    struct buffer remarks;
};

/* Adds `key = value`; what cannot stand in a file, as a line feed, becomes a remark instead. */
void draft_set(struct draft *draft, const char *section, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same in a section that has a name in quotes. */
void draft_set_named(struct draft *draft, const char *section, const char *name, const char *key,
                     const char *value);

/* Adds one line of comment. */
void draft_remark(struct draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* False, with nothing written, when memory was out on the way. */
bool draft_write(const struct draft *draft, FILE *out);

void draft_deinit(struct draft *draft);

#endif
