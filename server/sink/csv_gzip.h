/* SPDX-License-Identifier: MIT
 *
 * One file compressed to another, a piece at a time. The result carries the time of last change of
 * its original and the mode asked for. One thread at a time; the struct owns both descriptors.
 */
#ifndef SERVER_SINK_CSV_GZIP_H
#define SERVER_SINK_CSV_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csv_gzip;

/* Opens `from` and creates `to`, replacing what is there. NULL with errno. */
struct csv_gzip *csv_gzip_new(const char *from, const char *to, unsigned mode);

enum csv_gzip_state { CSV_GZIP_MORE, CSV_GZIP_DONE, CSV_GZIP_FAILED };

/* Compresses the next `bytes` bytes of the original. DONE: all of it is written and synced. FAILED:
 * with errno. */
enum csv_gzip_state csv_gzip_step(struct csv_gzip *gzip, size_t bytes);

/* Bytes of the result so far. */
uint64_t csv_gzip_bytes(const struct csv_gzip *gzip);

/* Closes both files. NULL is allowed. */
void csv_gzip_free(struct csv_gzip *gzip);

/* True when `path` is a gzip file of one member whose trailer says `original_bytes` (which it keeps
 * modulo 2^32, RFC 1952). It does not read what is between. */
bool csv_gzip_is_of_size(const char *path, uint64_t original_bytes);

#endif
