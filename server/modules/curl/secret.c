/* SPDX-License-Identifier: MIT */
#include "server/modules/curl/secret.h"

#include <stdio.h>
#include <string.h>

#define BEARER "Bearer "

static bool is_one_line(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

bool secret_read(const char *path, const char *key, char secret[SECRET_BYTES_MAX], char *reason,
                 size_t reason_size)
{
    secret[0] = '\0';
    if (!path) {
        return true;
    }
    FILE *file = fopen(path, "re");
    bool read = file && fgets(secret, SECRET_BYTES_MAX, file);
    if (file) {
        fclose(file);
    }
    secret[strcspn(secret, "\r\n")] = '\0';
    if (!read || !secret[0] || !is_one_line(secret)) {
        snprintf(reason, reason_size, "%s: '%s' holds no secret that could be sent", key, path);
        return false;
    }
    return true;
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
