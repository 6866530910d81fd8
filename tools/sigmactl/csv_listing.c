/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/csv_listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder whose current file is another one after each listing is not being rotated by sigmad. */
#define ATTEMPTS_MAX 100

static int format_path(const struct csv_listing *listing, const char *name, char path[PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%s/%s", listing->directory, name);
    if (length < 0 || length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return length;
}

/* Never waits, whatever lies there. */
static int open_regular(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        errno = EINVAL;
        fd = -1;
    }
    return fd;
}

static int format_current(const struct csv_listing *listing, char path[PATH_MAX])
{
    char name[CSV_CLOSED_NAME_MAX];
    snprintf(name, sizeof(name), "%s.csv", csv_kind_name(listing->kind));
    return format_path(listing, name, path);
}

static bool open_current(struct csv_listing *listing)
{
    char path[PATH_MAX];
    if (format_current(listing, path) < 0) {
        return false;
    }
    listing->current = open_regular(path);
    return listing->current >= 0 || errno == ENOENT;
}

/* Whether the path still leads to what was opened, or to nothing where nothing was. */
static bool is_current(const struct csv_listing *listing)
{
    char path[PATH_MAX];
    struct stat open_file, on_disk;
    if (format_current(listing, path) < 0) {
        return false;
    }
    bool exists = stat(path, &on_disk) == 0;
    if (listing->current < 0) {
        return !exists;
    }
    return exists && fstat(listing->current, &open_file) == 0 &&
           open_file.st_dev == on_disk.st_dev && open_file.st_ino == on_disk.st_ino;
}

static bool add(struct csv_listing *listing, const struct csv_closed_name *name)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity > 0 ? 2 * listing->capacity : 64;
        void *grown = realloc(listing->closed, capacity * sizeof(*listing->closed));
        if (!grown) {
            return false;
        }
        listing->closed = grown;
        listing->capacity = capacity;
    }
    listing->closed[listing->count++] = *name;
    return true;
}

static int compare(const void *a, const void *b)
{
    return csv_closed_compare(a, b);
}

/* A file is there twice, plain and compressed, just before the plain one is deleted. */
static void drop_twins(struct csv_listing *listing)
{
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct csv_closed_name *name = &listing->closed[i];
        if (kept > 0 && csv_closed_compare(name, &listing->closed[kept - 1]) == 0) {
            listing->closed[kept - 1].form = CSV_CLOSED_PLAIN;
        } else {
            listing->closed[kept++] = *name;
        }
    }
    listing->count = kept;
}

static bool list_closed(struct csv_listing *listing)
{
    struct csv_closed_name name;
    DIR *folder = opendir(listing->directory);
    if (!folder) {
        return false;
    }
    listing->count = 0;
    bool listed = true;
    for (const struct dirent *entry; listed && (entry = readdir(folder));) {
        if (csv_closed_parse(entry->d_name, &name) && name.kind == (int)listing->kind &&
            name.form != CSV_CLOSED_PARTIAL) {
            listed = add(listing, &name);
        }
    }
    closedir(folder);
    if (listing->count > 1) {
        qsort(listing->closed, listing->count, sizeof(*listing->closed), compare);
    }
    drop_twins(listing);
    return listed;
}

static void close_current(struct csv_listing *listing)
{
    if (listing->current >= 0) {
        close(listing->current);
    }
    listing->current = -1;
}

bool csv_listing_init(struct csv_listing *listing, const char *directory, enum csv_kind kind)
{
    *listing = (struct csv_listing){.directory = directory, .kind = kind, .current = -1};
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        close_current(listing);
        if (!open_current(listing) || !list_closed(listing)) {
            return false;
        }
        if (is_current(listing)) {
            return true;
        }
    }
    errno = EBUSY;
    return false;
}

void csv_listing_deinit(struct csv_listing *listing)
{
    close_current(listing);
    free(listing->closed);
    listing->closed = NULL;
}

int csv_listing_open(const struct csv_listing *listing, size_t index, char path[PATH_MAX])
{
    char text[CSV_CLOSED_NAME_MAX];
    struct csv_closed_name name = listing->closed[index];
    int fd = -1;
    for (;; name.form = CSV_CLOSED_GZIP) {
        csv_closed_format(text, &name);
        fd = format_path(listing, text, path) < 0 ? -1 : open_regular(path);
        if (fd >= 0 || errno != ENOENT || name.form == CSV_CLOSED_GZIP) {
            return fd;
        }
    }
}

int csv_listing_take_current(struct csv_listing *listing, char path[PATH_MAX])
{
    int fd = format_current(listing, path) < 0 ? -1 : listing->current;
    listing->current = -1;
    return fd;
}
