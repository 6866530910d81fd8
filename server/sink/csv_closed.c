/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_closed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "server/core/require.h"
#include "server/sink/csv_rows.h"

static const char *const form_endings[] = {".csv", ".csv.gz", ".csv.gz.tmp"};

void csv_closed_format(char out[CSV_CLOSED_NAME_MAX], const struct csv_closed_name *name)
{
    time_t seconds = (time_t)(name->stamp_ms / 1000);
    struct tm utc;
    char stamp[40];
    char suffix[16] = "";
    REQUIRE(gmtime_r(&seconds, &utc));
    REQUIRE(strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc) > 0);
    if (name->suffix > 0) {
        snprintf(suffix, sizeof(suffix), "-%u", name->suffix);
    }
    int length =
        snprintf(out, CSV_CLOSED_NAME_MAX, "%s-%s%s%s", csv_kind_name((enum csv_kind)name->kind),
                 stamp, suffix, form_endings[name->form]);
    REQUIRE(length > 0 && length < CSV_CLOSED_NAME_MAX);
}

/* Steps over the file's kind and the dash; NULL where there is none. */
static const char *parse_kind(const char *text, int *kind)
{
    for (int i = 0; i < CSV_KINDS; i++) {
        const char *name = csv_kind_name((enum csv_kind)i);
        size_t length = strlen(name);
        if (strncmp(text, name, length) == 0 && text[length] == '-') {
            *kind = i;
            return text + length + 1;
        }
    }
    return NULL;
}

/* Steps over `20261121T000000Z`. */
static const char *parse_stamp(const char *text, int64_t *stamp_ms)
{
    struct tm utc = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &utc);
    if (!end || end - text != 16) {
        return NULL;
    }
    *stamp_ms = (int64_t)timegm(&utc) * 1000;
    return end;
}

/* Steps over `-12`, which may be missing. */
static const char *parse_suffix(const char *text, unsigned *suffix)
{
    *suffix = 0;
    if (*text != '-') {
        return text;
    }
    const char *at = text + 1;
    for (; *at >= '0' && *at <= '9' && *suffix < CSV_CLOSED_SUFFIXES_MAX; at++) {
        *suffix = *suffix * 10 + (unsigned)(*at - '0');
    }
    return *suffix > 0 && *suffix < CSV_CLOSED_SUFFIXES_MAX ? at : NULL;
}

bool csv_closed_parse(const char *text, struct csv_closed_name *name)
{
    const char *at = parse_kind(text, &name->kind);
    at = at ? parse_stamp(at, &name->stamp_ms) : NULL;
    at = at ? parse_suffix(at, &name->suffix) : NULL;
    for (size_t i = 0; at && i < sizeof(form_endings) / sizeof(form_endings[0]); i++) {
        if (strcmp(at, form_endings[i]) == 0) {
            name->form = (enum csv_closed_form)i;
            return true;
        }
    }
    return false;
}

int csv_closed_compare(const struct csv_closed_name *a, const struct csv_closed_name *b)
{
    if (a->stamp_ms != b->stamp_ms) {
        return a->stamp_ms < b->stamp_ms ? -1 : 1;
    }
    if (a->suffix != b->suffix) {
        return a->suffix < b->suffix ? -1 : 1;
    }
    return a->kind - b->kind;
}

static bool is_free(const char *path)
{
    struct stat status;
    return lstat(path, &status) != 0 && errno == ENOENT;
}

bool csv_closed_find_free(const char *directory, int kind, int64_t stamp_ms, char *path,
                          size_t path_size)
{
    struct csv_closed_name closed = {.kind = kind, .stamp_ms = stamp_ms};
    char name[CSV_CLOSED_NAME_MAX];
    char compressed[PATH_MAX];
    for (; closed.suffix < CSV_CLOSED_SUFFIXES_MAX; closed.suffix++) {
        csv_closed_format(name, &closed);
        int length = snprintf(compressed, sizeof(compressed), "%s/%s.gz", directory, name);
        if (length < 0 || (size_t)length >= sizeof(compressed) || (size_t)length - 3 >= path_size) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(path, compressed, (size_t)length - 3);
        path[length - 3] = '\0';
        if (is_free(path) && is_free(compressed)) {
            return true;
        }
    }
    errno = EEXIST;
    return false;
}
