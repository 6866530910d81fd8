/* SPDX-License-Identifier: MIT */
#include "server/modules/curl/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/small_file.h"

#define BEARER "Bearer "

static bool is_visible(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            return false;
        }
    }
    return length > 0;
}

static size_t first_line(const char *text, size_t length)
{
    size_t end = 0;
    while (end < length && text[end] != '\r' && text[end] != '\n') {
        end++;
    }
    return end;
}

bool secret_read(const char *path, const char *key, char secret[SECRET_BYTES_MAX], char *reason,
                 size_t reason_size)
{
    secret[0] = '\0';
    if (!path) {
        return true;
    }
    ssize_t read = config_read_small_file(path, secret, SECRET_BYTES_MAX);
    if (read < 0) {
        snprintf(reason, reason_size, "%s: '%s': %s", key, path, strerror(errno));
        secret[0] = '\0';
        return false;
    }
    size_t length = first_line(secret, (size_t)read);
    bool visible = is_visible(secret, length);
    secret[visible ? length : 0] = '\0';
    if (!visible) {
        snprintf(reason, reason_size, "%s: '%s' holds no secret that could be sent", key, path);
    }
    return visible;
}

bool secret_read_bearer(const char *path, const char *key, char value[SECRET_BYTES_MAX],
                        char *reason, size_t reason_size)
{
    char secret[SECRET_BYTES_MAX];
    bool read = secret_read(path, key, secret, reason, reason_size);
    value[0] = '\0';
    if (read && secret[0]) {
        snprintf(value, SECRET_BYTES_MAX, BEARER "%.*s", (int)(SECRET_BYTES_MAX - sizeof(BEARER)),
                 secret);
    }
    return read;
}
