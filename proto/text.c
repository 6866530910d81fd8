/* SPDX-License-Identifier: MIT */
#include "proto/text.h"

#include <stdint.h>
#include <string.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The bytes of the character that `text` begins with, 1 to 4, or 0 when it is not well-formed. The
 * bounds of the second byte are those of table 3-7 of the Unicode standard. */
static size_t character_length(const char *text, size_t length)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x80) {
        return 1;
    }
    if (byte[0] >= 0xC2 && byte[0] <= 0xDF) {
        return length >= 2 && is_continuation(byte[1]) ? 2 : 0;
    }
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (byte[0] >= 0xE0 && byte[0] <= 0xEF) {
        low = byte[0] == 0xE0 ? 0xA0 : low;
        high = byte[0] == 0xED ? 0x9F : high;
        return length >= 3 && byte[1] >= low && byte[1] <= high && is_continuation(byte[2]) ? 3 : 0;
    }
    if (byte[0] >= 0xF0 && byte[0] <= 0xF4) {
        low = byte[0] == 0xF0 ? 0x90 : low;
        high = byte[0] == 0xF4 ? 0x8F : high;
        return length >= 4 && byte[1] >= low && byte[1] <= high && is_continuation(byte[2]) &&
                       is_continuation(byte[3])
                   ? 4
                   : 0;
    }
    return 0;
}

bool text_is_utf8(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        uint64_t word = 0;
        if (length - i >= sizeof word) {
            memcpy(&word, text + i, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t step = character_length(text + i, length - i);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

static bool needs_quotes(const char *text, size_t length)
{
    return length > 0 && (memchr(text, ',', length) != NULL || memchr(text, '"', length) != NULL);
}

/* Writes one CSV field. `escaping` turns CR, LF and backslash into escapes; a field with a quote
 * grows by it and by the two around, so that with an escape a byte the bound of 2 * length + 2
 * holds. */
static size_t write_csv(char *out, const char *text, size_t length, bool escaping)
{
    char *at = out;
    bool quoted = needs_quotes(text, length);
    if (quoted) {
        *at++ = '"';
    }
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (byte == '"') {
            *at++ = '"';
        } else if (escaping && (byte == '\r' || byte == '\n' || byte == '\\')) {
            *at++ = '\\';
            byte = byte == '\r' ? 'r' : byte == '\n' ? 'n' : byte;
        }
        *at++ = byte;
    }
    if (quoted) {
        *at++ = '"';
    }
    return (size_t)(at - out);
}

size_t text_escape_csv(char *out, const char *text, size_t length)
{
    return write_csv(out, text, length, true);
}

size_t text_quote_csv(char *out, const char *text, size_t length)
{
    return write_csv(out, text, length, false);
}

static char *write_json_unicode(char *out, unsigned code)
{
    static const char digits[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = 'u';
    for (unsigned shift = 16; shift > 0; shift -= 4) {
        *out++ = digits[(code >> (shift - 4)) & 15];
    }
    return out;
}

static char *write_json_ascii(char *out, char byte)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = byte != '\0' ? strchr(plain, byte) : NULL;
    if (found) {
        *out++ = '\\';
        *out++ = letters[found - plain];
    } else if ((unsigned char)byte < 0x20) {
        out = write_json_unicode(out, (unsigned char)byte);
    } else {
        *out++ = byte;
    }
    return out;
}

size_t text_escape_json(char *out, const char *text, size_t length)
{
    char *at = out;
    size_t i = 0;
    while (i < length) {
        size_t step = character_length(text + i, length - i);
        if (step == 1) {
            at = write_json_ascii(at, text[i]);
        } else if (step == 0) {
            at = write_json_unicode(at, 0xFFFD);
            step = 1;
        } else {
            memcpy(at, text + i, step);
            at += step;
        }
        i += step;
    }
    return (size_t)(at - out);
}

size_t text_escape_label(char *out, const char *text, size_t length)
{
    char *at = out;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (byte == '\\' || byte == '"' || byte == '\n') {
            *at++ = '\\';
        }
        *at++ = byte == '\n' ? 'n' : byte;
    }
    return (size_t)(at - out);
}

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_kept(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.' ||
           byte == ';' || byte == '=';
}

size_t text_clean_name(char *out, const char *text, size_t length)
{
    size_t kept = 0;
    bool blank = false;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i] == '/' ? '-' : text[i];
        bool again = blank;
        blank = is_blank(byte);
        if (blank && !again) {
            out[kept++] = '_';
        } else if (is_kept(byte)) {
            out[kept++] = byte;
        }
    }
    return kept;
}
