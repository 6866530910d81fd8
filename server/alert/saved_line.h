/* SPDX-License-Identifier: MIT
 *
 * What the lines that alerts are kept in have in common: fields by tabs, in which tab, LF and
 * backslash are escaped, and the first of which name a rule and a series. One thread at a time.
 */
#ifndef SERVER_ALERT_SAVED_LINE_H
#define SERVER_ALERT_SAVED_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/alert/engine_private.h"
#include "server/core/buffer.h"

/* Appends the text as a field, without its tab. */
void alert_line_put(struct buffer *out, const char *text);

/* Appends a tab and the number. */
void alert_line_put_number(struct buffer *out, double value);

/* The next field of what is left of a line, undone in place; false where there is none, or where an
 * escape is none of ours. */
bool alert_line_take(char **rest, const char **field);

/* Hands every line of the text that is not empty to `take`, in a copy that it may write to; false
 * where it refused one, or without memory. */
bool alert_lines_read(struct alert_engine *engine, double wall_offset_s, const char *text,
                      size_t length,
                      bool (*take)(struct alert_engine *engine, double wall_offset_s, char *line));

/* The index of the rule of this name and condition; rule_count where there is none. */
size_t alert_line_rule(const struct alert_engine *engine, const char *name, const char *condition);

/* Adds an alert of this rule and series that was saved, which then waits among the strays; NULL,
 * and counted, where there is no room. */
struct alert_instance *alert_line_add(struct alert_engine *engine, size_t rule, const char *metric,
                                      const char *tags, uint32_t *handle);

#endif
