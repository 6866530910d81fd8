/* SPDX-License-Identifier: MIT
 *
 * The state file on the disk: read, swapped for another, or set aside. Each call blocks for as long
 * as the disk does. Paths are the caller's; nothing is kept between calls.
 */
#ifndef SERVER_STATE_FILE_H
#define SERVER_STATE_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "server/core/buffer.h"

#define STATE_FILE_BYTES_MAX (128 * 1024 * 1024)

/* Appends what is in the file: nothing where there is none. False with errno: it cannot be read, is
 * no regular file (EINVAL), or is larger than STATE_FILE_BYTES_MAX (EFBIG). */
bool state_file_read(const char *path, struct buffer *out);

/* Has the file hold these bytes: written as PATH.tmp and synced, then renamed, so that a crash
 * leaves the one or the other. The folder exists. False with errno. */
bool state_file_write(const char *path, const char *bytes, size_t length);

/* Renames it PATH.bad, in the place of an older one. False with errno. */
bool state_file_set_aside(const char *path);

/* The folder that the file is in. */
void state_file_folder(char folder[PATH_MAX], const char *path);

#endif
