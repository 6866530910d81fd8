/* SPDX-License-Identifier: MIT
 *
 * Reads the INI format through inih, and reports with its line what inih as distributions build it
 * would swallow: lines longer than its buffer, section names longer than its buffer, sections that
 * are unclosed, unknown or empty, text behind a section, lines that are neither key nor comment,
 * control characters. Knows nothing about which sections and keys exist. Belongs to one thread;
 * borrows everything.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include <stdbool.h>
#include <stdio.h>

/* Who takes what is read. All strings are valid during the call only. */
struct config_reader_sink {
    /* A section begins. True when it is known; entries of others are not handed over. */
    bool (*section)(void *user, unsigned line, const char *name);
    /* KEY = VALUE, both trimmed and without their comment. A continuation is an indented line that
     * adds to the key above, whose name comes again, cut to what inih keeps of it. */
    void (*entry)(void *user, unsigned line, const char *key, const char *value, bool continuation);
    /* Something is wrong with a line; line 0 is the file as a whole. */
    void (*fault)(void *user, unsigned line, const char *message);
    void *user;
};

/* Reads to the end of the stream, which stays the caller's. A UTF-8 byte order mark and CR LF line
 * ends are taken. Time is linear in the bytes read. */
void config_reader_run(FILE *stream, const struct config_reader_sink *sink);

#endif
