/* SPDX-License-Identifier: MIT
 *
 * Secrets that a receiver wants, each in a file of its own: its first line. They are read when an
 * output is made and at each reload, and are in no log and no reason. Any thread.
 */
#ifndef SERVER_MODULES_CURL_SECRET_H
#define SERVER_MODULES_CURL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_BYTES_MAX 8192

/* The first line of a regular file; "" where `path` is NULL. False with the reason, which begins
 * with `key`, where it cannot be read, or what is there could not stand in a line of a header. */
bool secret_read(const char *path, const char *key, char secret[SECRET_BYTES_MAX], char *reason,
                 size_t reason_size);

/* The same as the value of an Authorization header: "Bearer …". */
bool secret_read_bearer(const char *path, const char *key, char value[SECRET_BYTES_MAX],
                        char *reason, size_t reason_size);

#endif
