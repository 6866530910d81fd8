/* SPDX-License-Identifier: MIT */
#include "server/state_text.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "sigmad state "
#define VERSION "1"
#define LINE_BYTES 80 /* of lines of ours */

void state_text_deinit(struct state_text *state)
{
    for (size_t i = 0; i < state->count; i++) {
        buffer_deinit(&state->sections[i].text);
    }
    *state = (struct state_text){.count = 0};
}

struct state_section *state_text_section(struct state_text *state, const char *name)
{
    for (size_t i = 0; i < state->count; i++) {
        if (strcmp(state->sections[i].name, name) == 0) {
            return &state->sections[i];
        }
    }
    if (state->count == STATE_SECTIONS_MAX) {
        return NULL;
    }
    struct state_section *section = &state->sections[state->count++];
    snprintf(section->name, sizeof(section->name), "%s", name);
    return section;
}

static uint64_t sum_of(const char *bytes, size_t length)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++) {
        sum = (sum ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

static size_t count_lines(const char *text, size_t length)
{
    size_t lines = 0;
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

void state_text_write(const struct state_text *state, struct buffer *out)
{
    size_t start = out->length;
    buffer_append_text(out, MAGIC VERSION "\n");
    for (size_t i = 0; i < state->count; i++) {
        const struct state_section *section = &state->sections[i];
        if (section->text.length > 0) {
            buffer_append_format(out, "[%s %zu]\n", section->name,
                                 count_lines(section->text.bytes, section->text.length));
            buffer_append(out, section->text.bytes, section->text.length);
        }
    }
    if (!out->failed) {
        buffer_append_format(out, "sum %016" PRIx64 "\n",
                             sum_of(out->bytes + start, out->length - start));
    }
}

/* What is left to read. */
struct reading {
    const char *at, *end;
};

/* The next line without its LF, as long as it fits; false where there is none. */
static bool next_line(struct reading *reading, char line[LINE_BYTES])
{
    size_t rest = (size_t)(reading->end - reading->at);
    const char *end = rest > 0 ? memchr(reading->at, '\n', rest) : NULL;
    size_t length = end ? (size_t)(end - reading->at) : 0;
    if (!end || length >= LINE_BYTES) {
        return false;
    }
    memcpy(line, reading->at, length);
    line[length] = '\0';
    reading->at = end + 1;
    return strlen(line) == length;
}

/* Passes over so many lines. */
static bool skip_lines(struct reading *reading, size_t lines)
{
    for (; lines > 0; lines--) {
        size_t rest = (size_t)(reading->end - reading->at);
        const char *end = rest > 0 ? memchr(reading->at, '\n', rest) : NULL;
        if (!end) {
            return false;
        }
        reading->at = end + 1;
    }
    return true;
}

/* `[name count]`. */
static bool read_heading(const char *line, char name[STATE_NAME_BYTES], size_t *lines)
{
    int length = 0;
    return sscanf(line, "[%31[a-z_] %9zu]%n", name, lines, &length) == 2 &&
           (size_t)length == strlen(line);
}

static bool read_sections(struct state_text *state, struct reading *reading)
{
    char line[LINE_BYTES], name[STATE_NAME_BYTES];
    size_t lines;
    while (reading->at < reading->end) {
        if (!next_line(reading, line) || !read_heading(line, name, &lines)) {
            return false;
        }
        const char *text = reading->at;
        struct state_section *section = state_text_section(state, name);
        if (!section || section->text.length > 0 || state->count > STATE_SECTIONS_MAX / 2 ||
            !skip_lines(reading, lines)) {
            return false;
        }
        buffer_append(&section->text, text, (size_t)(reading->at - text));
        if (section->text.failed) {
            return false;
        }
    }
    return true;
}

static bool refuse(char *reason, const char *why)
{
    snprintf(reason, STATE_REASON_BYTES, "%s", why);
    return false;
}

/* The first line: what it is, and which version. */
static bool read_magic(struct reading *reading, char *reason)
{
    char line[LINE_BYTES];
    if (!next_line(reading, line) || strncmp(line, MAGIC, strlen(MAGIC)) != 0) {
        return refuse(reason, "is not a state file");
    }
    const char *version = line + strlen(MAGIC);
    if (strcmp(version, VERSION) != 0) {
        snprintf(reason, STATE_REASON_BYTES, "is of version '%.40s', not " VERSION, version);
        return false;
    }
    return true;
}

/* The last line, which is then cut off. */
static bool read_sum(struct reading *reading, const char *bytes)
{
    char expected[LINE_BYTES];
    size_t length = strlen("sum 0123456789abcdef\n");
    if ((size_t)(reading->end - reading->at) < length) {
        return false;
    }
    const char *line = reading->end - length;
    snprintf(expected, sizeof(expected), "sum %016" PRIx64 "\n",
             sum_of(bytes, (size_t)(line - bytes)));
    reading->end = line;
    return memcmp(line, expected, length) == 0;
}

bool state_text_read(struct state_text *state, const char *bytes, size_t length,
                     char reason[STATE_REASON_BYTES])
{
    struct reading reading = {.at = bytes, .end = bytes + length};
    if (!read_magic(&reading, reason)) {
        return false;
    }
    if (!read_sum(&reading, bytes)) {
        return refuse(reason, "is damaged: its sum is another, or missing");
    }
    if (!read_sections(state, &reading)) {
        state_text_deinit(state);
        return refuse(reason, "is damaged: it is not made of sections");
    }
    return true;
}
