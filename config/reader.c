/* SPDX-License-Identifier: MIT
 *
 * inih pulls each line through read_line() and calls take_entry() at most once before it pulls the
 * next, so the reader always knows the line of a call, and which lines led to none. The rules by
 * which a line counts as comment, continuation or section mirror those of ini_parse_stream() in
 * inih 55.
 */
#include "config/reader.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

/* What is taken of a line, even where inih was built for longer ones. */
#define LINE_BYTES (INI_MAX_LINE - 1)

struct reader {
    FILE *stream;
    const struct config_reader_sink *sink;
    unsigned line;
    enum { SECTION_NONE, SECTION_KNOWN, SECTION_UNKNOWN } section;
    bool has_previous; /* inih remembers a key that an indented line would continue */
    bool continuation; /* the present line is such a line */
    bool awaiting;     /* the present line should lead to a call of take_entry() */
    bool ignored;      /* the present line is already a fault; its entry is not handed over */
    bool faulty;
};

/* What is wrong with the bytes of a line, before anything is made of them. */
enum line_damage { LINE_SOUND, LINE_OVERLONG, LINE_CONTROL };

static void report(struct reader *reader, unsigned line, const char *message)
{
    reader->faulty = true;
    reader->sink->fault(reader->sink->user, line, message);
}

static char *skip_blanks(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

static void trim_end(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
}

/* The first `stop` (none when NUL), or the blank-preceded ';' that begins a comment, or the end. */
static char *find_stop_or_comment(char *text, char stop)
{
    bool after_blank = false;
    for (; *text; text++) {
        if ((stop && *text == stop) || (after_blank && *text == ';'))
            return text;
        after_blank = isspace((unsigned char)*text);
    }
    return text;
}

static bool is_control(int byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/* Replaces what must not be in a text, most of all NUL, at which inih would stop reading. */
static bool blank_control_characters(char *text, size_t length)
{
    bool found = false;
    for (size_t i = 0; i < length; i++) {
        if (is_control((unsigned char)text[i])) {
            text[i] = '?';
            found = true;
        }
    }
    return found;
}

/* Takes one line without its line end into `out`, and drops what does not fit. False at the end. */
static bool take_line(FILE *stream, char *out, size_t size, enum line_damage *damage)
{
    size_t length = 0;
    bool overlong = false;
    int byte = getc(stream);
    if (byte == EOF)
        return false;
    for (; byte != EOF && byte != '\n'; byte = getc(stream)) {
        if (length < size - 1)
            out[length++] = (char)byte;
        else if (byte != '\r')
            overlong = true;
    }
    if (length > 0 && out[length - 1] == '\r')
        length--;
    out[length] = '\0';
    bool control = blank_control_characters(out, length);
    *damage = overlong ? LINE_OVERLONG : control ? LINE_CONTROL : LINE_SOUND;
    return true;
}

static void strip_byte_order_mark(char *line)
{
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
        memmove(line, line + 3, strlen(line + 3) + 1);
}

/* A line that should have been an entry and led to none. */
static void settle_line(struct reader *reader)
{
    if (reader->awaiting)
        report(reader, reader->line, "neither a [section] nor KEY = VALUE nor a comment");
    reader->awaiting = false;
}

static void read_section(struct reader *reader, char *bracket)
{
    char name[LINE_BYTES + 1];
    char *end = find_stop_or_comment(bracket + 1, ']');
    reader->section = SECTION_UNKNOWN;
    if (*end != ']') {
        report(reader, reader->line, "the section has no closing ]");
        return;
    }
    reader->has_previous = false;
    size_t length = (size_t)(end - bracket - 1);
    if (length >= sizeof(name)) {
        report(reader, reader->line, "the section's name is too long");
        return;
    }
    memcpy(name, bracket + 1, length);
    name[length] = '\0';
    if (reader->sink->section(reader->sink->user, reader->line, name))
        reader->section = SECTION_KNOWN;
    else
        reader->faulty = true;
    const char *behind = skip_blanks(end + 1);
    if (*behind && *behind != ';' && *behind != '#')
        report(reader, reader->line,
               "there is text behind the section's ]; a key has its own line");
}

static void report_damage(struct reader *reader, enum line_damage damage, const char *start)
{
    char message[96];
    if (damage == LINE_OVERLONG)
        snprintf(message, sizeof(message),
                 "the line is longer than %d bytes; a list may go on in indented lines",
                 LINE_BYTES);
    else
        snprintf(message, sizeof(message), "the line holds a control character");
    report(reader, reader->line, message);
    reader->ignored = true;
    if (*start == '[')
        reader->section = SECTION_UNKNOWN;
}

static void judge_line(struct reader *reader, char *line, enum line_damage damage)
{
    char *start = skip_blanks(line);
    reader->continuation = false;
    reader->ignored = false;
    if (*start == '\0' || *start == ';' || *start == '#')
        return;
    reader->continuation = reader->has_previous && start > line;
    if (damage != LINE_SOUND)
        report_damage(reader, damage, start);
    else if (*start == '[' && !reader->continuation)
        read_section(reader, start);
    else
        reader->awaiting = true;
}

static char *read_line(char *out, int size, void *user)
{
    struct reader *reader = user;
    enum line_damage damage;
    settle_line(reader);
    int taken = size < LINE_BYTES + 1 ? size : LINE_BYTES + 1;
    if (!take_line(reader->stream, out, (size_t)taken, &damage))
        return NULL;
    reader->line++;
    if (reader->line == 1)
        strip_byte_order_mark(out);
    judge_line(reader, out, damage);
    return out;
}

static int take_entry(void *user, const char *section, const char *name, const char *value)
{
    struct reader *reader = user;
    char text[LINE_BYTES + 1];
    (void)section;
    reader->awaiting = false;
    reader->has_previous = *name != '\0';
    if (reader->ignored || reader->section == SECTION_UNKNOWN)
        return 1;
    if (*name == '\0') {
        report(reader, reader->line, "there is no key in front of the =");
        return 1;
    }
    if (reader->section == SECTION_NONE) {
        report(reader, reader->line, "the key stands in front of the first [section]");
        return 1;
    }
    /* inih keeps the comments of continuation lines. */
    snprintf(text, sizeof(text), "%s", value);
    *find_stop_or_comment(text, '\0') = '\0';
    trim_end(text);
    reader->sink->entry(reader->sink->user, reader->line, name, text, reader->continuation);
    return 1;
}

void config_reader_run(FILE *stream, const struct config_reader_sink *sink)
{
    struct reader reader = {.stream = stream, .sink = sink, .section = SECTION_NONE};
    int status = ini_parse_stream(read_line, &reader, take_entry, &reader);
    settle_line(&reader);
    if (ferror(stream))
        report(&reader, 0, strerror(errno));
    /* What other builds of inih may refuse beyond the rules mirrored here. */
    if (status != 0 && !reader.faulty)
        report(&reader, status > 0 ? (unsigned)status : 0, "the line cannot be read");
}
