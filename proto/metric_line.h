/* SPDX-License-Identifier: MIT
 *
 * A metric line of the StatsD format, read sample by sample. It is the slow and complete path
 * behind statsd.h, which it must not be used without: the state lives in statsd_parser.at. Grammar:
 *
 *     line  = name [tags] ":" group *(":" group) [tail]
 *     group = value *(":" value) "|" type *("|@" rate / "|")
 *     tail  = "|" section *("|" section)        section = "#" tags / "c:" id / "T" time / "@" rate
 * / other
 *
 * The tail begins at the first section that is neither a rate nor empty. Its tags, container and
 * time belong to every sample of the line, its rate to the last group. In dialects etsy and
 * graphite a tail is tags alone and a group has one value. Tags in the name are name_tags.h.
 * Private to proto; a parser belongs to one thread.
 */
#ifndef PROTO_METRIC_LINE_H
#define PROTO_METRIC_LINE_H

#include "proto/statsd.h"

/* Finds the type that is written as the `length` bytes at `text`. */
bool metric_line_type(const char *text, size_t length, enum statsd_type *type);

/* How tags behind `|#` are to be read: to Graphite a ';' in a tag would begin the next one. */
static inline enum tags_style metric_line_tags_style(enum statsd_dialect dialect)
{
    return dialect == STATSD_GRAPHITE ? TAGS_COLON_CLEAN : TAGS_COLON;
}

/* Reads the name and the tail of `line`. STATSD_OK: the line is open and metric_line_read() gives
 * its samples. Any other reason refuses the line whole, which the caller counts. */
enum statsd_reason metric_line_open(struct statsd_parser *parser, struct span line);

/* The container of `line`, which must be one that metric_line_open() takes. Length 0 without one.
 */
struct span metric_line_container(const struct statsd_parser *parser, struct span line);

/* Writes exactly one item, a sample or a refusal, of the open line; after the last one it closes
 * the line and counts it. */
void metric_line_read(struct statsd_parser *parser, struct statsd_item *item);

#endif
