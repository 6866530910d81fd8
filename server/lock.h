/* SPDX-License-Identifier: MIT
 *
 * One server a directory: DIRECTORY/.lock is held as long as the server lives, and names its
 * process.
 */
#ifndef SERVER_LOCK_H
#define SERVER_LOCK_H

#include <stddef.h>

/* Makes the directory where it is missing and takes the lock. Returns a descriptor to keep open, or
 * -1 with the reason, which names the process that holds it where it can be known. */
int lock_take(const char *directory, char *reason, size_t reason_size);

#endif
