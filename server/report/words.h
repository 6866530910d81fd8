/* SPDX-License-Identifier: MIT
 *
 * Figures, stamps and other people's text as a report shows them: numbers with three digits and a
 * unit, stamps in UTC, and names that no sender can use to write markup. Appends to a buffer.
 * Functions of their arguments; any thread.
 */
#ifndef SERVER_REPORT_WORDS_H
#define SERVER_REPORT_WORDS_H

#include <stddef.h>

#include "server/core/buffer.h"

enum unit {
    UNIT_NONE,
    UNIT_PER_SECOND,
    UNIT_MS,      /* shown in µs, ms, s, min or h, whichever fits */
    UNIT_SECONDS, /* the same */
    UNIT_BYTES,   /* in KiB, MiB and so on */
    UNIT_SHARE,   /* a fraction, shown in percent */
    UNITS
};

/* `12.3 k/s`, `214 ms`, `1.50 GiB`, `37 %`: three significant digits, whole numbers below 10,000 in
 * full; a dash for what is not finite. */
void words_put_figure(struct buffer *out, double value, enum unit unit);

/* The same into a text that is cut at `size`. */
const char *words_figure(char *text, size_t size, double value, enum unit unit);

/* `3 windows`, `1 window`: a whole number in full, with what it counts. */
void words_put_count(struct buffer *out, double count, const char *one, const char *many);

/* `90 s`, `5 min`, `1 h 30 min`, `2 d 3 h`, to the two largest parts. */
void words_put_span(struct buffer *out, double seconds);

/* `2026-11-28 06:52:48` and `06:52:48`, UTC, of Unix seconds; a dash for what is not a stamp. */
void words_put_stamp(struct buffer *out, double seconds);
void words_put_time(struct buffer *out, double seconds);

/* Text of HTML, XML and their attributes: markup escaped, what is no UTF-8, a control character or
 * none of XML's replaced by U+FFFD. */
void words_put_html(struct buffer *out, const char *text, size_t length);

/* Text of Markdown: every character that could begin markup has a backslash in front, the bars of
 * tables too; control characters become blanks. */
void words_put_markdown(struct buffer *out, const char *text, size_t length);

/* A code span of Markdown that may stand in a table: whatever the text has, it is shown as it is.
 */
void words_put_code(struct buffer *out, const char *text, size_t length);

#endif
