/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/report_apply.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/ini_edit.h"

#define PATH_ROOM 4096

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sigmactl report: %s: %s\n", what, why);
    return STATUS_FAILED;
}

static bool read_file(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "re");
    size_t got = 1;
    while (file && got > 0) {
        char *room = buffer_room(text, 65536);
        got = room ? fread(room, 1, 65536, file) : 0;
        text->length += got;
    }
    bool read = file && !ferror(file) && !text->failed;
    if (file) {
        fclose(file);
    }
    return read;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* `[section] key` into `done`; false where it is there already. */
static bool mark(json_t *done, const char *section, const char *key)
{
    char name[256];
    snprintf(name, sizeof(name), "[%s] %s", section, key);
    bool first = !json_object_get(done, name);
    json_object_set_new(done, name, json_true());
    return first;
}

/* What comes from elsewhere has to be one line of a file, whatever it is. */
static bool is_plain(const char *text)
{
    return *text != '\0' && strpbrk(text, "\r\n[]") == NULL;
}

static size_t set_all(struct ini_edit *edit, const json_t *report)
{
    const json_t *advice, *setting;
    json_t *done = json_object();
    size_t i, j, count = 0;
    json_array_foreach(json_object_get(report, "recommendations"), i, advice)
    {
        json_array_foreach(json_object_get(advice, "settings"), j, setting)
        {
            const char *section = text_of(setting, "section"), *key = text_of(setting, "key");
            const char *value = text_of(setting, "value");
            if (is_plain(section) && is_plain(key) && is_plain(value) && mark(done, section, key)) {
                ini_edit_set(edit, section, key, value);
                count++;
            }
        }
    }
    json_decref(done);
    return count;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static bool write_file(const char *path, const struct buffer *text)
{
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(text->bytes, 1, text->length, file) == text->length;
    return file && fclose(file) == 0 && written;
}

static bool is_accepted(const char *path)
{
    struct config_sources sources = {.path = path};
    struct config *config = config_load(&sources, stderr, NULL);
    config_free(config);
    return config != NULL;
}

/* Beside its final place first, so that what stands there is only replaced by what is sound. */
static int write_copy(const struct ini_edit *edit, const char *out)
{
    char path[PATH_ROOM];
    struct buffer text = {0};
    int status = STATUS_OK;
    ini_edit_write(edit, &text);
    if (text.failed || snprintf(path, sizeof(path), "%s.tmp", out) >= (int)sizeof(path)) {
        status = fail(out, text.failed ? "out of memory" : "the path is too long");
    } else if (!write_file(path, &text)) {
        status = fail(path, strerror(errno));
    } else if (!is_accepted(path)) {
        unlink(path);
        status = fail(out, "not written: the server would not accept it");
    } else if (rename(path, out) != 0) {
        status = fail(out, strerror(errno));
        unlink(path);
    }
    buffer_deinit(&text);
    return status;
}

static int show(const struct ini_edit *edit, const char *config, const char *out)
{
    struct buffer diff = {0};
    ini_edit_diff(edit, config, out ? out : config, &diff);
    int status = edit->failed || diff.failed ? fail(config, "out of memory") : STATUS_OK;
    if (status == STATUS_OK && diff.length > 0) {
        fwrite(diff.bytes, 1, diff.length, stdout);
    }
    buffer_deinit(&diff);
    return status;
}

static int change(const json_t *report, const struct buffer *text, const char *config,
                  const char *out)
{
    struct ini_edit edit;
    ini_edit_read(&edit, text->bytes ? text->bytes : "", text->length);
    if (set_all(&edit, report) == 0) {
        fprintf(stderr, "sigmactl report: nothing is recommended that a setting would mend\n");
    }
    int status = show(&edit, config, out);
    if (status == STATUS_OK && out) {
        status = write_copy(&edit, out);
    }
    ini_edit_deinit(&edit);
    return status;
}

int report_apply(const char *json, size_t length, const char *config, const char *out)
{
    json_error_t error;
    struct buffer text = {0};
    if (out && is_same_file(config, out)) {
        return fail(out, "is the file to start from; a copy is to have another name");
    }
    json_t *report = json_loadb(json, length, JSON_ALLOW_NUL, &error);
    int status;
    if (!json_is_object(report)) {
        status = fail("the answer is no report", report ? "not a JSON object" : error.text);
    } else if (!read_file(config, &text)) {
        status = fail(config, strerror(errno));
    } else {
        status = change(report, &text, config, out);
    }
    buffer_deinit(&text);
    json_decref(report);
    return status;
}
