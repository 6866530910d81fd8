/* SPDX-License-Identifier: MIT
 *
 * Writes the shipped statsd.ini from the schema: a key with its default, and beside it what it
 * means, what it may be, and whether a change needs a restart. Sentences start in one column and
 * are wrapped.
 */
#include <stdarg.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"

#define COMMENT_COLUMN 36
#define LINE_WIDTH 112
#define SENTENCE_MAX 640

static const char heading[] =
    "; sigmad: every key with its default. `sigmad --check -c FILE` tells what is wrong with a "
    "file.\n"
    ";\n"
    "; durations  500ms 10s 5m 1h 2d\n"
    "; sizes      64KiB 16MiB 4GiB\n"
    "; rates      10/min (or /s, /h, /d)\n"
    "; lists      by comma; they may go on in indented lines\n"
    "; off        `off` or nothing turns a listener or an output off\n"
    "; paths      from the folder of this file\n"
    "; comments   ; or # at the start of a line; behind a value a blank and ;\n"
    "; sections   that have a name in quotes may be there any number of times, with other names\n"
    ";\n"
    "; A key is overridden by the environment (SIGMAD_FLUSH_INTERVAL=1s), and that by the command "
    "line\n"
    "; (--set flush.interval=1s). SIGHUP reads this file again; keys marked `restart` wait for the "
    "next start.\n";

static void write_blanks(FILE *out, size_t from, size_t to)
{
    for (; from < to; from++)
        putc(' ', out);
}

/* Writes words behind `; ` from `column`, and goes on in further comment lines from the same one.
 */
static void write_comment(FILE *out, const char *sentence, size_t column)
{
    size_t at = column + 1;
    putc(';', out);
    while (*sentence) {
        size_t word = strcspn(sentence, " ");
        if (at + 1 + word > LINE_WIDTH) {
            putc('\n', out);
            write_blanks(out, 0, column);
            putc(';', out);
            at = column + 1;
        }
        fprintf(out, " %.*s", (int)word, sentence);
        at += 1 + word;
        sentence += word;
        sentence += strspn(sentence, " ");
    }
    putc('\n', out);
}

/* What stands in brackets behind a sentence, by semicolon. */
struct remarks {
    char *out;
    size_t length;
    bool any;
};

static void add_remark(struct remarks *remarks, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_remark(struct remarks *remarks, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    remarks->length += (size_t)snprintf(remarks->out + remarks->length,
                                        SENTENCE_MAX - remarks->length, remarks->any ? "; " : " (");
    remarks->length += (size_t)vsnprintf(remarks->out + remarks->length,
                                         SENTENCE_MAX - remarks->length, format, arguments);
    va_end(arguments);
    remarks->any = true;
}

/* The sentence with what the value may be, the defaults of profiles, and when it takes effect:
 * "Length of a window (50ms to 1d; restart)." */
static void format_sentence(const struct config_key *key, char out[SENTENCE_MAX])
{
    char bounds[CONFIG_BOUNDS_MAX];
    struct remarks remarks = {.out = out};
    int body = (int)strlen(key->help) - 1;
    remarks.length = (size_t)snprintf(out, SENTENCE_MAX, "%.*s", body, key->help);
    if (config_key_format_bounds(key, bounds) > 0)
        add_remark(&remarks, "%s", bounds);
    for (unsigned profile = 0; profile < CONFIG_PROFILES; profile++)
        if (key->profile_presets[profile])
            add_remark(&remarks, "profile %s: %s", config_profile_word(profile),
                       key->profile_presets[profile]);
    if (key->effect == EFFECT_RESTART)
        add_remark(&remarks, "restart");
    snprintf(out + remarks.length, SENTENCE_MAX - remarks.length, "%s.", remarks.any ? ")" : "");
}

static void write_key(FILE *out, const struct config_key *key)
{
    char sentence[SENTENCE_MAX];
    const char *blank = *key->preset ? " " : "";
    size_t width = strlen(key->name) + strlen(" =") + strlen(blank) + strlen(key->preset);
    format_sentence(key, sentence);
    if (width >= COMMENT_COLUMN) {
        write_comment(out, sentence, 0);
        fprintf(out, "%s = %s\n", key->name, key->preset);
        return;
    }
    fprintf(out, "%s =%s%s", key->name, blank, key->preset);
    write_blanks(out, width, COMMENT_COLUMN);
    write_comment(out, sentence, COMMENT_COLUMN);
}

/* One example, commented out: a named section has no entries unless somebody writes them. */
static void write_example(FILE *out, const struct config_key *key)
{
    char sentence[SENTENCE_MAX];
    const char *value = key->example ? key->example : key->preset;
    size_t width = strlen(";") + strlen(key->name) + strlen(" = ") + strlen(value);
    format_sentence(key, sentence);
    fprintf(out, ";%s = %s", key->name, value);
    if (width >= COMMENT_COLUMN)
        putc('\n', out);
    write_blanks(out, width < COMMENT_COLUMN ? width : 0, COMMENT_COLUMN);
    write_comment(out, sentence, COMMENT_COLUMN);
}

static void write_section(FILE *out, const struct config_section *section)
{
    if (config_section_is_named(section))
        fprintf(out, "\n; %s\n;[%s \"%s\"]\n", section->help, section->name, section->example);
    else
        fprintf(out, "\n; %s\n[%s]\n", section->help, section->name);
}

void config_write_documented(FILE *out)
{
    fputs(heading, out);
    for (size_t s = 0; s < config_section_count; s++) {
        const struct config_section *section = &config_sections[s];
        write_section(out, section);
        for (size_t k = 0; k < config_key_count; k++) {
            if (strcmp(config_keys[k].section, section->name) != 0)
                continue;
            if (config_section_is_named(section))
                write_example(out, &config_keys[k]);
            else
                write_key(out, &config_keys[k]);
        }
    }
}
