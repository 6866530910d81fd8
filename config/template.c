/* SPDX-License-Identifier: MIT */
#include "config/template.h"

#include <stdio.h>
#include <string.h>

/* Bytes of an unknown place that are shown. */
#define SHOWN_MAX 40

static const char *const names[TEMPLATE_PLACES] = {
    [TEMPLATE_STATUS] = "status",       [TEMPLATE_ALERT] = "alert",
    [TEMPLATE_SEVERITY] = "severity",   [TEMPLATE_METRIC] = "metric",
    [TEMPLATE_TAGS] = "tags",           [TEMPLATE_REASON] = "reason",
    [TEMPLATE_CONDITION] = "condition", [TEMPLATE_DESCRIPTION] = "description",
    [TEMPLATE_VALUE] = "value",         [TEMPLATE_THRESHOLD] = "threshold",
    [TEMPLATE_STARTS_AT] = "starts_at", [TEMPLATE_ENDS_AT] = "ends_at",
    [TEMPLATE_NOTIFIER] = "notifier",
};

const char *template_place_name(enum template_place place)
{
    return names[place];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void list_places(char why[TEMPLATE_WHY_MAX])
{
    for (int i = 0; i < TEMPLATE_PLACES; i++) {
        size_t length = strlen(why);
        snprintf(why + length, TEMPLATE_WHY_MAX - length, "%s%s", i > 0 ? ", " : "", names[i]);
    }
}

/* What stands between braces. */
static enum template_step read_place(struct template_part *part)
{
    const char *text = part->text + 2;
    size_t length = part->length - 4;
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    while (length > 0 && is_blank(text[length - 1])) {
        length--;
    }
    for (int i = 0; i < TEMPLATE_PLACES; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0) {
            part->place = (enum template_place)i;
            return TEMPLATE_PLACE;
        }
    }
    int shown = (int)(length < SHOWN_MAX ? length : SHOWN_MAX);
    snprintf(part->why, sizeof(part->why), "{{%.*s}} is none of ", shown, text);
    list_places(part->why);
    return TEMPLATE_FAULT;
}

static const char *find(const char *at, const char *end, const char *what)
{
    return memmem(at, (size_t)(end - at), what, 2);
}

enum template_step template_next(struct template_scan *scan, struct template_part *part)
{
    enum template_step step = TEMPLATE_TEXT;
    const char *open = find(scan->at, scan->end, "{{");
    *part = (struct template_part){.text = scan->at, .line = scan->line};
    if (scan->at == scan->end) {
        return TEMPLATE_END;
    }
    if (open != scan->at) {
        part->length = (size_t)((open ? open : scan->end) - scan->at);
    } else {
        const char *line_end = memchr(open, '\n', (size_t)(scan->end - open));
        const char *close = find(open + 2, line_end ? line_end : scan->end, "}}");
        part->length = close ? (size_t)(close + 2 - open) : 2;
        if (close) {
            step = read_place(part);
        } else {
            snprintf(part->why, sizeof(part->why), "{{ has no }} in its line");
            step = TEMPLATE_FAULT;
        }
    }
    scan->at += part->length;
    for (size_t i = 0; i < part->length; i++) {
        scan->line += part->text[i] == '\n';
    }
    return step;
}
