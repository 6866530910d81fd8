/* SPDX-License-Identifier: MIT
 *
 * Writes families of counters and gauges, one after the other, in any format of /metrics: those
 * that the server has of itself. Names and help texts are string literals that need no escaping.
 */
#ifndef SERVER_HTTP_FIGURE_WRITER_H
#define SERVER_HTTP_FIGURE_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/http/format.h"

struct figure_writer {
    enum format format;
    struct buffer *out;
    const char *name; /* of the open family; NULL: there is none */
    bool counter;
    size_t begun; /* protobuf_begin() */
};

void figure_writer_begin(struct figure_writer *writer, enum format format, struct buffer *out);
void figure_writer_end(struct figure_writer *writer);

/* `type` is counter, then the name ends in `_total`, or gauge. */
void figure_family(struct figure_writer *writer, const char *name, const char *type,
                   const char *help);

/* A sample of the latest family with one label, NULL for none, whose value is escaped here. */
void figure_sample(struct figure_writer *writer, const char *label, const char *value,
                   double number);

/* With labels as prom_append_labels() has them. */
void figure_labelled(struct figure_writer *writer, const char *labels, double number);

#endif
