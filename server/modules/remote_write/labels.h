/* SPDX-License-Identifier: MIT
 *
 * The labels of a series as remote write has them: sorted by name, the metric's own name among them
 * as `__name__`. Labels of the configuration are on every series; where a tag has the name of one,
 * it goes by `exported_` and that name, as Prometheus does when it scrapes. Functions of their
 * arguments.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_LABELS_H
#define SERVER_MODULES_REMOTE_WRITE_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/http/prom_name.h"

#define OWN_LABELS_MAX 32
#define ALL_LABELS_MAX (OWN_LABELS_MAX + PROM_LABELS_MAX + 1)

/* Offsets are into the text of the struct that holds it. */
struct label {
    size_t name, name_length;
    size_t value, value_length;
};

struct own_labels {
    char *text;
    struct label items[OWN_LABELS_MAX];
    size_t count;
};

/* Reads `name=value, name2=value2`. False with the reason, which says what is wrong; nothing is to
 * be freed then. */
bool own_labels_parse(struct own_labels *own, const char *text, char *reason, size_t reason_size);
void own_labels_deinit(struct own_labels *own);

/* For one caller after the other; all zero at first. */
struct label_writer {
    struct buffer text, value;
    struct label items[ALL_LABELS_MAX];
    size_t count;
};
void label_writer_deinit(struct label_writer *writer);

/* Appends the fields `labels` of a TimeSeries: `name` is the family's, `labels` the inside of the
 * braces in the text format. Memory shows in `out->failed`. */
void labels_encode(struct label_writer *writer, const struct own_labels *own, const char *name,
                   size_t name_length, const char *labels, size_t labels_length,
                   struct buffer *out);

#endif
