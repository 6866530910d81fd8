/* SPDX-License-Identifier: MIT
 *
 * Writes a file as a whole or not at all: beside it first, synced, then renamed over it, so that a
 * crash or a full disk leaves the old one. One thread a path.
 */
#ifndef TOOLS_SIGMACTL_REPLACE_FILE_H
#define TOOLS_SIGMACTL_REPLACE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The new file has the mode of the old one, else 0666 less the umask. A path that is a symbolic
 * link stays one, and what it leads to is replaced. False with errno: nothing is changed and
 * nothing left behind. */
bool replace_file(const char *path, const char *bytes, size_t length);

#endif
