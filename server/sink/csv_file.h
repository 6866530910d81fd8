/* SPDX-License-Identifier: MIT
 *
 * One current CSV file: opening, mending after a crash, appending whole windows, rotation. It does
 * not know what the rows mean, only that each is a line that begins with a stamp; closed files are
 * the business of csv_retain.h. One thread at a time. The struct owns its path, its header and its
 * descriptor.
 *
 * A window is either in the file as a whole or not at all: csv_file_begin() notes where it starts,
 * csv_file_append() writes at the end, csv_file_commit() accepts it. When any of them fails, the
 * file is cut back to where the window began, at once or, where that fails too, before the next
 * window, which may be the same one again. Only a crash may leave a part of a window, in whole
 * lines.
 *
 * The file on disk is looked at before each window. When it was renamed or deleted a new one is
 * created; when its size is not the one that was left, it is examined as at the start.
 *
 * Rotation renames the file and creates the new one at once, which is what `tail -F` follows. By
 * age it happens with the first window stamped at or after a multiple of rotate_age since the epoch
 * (for days: 00:00 UTC), and the closed file is called by that boundary: all of its rows are
 * stamped before it. By size it happens before the window that would exceed rotate_size, and the
 * closed file is called by the stamp of that window; a file without rows stays, so a window larger
 * than rotate_size has a file of its own.
 */
#ifndef SERVER_SINK_CSV_FILE_H
#define SERVER_SINK_CSV_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/core/buffer.h"
#include "server/sink/csv_rows.h"

/* The csv section without its directory. */
struct csv_settings {
    unsigned mode;              /* permission bits, applied whatever the umask */
    uint64_t rotate_size_bytes; /* 0 = off */
    uint64_t rotate_age_ms;     /* 0 = off */
    uint64_t retain_ms;         /* 0 = for ever */
    uint64_t max_disk_bytes;    /* 0 = no bound */
    bool compress;
    bool sync; /* fdatasync after each window */
};

struct csv_file {
    enum csv_kind kind;
    char *directory;
    char *path;
    int fd; /* -1 while there is none */
    dev_t device;
    ino_t inode;
    uint64_t size;        /* accepted bytes */
    bool torn;            /* bytes behind `size` are of a window that failed and must go */
    int64_t last_ms;      /* stamp of the last row, INT64_MIN without rows */
    int64_t window_ms;    /* stamp of the window being written */
    uint64_t window_size; /* bytes of it written so far */
    uint64_t rotations;   /* since csv_file_init() */
    struct buffer header; /* of the file, with its LF */
    char reason[160];     /* of the latest failure, NUL-terminated, with the file's name */
};

/* False without memory. Nothing is opened. */
bool csv_file_init(struct csv_file *file, const char *directory, enum csv_kind kind);
void csv_file_deinit(struct csv_file *file);

/* Opens the file, or creates it (and its folder) with `header`, which ends with LF. A torn last
 * line is cut off. A file with another header is rotated first, named by `now_ms` (Unix
 * milliseconds). False with file->reason and errno of the failure; then nothing is open, and the
 * next csv_file_begin() tries again. */
bool csv_file_open(struct csv_file *file, const struct csv_settings *settings,
                   const struct buffer *header, int64_t now_ms);
void csv_file_close(struct csv_file *file);

/* Makes ready for a window of `bytes` bytes stamped `stamp_ms`: opens what is missing, cuts off
 * what a failure left, rotates where it is due or `header` has changed. `bytes` may be 0: then only
 * by age or header. False with file->reason. */
bool csv_file_begin(struct csv_file *file, const struct csv_settings *settings,
                    const struct buffer *header, int64_t stamp_ms, uint64_t bytes);

/* Whether rotate_size asks for a new file before a window of `bytes` bytes. */
bool csv_file_is_too_small(const struct csv_file *file, const struct csv_settings *settings,
                           uint64_t bytes);

/* Appends whole lines of the window that was begun. False with file->reason: the window is not in.
 */
bool csv_file_append(struct csv_file *file, const char *bytes, size_t length);

/* Accepts the window. False with file->reason when it could not be synced: the window is not in. */
bool csv_file_commit(struct csv_file *file, bool sync);

/* Gives up the window that was begun. */
void csv_file_rollback(struct csv_file *file);

#endif
