/* SPDX-License-Identifier: MIT
 *
 * The text of the state file: sections of lines, each written and read by a part of the server that
 * keeps something over a restart.
 *
 *     sigmad state 2
 *     [alerts 2 8c736521f4ac2b57]
 *     a line
 *     another
 *     end 1
 *
 * The number behind a section's name counts its lines. The sum is FNV-1a (64 bits) of the name and
 * the lines: it tells damage, not malice, and damage costs the section that it is in. The last line
 * counts the sections. Files of version 1, which had one sum at their end, are read as well. What
 * lines mean is their part's business, and a section that no part asks for is kept as it is. Pure
 * but for memory; one thread at a time.
 */
#ifndef SERVER_STATE_TEXT_H
#define SERVER_STATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"

/* A file may have half of them, so that there is always room for those of this version. */
#define STATE_SECTIONS_MAX 16
#define STATE_NAME_BYTES 32
#define STATE_REASON_BYTES 96

struct state_section {
    char name[STATE_NAME_BYTES]; /* lower-case letters and '_' */
    struct buffer text;          /* whole lines, each with its LF */
};

/* All zero is empty. */
struct state_text {
    struct state_section sections[STATE_SECTIONS_MAX];
    size_t count;
};

void state_text_deinit(struct state_text *state);

/* The section of this name, made where it is missing; NULL when there are STATE_SECTIONS_MAX. */
struct state_section *state_text_section(struct state_text *state, const char *name);

/* The same, NULL where it is missing. */
const struct state_section *state_text_find(const struct state_text *state, const char *name);

/* Appends the file. Sections without lines are left out. */
void state_text_write(const struct state_text *state, struct buffer *out);

/* Reads a file into `state`, which is empty; false with the reason where it is none, is of another
 * version, or is damaged. Sections that are sound are taken even so. */
bool state_text_read(struct state_text *state, const char *bytes, size_t length,
                     char reason[STATE_REASON_BYTES]);

#endif
