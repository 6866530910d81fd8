/* SPDX-License-Identifier: MIT */
#include "server/modules/notify/headers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/header.h"
#include "config/small_file.h"

/* Lines that are left of a file. */
struct lines {
    const char *at, *end;
    unsigned number; /* of the latest one */
};

/* The next line, without what ends it. */
static bool next_line(struct lines *lines, const char **line, size_t *length)
{
    if (lines->at == lines->end) {
        return false;
    }
    const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    const char *stop = newline ? newline : lines->end;
    *line = lines->at;
    *length = (size_t)(stop - lines->at);
    if (*length > 0 && (*line)[*length - 1] == '\r') {
        --*length;
    }
    lines->at = newline ? newline + 1 : lines->end;
    lines->number++;
    return true;
}

static bool add_line(const struct config_notify *config, struct config_strings *headers,
                     const char *line, size_t length, char why[CONFIG_HEADER_WHY_MAX])
{
    static const char authorization[] = "Authorization";
    if (length == 0 || line[0] == '#') {
        return true;
    }
    if (!config_headers_append(headers, line, length, why)) {
        return false;
    }
    bool twice =
        config->token_file && config_headers_have(headers, authorization, strlen(authorization));
    if (twice) {
        snprintf(why, CONFIG_HEADER_WHY_MAX, "there is a token_file for Authorization as well");
    }
    return !twice;
}

static bool add_lines(const struct config_notify *config, struct config_strings *headers,
                      struct lines lines, char *reason, size_t reason_size)
{
    char why[CONFIG_HEADER_WHY_MAX];
    const char *line;
    size_t length;
    while (next_line(&lines, &line, &length)) {
        if (!add_line(config, headers, line, length, why)) {
            snprintf(reason, reason_size, "%s:%u: %s", config->headers_file, lines.number, why);
            return false;
        }
    }
    return true;
}

static bool add_file(const struct config_notify *config, struct config_strings *headers,
                     char *reason, size_t reason_size)
{
    char *text = malloc(CONFIG_HEADER_FILE_BYTES_MAX + 1);
    ssize_t length =
        text ? config_read_small_file(config->headers_file, text, CONFIG_HEADER_FILE_BYTES_MAX + 1)
             : -1;
    bool added = length >= 0;
    if (added) {
        const struct lines lines = {.at = text, .end = text + length};
        added = add_lines(config, headers, lines, reason, reason_size);
    } else {
        snprintf(reason, reason_size, "[notify \"%.100s\"] headers_file: '%s': %s", config->name,
                 config->headers_file, strerror(errno));
    }
    free(text);
    return added;
}

static bool add_section(const struct config_notify *config, struct config_strings *headers,
                        char *reason, size_t reason_size)
{
    char why[CONFIG_HEADER_WHY_MAX];
    for (size_t i = 0; i < config->headers.count; i++) {
        const char *line = config->headers.items[i];
        if (!config_headers_append(headers, line, strlen(line), why)) {
            snprintf(reason, reason_size, "[notify \"%.100s\"] headers: %s", config->name, why);
            return false;
        }
    }
    return true;
}

bool headers_read(const struct config_notify *config, struct config_strings *headers, char *reason,
                  size_t reason_size)
{
    return add_section(config, headers, reason, reason_size) &&
           (!config->headers_file || add_file(config, headers, reason, reason_size));
}

void headers_free(struct config_strings *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        free(headers->items[i]);
    }
    free(headers->items);
    *headers = (struct config_strings){0};
}
