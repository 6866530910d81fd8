/* SPDX-License-Identifier: MIT
 *
 * Changes keys of a configuration file as text: comments, order, blank lines and the layout of all
 * other lines stay as they are, and what was changed can be shown as a unified diff. It follows the
 * rules by which config/reader.c takes lines apart, and judges nothing else. One thread; texts are
 * the edit's own.
 */
#ifndef TOOLS_SIGMACTL_INI_EDIT_H
#define TOOLS_SIGMACTL_INI_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"

/* A line without its LF. Equal texts: it stays. */
struct ini_line {
    char *before; /* NULL: it is new */
    char *after;  /* NULL: it is gone */
};

/* All zero is an empty file. */
struct ini_edit {
    struct ini_line *lines;
    size_t count, capacity;
    bool ends_open; /* the last line has no LF */
    bool failed;    /* memory was out */
};

/* Takes the text of a file apart. */
void ini_edit_read(struct ini_edit *edit, const char *text, size_t length);
void ini_edit_deinit(struct ini_edit *edit);

/* Gives a key its value: where it is set, last, if it is; else behind the last key of the section's
 * first heading; else in a section of its own at the end. `section` is what stands in the brackets.
 */
void ini_edit_set(struct ini_edit *edit, const char *section, const char *key, const char *value);

/* The file as it is to be. */
void ini_edit_write(const struct ini_edit *edit, struct buffer *out);

/* What was changed, with three lines around it; nothing where nothing was. */
void ini_edit_diff(const struct ini_edit *edit, const char *before, const char *after,
                   struct buffer *out);

#endif
