/* SPDX-License-Identifier: MIT
 *
 * Files that a configuration points to and that are read whole: secrets, templates. Any thread.
 */
#ifndef CONFIG_SMALL_FILE_H
#define CONFIG_SMALL_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads a regular file of at most `size` - 1 bytes whole. Returns the length, or -1 with errno set;
 * a longer file is EFBIG, anything but a regular file EINVAL. */
ssize_t config_read_small_file(const char *path, char *out, size_t size);

#endif
