/* SPDX-License-Identifier: MIT */
#include "server/sink/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sink/exec_child.h"
#include "server/sink/exec_lines.h"
#include "server/sink/stream_sink.h"

struct exec_renderer {
    enum config_exec_format format;
    char name[128]; /* of the sink: "exec:disk" */
};

static void render(void *context, const struct snapshot *snapshot, struct blocks *out)
{
    const struct exec_renderer *renderer = context;
    struct buffer text = {0};
    exec_lines_render(renderer->format, snapshot, &text);
    for (size_t at = 0; at < text.length && !out->failed; at += BLOCK_BYTES) {
        size_t rest = text.length - at;
        size_t length = rest < BLOCK_BYTES ? rest : BLOCK_BYTES;
        char *room = blocks_begin(out, length);
        if (room) {
            memcpy(room, text.bytes + at, length);
            blocks_add(out, length);
        }
    }
    out->failed = out->failed || text.failed;
    buffer_deinit(&text);
}

static struct carrier *make_carrier(const void *maker, size_t receiver, struct event_base *base,
                                    carrier_done *done, void *context)
{
    const struct config_exec *section = maker;
    struct exec_options options = {
        .name = section->name,
        .arguments = section->command.items,
        .count = section->command.count,
        .deadline_ms = section->deadline_ms,
    };
    (void)receiver;
    return exec_child_new(&options, base, done, context);
}

struct sink *exec_sink_new(const struct config_exec *section, struct event_base *base,
                           sink_notify *notify, void *context, char *reason, size_t reason_size)
{
    struct exec_renderer *renderer = calloc(1, sizeof(*renderer));
    if (!renderer) {
        snprintf(reason, reason_size, "exec: out of memory");
        return NULL;
    }
    const char *name = section->name;
    renderer->format = section->format;
    snprintf(renderer->name, sizeof(renderer->name), "exec:%s", section->name);
    struct stream_sink_options options = {
        .name = renderer->name,
        .base = base,
        .receivers = &name,
        .receiver_count = 1,
        .memory_max = section->buffer_bytes,
        .make_carrier = make_carrier,
        .maker = section,
        .render = render,
        .free_renderer = free,
        .renderer = renderer,
        .notify = notify,
        .context = context,
    };
    return stream_sink_new(&options, reason, reason_size);
}
