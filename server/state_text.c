/* SPDX-License-Identifier: MIT */
#include "server/state_text.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "sigmad state "
#define VERSION "2"
#define HEADING "[%s %zu %016" PRIx64 "]"
#define END "end %zu"
#define LINE_BYTES 80 /* of lines of ours */

void state_text_deinit(struct state_text *state)
{
    for (size_t i = 0; i < state->count; i++) {
        buffer_deinit(&state->sections[i].text);
    }
    *state = (struct state_text){.count = 0};
}

const struct state_section *state_text_find(const struct state_text *state, const char *name)
{
    for (size_t i = 0; i < state->count; i++) {
        if (strcmp(state->sections[i].name, name) == 0) {
            return &state->sections[i];
        }
    }
    return NULL;
}

struct state_section *state_text_section(struct state_text *state, const char *name)
{
    const struct state_section *there = state_text_find(state, name);
    if (there) {
        return &state->sections[there - state->sections];
    }
    if (state->count == STATE_SECTIONS_MAX) {
        return NULL;
    }
    struct state_section *section = &state->sections[state->count++];
    snprintf(section->name, sizeof(section->name), "%s", name);
    return section;
}

#define SUM_OF_NOTHING UINT64_C(0xcbf29ce484222325)

static uint64_t sum_on(uint64_t sum, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        sum = (sum ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

static uint64_t sum_of_section(const char *name, const char *lines, size_t length)
{
    return sum_on(sum_on(SUM_OF_NOTHING, name, strlen(name)), lines, length);
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
    size_t written = 0;
    buffer_append_text(out, MAGIC VERSION "\n");
    for (size_t i = 0; i < state->count; i++) {
        const struct state_section *section = &state->sections[i];
        const struct buffer *text = &section->text;
        if (text->length > 0) {
            buffer_append_format(out, HEADING "\n", section->name,
                                 count_lines(text->bytes, text->length),
                                 sum_of_section(section->name, text->bytes, text->length));
            buffer_append(out, text->bytes, text->length);
            written++;
        }
    }
    buffer_append_format(out, END "\n", written);
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

static bool refuse(char *reason, const char *why)
{
    snprintf(reason, STATE_REASON_BYTES, "%s", why);
    return false;
}

/* Takes a section over; false where there was one of its name, or no room. */
static bool take_section(struct state_text *state, const char *name, const char *text,
                         size_t length)
{
    if (state_text_find(state, name) || state->count == STATE_SECTIONS_MAX / 2) {
        return false;
    }
    struct buffer *own = &state_text_section(state, name)->text;
    buffer_append(own, text, length);
    if (own->failed) {
        state->count--;
        buffer_deinit(own);
        return false;
    }
    return true;
}

/* `[name count sum]`. */
struct heading {
    char name[STATE_NAME_BYTES];
    size_t lines;
    uint64_t sum;
};

static bool read_heading(const char *line, struct heading *heading)
{
    char same[LINE_BYTES];
    if (sscanf(line, "[%31[a-z_] %9zu %16" SCNx64 "]", heading->name, &heading->lines,
               &heading->sum) != 3) {
        return false;
    }
    snprintf(same, sizeof(same), HEADING, heading->name, heading->lines, heading->sum);
    return strcmp(line, same) == 0;
}

/* Whether a whole section begins here, which is then taken; else nothing has been read. */
static bool read_section(struct state_text *state, struct reading *reading,
                         const struct heading *heading)
{
    struct reading lines = *reading;
    if (!skip_lines(&lines, heading->lines)) {
        return false;
    }
    size_t length = (size_t)(lines.at - reading->at);
    if (sum_of_section(heading->name, reading->at, length) != heading->sum ||
        !take_section(state, heading->name, reading->at, length)) {
        return false;
    }
    *reading = lines;
    return true;
}

/* Whether this is the last line, behind so many sections. */
static bool is_end(const struct state_text *state, const struct reading *reading, const char *line)
{
    char expected[LINE_BYTES];
    snprintf(expected, sizeof(expected), END, state->count);
    return reading->at == reading->end && strcmp(line, expected) == 0;
}

/* What is no section is passed over line by line until one begins: each is damage. There are not
 * more headings in it than a file may have sections, or it is given up. */
static bool read_sections(struct state_text *state, struct reading *reading, char *reason)
{
    char line[LINE_BYTES];
    struct heading heading;
    bool sound = true, ended = false;
    for (size_t broken = 0; reading->at < reading->end && broken < STATE_SECTIONS_MAX;) {
        const char *at = reading->at;
        bool is_short = next_line(reading, line);
        bool is_heading = is_short && read_heading(line, &heading);
        ended = is_short && is_end(state, reading, line);
        if (ended || (is_heading && read_section(state, reading, &heading))) {
            continue;
        }
        broken += is_heading;
        if (sound && is_heading) {
            snprintf(reason, STATE_REASON_BYTES, "is damaged: [%s] is not what was written",
                     heading.name);
        } else if (sound) {
            refuse(reason, "is damaged: it is not made of sections");
        }
        sound = false;
        reading->at = at;
        if (!skip_lines(reading, 1)) {
            break;
        }
    }
    return sound && (ended || refuse(reason, "is damaged: its end is missing"));
}

/* Version 1: `[name count]`, and `sum` with that of all bytes before as the last line. */
static bool read_sum_1(struct reading *reading, const char *bytes)
{
    char expected[LINE_BYTES];
    size_t length = strlen("sum 0123456789abcdef\n");
    if ((size_t)(reading->end - reading->at) < length) {
        return false;
    }
    const char *line = reading->end - length;
    snprintf(expected, sizeof(expected), "sum %016" PRIx64 "\n",
             sum_on(SUM_OF_NOTHING, bytes, (size_t)(line - bytes)));
    reading->end = line;
    return memcmp(line, expected, length) == 0;
}

static bool read_sections_1(struct state_text *state, struct reading *reading)
{
    char line[LINE_BYTES], name[STATE_NAME_BYTES];
    while (reading->at < reading->end) {
        size_t lines;
        int length = 0;
        if (!next_line(reading, line) ||
            sscanf(line, "[%31[a-z_] %9zu]%n", name, &lines, &length) != 2 ||
            (size_t)length != strlen(line)) {
            return false;
        }
        const char *text = reading->at;
        if (!skip_lines(reading, lines) ||
            !take_section(state, name, text, (size_t)(reading->at - text))) {
            return false;
        }
    }
    return true;
}

static bool read_version_1(struct state_text *state, struct reading *reading, const char *bytes,
                           char *reason)
{
    if (!read_sum_1(reading, bytes)) {
        return refuse(reason, "is damaged: its sum is another, or missing");
    }
    if (!read_sections_1(state, reading)) {
        state_text_deinit(state);
        return refuse(reason, "is damaged: it is not made of sections");
    }
    return true;
}

bool state_text_read(struct state_text *state, const char *bytes, size_t length,
                     char reason[STATE_REASON_BYTES])
{
    struct reading reading = {.at = bytes, .end = bytes + length};
    char line[LINE_BYTES];
    if (!next_line(&reading, line) || strncmp(line, MAGIC, strlen(MAGIC)) != 0) {
        return refuse(reason, "is not a state file");
    }
    const char *version = line + strlen(MAGIC);
    if (strcmp(version, "1") == 0) {
        return read_version_1(state, &reading, bytes, reason);
    }
    if (strcmp(version, VERSION) != 0) {
        snprintf(reason, STATE_REASON_BYTES, "is of version '%.40s', not " VERSION, version);
        return false;
    }
    return read_sections(state, &reading, reason);
}
