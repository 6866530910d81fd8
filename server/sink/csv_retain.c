/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_retain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/sink/csv_gzip.h"
#include "server/sink/csv_io.h"

void csv_retain_init(struct csv_retain *retain, const char *directory, const struct clock *clock)
{
    *retain = (struct csv_retain){.directory = directory, .clock = clock, .wanted = true};
}

void csv_retain_want(struct csv_retain *retain)
{
    retain->wanted = true;
}

/* The path of a closed file in one of its forms. */
static const char *path_of(const struct csv_retain *retain, struct csv_closed_name name,
                           enum csv_closed_form form, char path[PATH_MAX])
{
    char text[CSV_CLOSED_NAME_MAX];
    name.form = form;
    csv_closed_format(text, &name);
    snprintf(path, PATH_MAX, "%s/%s", retain->directory, text);
    return path;
}

static void warn(const char *message, const char *path)
{
    log_line(LOG_LEVEL_WARNING, message, "file", path, "error", strerror(errno), NULL);
}

void csv_retain_deinit(struct csv_retain *retain)
{
    char path[PATH_MAX];
    if (retain->gzip) {
        csv_gzip_free(retain->gzip);
        unlink(path_of(retain, retain->entries[retain->next - 1].name, CSV_CLOSED_PARTIAL, path));
    }
    free(retain->entries);
    retain->gzip = NULL;
    retain->entries = NULL;
    retain->count = retain->next = 0;
}

static bool is_current_file(const char *text)
{
    for (int i = 0; i < CSV_KINDS; i++) {
        const char *name = csv_kind_name((enum csv_kind)i);
        size_t length = strlen(name);
        if (strncmp(text, name, length) == 0 && strcmp(text + length, ".csv") == 0) {
            return true;
        }
    }
    return false;
}

static bool add_entry(struct csv_retain *retain, const struct csv_retain_entry *entry)
{
    if ((retain->count & (retain->count - 1)) == 0) {
        size_t capacity = retain->count ? 2 * retain->count : 1;
        struct csv_retain_entry *entries =
            realloc(retain->entries, capacity * sizeof(*retain->entries));
        if (!entries) {
            return false;
        }
        retain->entries = entries;
    }
    retain->entries[retain->count++] = *entry;
    return true;
}

/* Takes one file of the folder into account. False without memory. */
static bool look_at(struct csv_retain *retain, int folder, const char *text)
{
    struct csv_retain_entry entry;
    struct stat status;
    bool closed = csv_closed_parse(text, &entry.name);
    if ((!closed && !is_current_file(text)) ||
        fstatat(folder, text, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) {
        return true;
    }
    if (closed && entry.name.form == CSV_CLOSED_PARTIAL) {
        /* No compression is under way while the folder is read: this one was interrupted. */
        unlinkat(folder, text, 0);
        return true;
    }
    entry.bytes = (uint64_t)status.st_size;
    retain->total_bytes += entry.bytes;
    return !closed || add_entry(retain, &entry);
}

static int compare_entries(const void *a, const void *b)
{
    return csv_closed_compare(&((const struct csv_retain_entry *)a)->name,
                              &((const struct csv_retain_entry *)b)->name);
}

static void look_through(struct csv_retain *retain)
{
    retain->count = retain->next = 0;
    retain->total_bytes = 0;
    free(retain->entries);
    retain->entries = NULL;
    DIR *folder = opendir(retain->directory);
    if (!folder) {
        warn("csv folder cannot be read", retain->directory);
        return;
    }
    bool room = true;
    for (const struct dirent *file; room && (file = readdir(folder));) {
        room = look_at(retain, dirfd(folder), file->d_name);
    }
    closedir(folder);
    if (retain->count > 0) {
        qsort(retain->entries, retain->count, sizeof(*retain->entries), compare_entries);
    }
}

static void delete_entry(struct csv_retain *retain, const struct csv_retain_entry *entry,
                         const char *reason)
{
    char path[PATH_MAX];
    path_of(retain, entry->name, entry->name.form, path);
    if (unlink(path) != 0 && errno != ENOENT) {
        warn("csv file cannot be deleted", path);
        return;
    }
    retain->total_bytes -= entry->bytes;
    retain->deleted++;
    log_line(LOG_LEVEL_INFO, "csv file deleted", "file", path, "reason", reason, NULL);
}

static bool is_expired(const struct csv_retain *retain, const struct csv_settings *settings,
                       const struct csv_retain_entry *entry)
{
    int64_t now_ms = clock_wall_ns(retain->clock) / 1000000;
    return settings->retain_ms > 0 && now_ms > entry->name.stamp_ms &&
           (uint64_t)(now_ms - entry->name.stamp_ms) > settings->retain_ms;
}

/* The original of a compressed file that is complete is what an interruption left; otherwise the
 * two are not one file, and neither is touched. */
static void finish_interrupted(struct csv_retain *retain, const struct csv_retain_entry *entry)
{
    char compressed[PATH_MAX];
    path_of(retain, entry->name, CSV_CLOSED_GZIP, compressed);
    if (csv_gzip_is_of_size(compressed, entry->bytes)) {
        delete_entry(retain, entry, "compressed");
    } else {
        log_line(LOG_LEVEL_WARNING, "csv file and its compressed form differ", "file", compressed,
                 NULL);
    }
}

static void fail_gzip(struct csv_retain *retain, const char *partial)
{
    warn("csv compression failed", partial);
    csv_gzip_free(retain->gzip);
    retain->gzip = NULL;
    unlink(partial);
    retain->gzip_after_ns = clock_monotonic_ns(retain->clock) + CSV_RETAIN_PAUSE_NS;
}

static void begin_gzip(struct csv_retain *retain, const struct csv_settings *settings,
                       const struct csv_retain_entry *entry)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct stat status;
    if (lstat(path_of(retain, entry->name, CSV_CLOSED_GZIP, to), &status) == 0) {
        finish_interrupted(retain, entry);
        return;
    }
    if (clock_monotonic_ns(retain->clock) < retain->gzip_after_ns) {
        return;
    }
    path_of(retain, entry->name, CSV_CLOSED_PLAIN, from);
    path_of(retain, entry->name, CSV_CLOSED_PARTIAL, to);
    retain->gzip = csv_gzip_new(from, to, settings->mode);
    if (!retain->gzip && errno != ENOENT) {
        fail_gzip(retain, to);
    }
}

/* Puts the compressed file in the place of its original. */
static bool settle_gzip(struct csv_retain *retain, const struct csv_retain_entry *entry)
{
    char from[PATH_MAX];
    char partial[PATH_MAX];
    char to[PATH_MAX];
    path_of(retain, entry->name, CSV_CLOSED_PLAIN, from);
    path_of(retain, entry->name, CSV_CLOSED_PARTIAL, partial);
    path_of(retain, entry->name, CSV_CLOSED_GZIP, to);
    return rename(partial, to) == 0 && csv_io_sync_directory(retain->directory) &&
           (unlink(from) == 0 || errno == ENOENT);
}

static void step_gzip(struct csv_retain *retain)
{
    struct csv_retain_entry *entry = &retain->entries[retain->next - 1];
    char partial[PATH_MAX];
    enum csv_gzip_state state = csv_gzip_step(retain->gzip, CSV_RETAIN_STEP_BYTES);
    if (state == CSV_GZIP_MORE) {
        return;
    }
    uint64_t bytes = csv_gzip_bytes(retain->gzip);
    if (state == CSV_GZIP_FAILED || !settle_gzip(retain, entry)) {
        fail_gzip(retain, path_of(retain, entry->name, CSV_CLOSED_PARTIAL, partial));
        return;
    }
    csv_gzip_free(retain->gzip);
    retain->gzip = NULL;
    retain->compressed++;
    retain->total_bytes = retain->total_bytes - entry->bytes + bytes;
}

/* Decides what becomes of one closed file. Older ones have been decided on before. */
static void consider(struct csv_retain *retain, const struct csv_settings *settings,
                     const struct csv_retain_entry *entry)
{
    if (is_expired(retain, settings, entry)) {
        delete_entry(retain, entry, "retain");
    } else if (settings->max_disk_bytes > 0 && retain->total_bytes > settings->max_disk_bytes) {
        delete_entry(retain, entry, "max_disk");
    } else if (settings->compress && entry->name.form == CSV_CLOSED_PLAIN) {
        begin_gzip(retain, settings, entry);
    }
}

bool csv_retain_step(struct csv_retain *retain, const struct csv_settings *settings)
{
    if (retain->gzip) {
        step_gzip(retain);
    } else if (retain->next < retain->count) {
        consider(retain, settings, &retain->entries[retain->next++]);
    } else if (retain->wanted) {
        retain->wanted = false;
        look_through(retain);
    } else {
        return false;
    }
    return true;
}
