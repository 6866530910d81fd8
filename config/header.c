/* SPDX-License-Identifier: MIT */
#include "config/header.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A reason shows no more of a name. */
#define SHOWN_MAX 64

/* What the request says of itself or of its connection: another value would break it, or let one
 * request be taken for two. */
static const char *const reserved[] = {
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Expect",
    "Host",
    "Keep-Alive",
    "TE",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Trailer",
    "Upgrade",
    "Transfer-Encoding",
};

static bool refuse(char why[CONFIG_HEADER_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(char why[CONFIG_HEADER_WHY_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, CONFIG_HEADER_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_token(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

static bool is_control(char byte)
{
    return (unsigned char)byte < ' ' || byte == 0x7f;
}

static bool is_name(const char *name, size_t length, const char *other, size_t other_length)
{
    return length == other_length && strncasecmp(name, other, length) == 0;
}

static bool is_reserved(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (is_name(name, length, reserved[i], strlen(reserved[i])))
            return true;
    return false;
}

/* What is no name is not shown: it may be the rest of a value that has a comma. */
static bool check_name(const struct config_header *header, char *why)
{
    if (header->name_length == 0)
        return refuse(why, "a header has no name in front of its colon");
    for (size_t i = 0; i < header->name_length; i++)
        if (!is_token(header->name[i]))
            return refuse(why, "what stands in front of a header's colon is no name: letters, "
                               "digits and - only");
    if (is_reserved(header->name, header->name_length))
        return refuse(why, "%.*s is decided by the request itself", (int)header->name_length,
                      header->name);
    return true;
}

static bool check_value(const struct config_header *header, char *why)
{
    int shown = header->name_length < SHOWN_MAX ? (int)header->name_length : SHOWN_MAX;
    if (header->value_length == 0)
        return refuse(why, "%.*s has no value", shown, header->name);
    for (size_t i = 0; i < header->value_length; i++)
        if (is_control(header->value[i]))
            return refuse(why, "the value of %.*s has a control character", shown, header->name);
    return true;
}

bool config_header_parse(const char *text, size_t length, struct config_header *header,
                         char why[CONFIG_HEADER_WHY_MAX])
{
    if (length > CONFIG_HEADER_BYTES_MAX)
        return refuse(why, "a header is longer than %d bytes", CONFIG_HEADER_BYTES_MAX);
    const char *colon = length > 0 ? memchr(text, ':', length) : NULL;
    if (!colon)
        return refuse(why, "a header has no colon between name and value; one whose value has a "
                           "comma goes into headers_file");
    const char *value = colon + 1, *end = text + length;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    *header = (struct config_header){
        .name = text,
        .name_length = (size_t)(colon - text),
        .value = value,
        .value_length = (size_t)(end - value),
    };
    return check_name(header, why) && check_value(header, why);
}

bool config_headers_have(const struct config_strings *headers, const char *name, size_t length)
{
    for (size_t i = 0; i < headers->count; i++)
        if (is_name(headers->items[i], strcspn(headers->items[i], ":"), name, length))
            return true;
    return false;
}

static bool add_line(struct config_strings *headers, const struct config_header *header)
{
    char **items = reallocarray(headers->items, headers->count + 1, sizeof(*items));
    if (!items)
        return false;
    headers->items = items;
    if (asprintf(&items[headers->count], "%.*s: %.*s", (int)header->name_length, header->name,
                 (int)header->value_length, header->value) < 0)
        return false;
    headers->count++;
    return true;
}

bool config_headers_append(struct config_strings *headers, const char *text, size_t length,
                           char why[CONFIG_HEADER_WHY_MAX])
{
    struct config_header header;
    if (!config_header_parse(text, length, &header, why))
        return false;
    int shown = header.name_length < SHOWN_MAX ? (int)header.name_length : SHOWN_MAX;
    if (config_headers_have(headers, header.name, header.name_length))
        return refuse(why, "%.*s is there twice", shown, header.name);
    if (headers->count == CONFIG_HEADERS_MAX)
        return refuse(why, "there are more than %d headers", CONFIG_HEADERS_MAX);
    return add_line(headers, &header) || refuse(why, "out of memory");
}
