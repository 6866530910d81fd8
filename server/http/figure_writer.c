/* SPDX-License-Identifier: MIT */
#include "server/http/figure_writer.h"

#include <string.h>

#include "server/http/prom_name.h"
#include "server/http/protobuf.h"
#include "server/http/protobuf_format.h"

static enum protobuf_type type_of(const struct figure_writer *writer)
{
    return writer->counter ? PROTOBUF_COUNTER : PROTOBUF_GAUGE;
}

static void end_family(struct figure_writer *writer)
{
    if (writer->name && writer->format == FORMAT_PROTOBUF) {
        protobuf_end(writer->out, writer->begun);
    }
    writer->name = NULL;
}

void figure_writer_begin(struct figure_writer *writer, enum format format, struct buffer *out)
{
    *writer = (struct figure_writer){.format = format, .out = out};
}

void figure_writer_end(struct figure_writer *writer)
{
    end_family(writer);
}

static void write_head_line(struct figure_writer *writer, const char *keyword, const char *text)
{
    struct buffer *out = writer->out;
    size_t length = strlen(writer->name);
    if (writer->counter && writer->format == FORMAT_OPENMETRICS) {
        length -= strlen("_total");
    }
    buffer_append_text(out, keyword);
    buffer_append(out, writer->name, length);
    buffer_append(out, " ", 1);
    buffer_append_text(out, text);
    buffer_append(out, "\n", 1);
}

void figure_family(struct figure_writer *writer, const char *name, const char *type,
                   const char *help)
{
    end_family(writer);
    writer->name = name;
    writer->counter = strcmp(type, "counter") == 0;
    if (writer->format == FORMAT_PROTOBUF) {
        writer->begun = protobuf_format_head(writer->out, name, strlen(name), help, strlen(help),
                                             type_of(writer));
    } else {
        write_head_line(writer, "# HELP ", help);
        write_head_line(writer, "# TYPE ", type);
    }
}

void figure_labelled(struct figure_writer *writer, const char *labels, double number)
{
    struct buffer *out = writer->out;
    if (writer->format == FORMAT_PROTOBUF) {
        protobuf_format_metric(out, labels, strlen(labels), type_of(writer), number);
        return;
    }
    buffer_append_text(out, writer->name);
    if (*labels) {
        buffer_append(out, "{", 1);
        buffer_append_text(out, labels);
        buffer_append(out, "}", 1);
    }
    buffer_append(out, " ", 1);
    buffer_append_number(out, number);
    buffer_append(out, "\n", 1);
}

void figure_sample(struct figure_writer *writer, const char *label, const char *value,
                   double number)
{
    struct buffer labels;
    buffer_init(&labels);
    if (label) {
        buffer_append_text(&labels, label);
        buffer_append(&labels, "=\"", 2);
        prom_append_value(&labels, value, strlen(value));
        buffer_append(&labels, "\"", 1);
    }
    buffer_append(&labels, "", 1); /* the closing NUL */
    writer->out->failed |= labels.failed;
    if (!labels.failed) {
        figure_labelled(writer, labels.bytes, number);
    }
    buffer_deinit(&labels);
}
