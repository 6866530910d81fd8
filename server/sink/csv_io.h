/* SPDX-License-Identifier: MIT
 *
 * The few calls on descriptors and folders that the CSV files need, each whole: they go on after an
 * interruption and a short transfer, and leave errno on failure. They own nothing. Any thread.
 */
#ifndef SERVER_SINK_CSV_IO_H
#define SERVER_SINK_CSV_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes all of it. After a failure a part may have been written. */
bool csv_io_write(int fd, const char *bytes, size_t length);

/* Reads exactly `length` bytes at `offset`; EIO where the file ends before. */
bool csv_io_read_at(int fd, char *bytes, size_t length, uint64_t offset);

/* Finds the offset behind the last LF in [0, end), 0 when there is none. */
bool csv_io_find_line_end(int fd, uint64_t end, uint64_t *found);

/* Cuts the file back to `size`; a file that is no longer than that stays as it is. */
bool csv_io_cut(int fd, uint64_t size);

/* Makes a folder and those above it where they are missing (mode 0755 less the umask). */
bool csv_io_make_directory(const char *path);

/* Syncs a folder, so that renames in it outlive a crash of the machine. */
bool csv_io_sync_directory(const char *path);

#endif
