/* SPDX-License-Identifier: MIT */
#include "server/notify/render.h"

#include "server/notify/texts.h"

/* Slack wants messages with few attachments. */
#define SLACK_TOGETHER_MAX 20

size_t notify_render_max(const struct config_notify *config)
{
    if (config->template_file || config->type == NOTIFY_PROGRAM) {
        return 1;
    }
    return config->type == NOTIFY_SLACK ? SLACK_TOGETHER_MAX : NOTIFY_TOGETHER_MAX;
}

static void fill_template(const struct notify_batch *batch, struct buffer *out)
{
    notify_text_fill(out, batch->template, batch->template_length, batch->items[0],
                     batch->config->name, NOTIFY_FILL_JSON);
}

void notify_render(const struct notify_batch *batch, struct buffer *out)
{
    switch (batch->config->type) {
    case NOTIFY_SMTP:
        notify_render_mail(batch, out);
        return;
    case NOTIFY_SLACK:
        notify_render_slack(batch, out);
        return;
    case NOTIFY_ALERTMANAGER:
        notify_render_alertmanager(batch, out);
        return;
    default:
        (batch->template ? fill_template : notify_render_webhook)(batch, out);
    }
}
