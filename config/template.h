/* SPDX-License-Identifier: MIT
 *
 * Texts about an alert with places to be filled in, {{alert}} and the like; blanks inside of the
 * braces do not matter. All else stands for itself, }} too; {{ always begins a place. This only
 * finds the places, so that faults can be told before there is an alert (server/notify/ fills them
 * in). Pure; works on the caller's text, which need not end with a NUL.
 */
#ifndef CONFIG_TEMPLATE_H
#define CONFIG_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a template at most, and of what is wrong with one in words. */
#define TEMPLATE_BYTES_MAX 65536
#define TEMPLATE_WHY_MAX 256

enum template_place {
    TEMPLATE_STATUS, /* "firing" or "resolved" */
    TEMPLATE_ALERT,  /* name of the [alert] */
    TEMPLATE_SEVERITY,
    TEMPLATE_METRIC,
    TEMPLATE_TAGS, /* k=v;k2=v2 */
    TEMPLATE_REASON,
    TEMPLATE_CONDITION,
    TEMPLATE_DESCRIPTION,
    TEMPLATE_VALUE, /* a number, in JSON null where there is none */
    TEMPLATE_THRESHOLD,
    TEMPLATE_STARTS_AT, /* 2026-11-28T07:00:00.000Z */
    TEMPLATE_ENDS_AT,   /* the same; nothing while it fires */
    TEMPLATE_NOTIFIER,  /* name of the [notify] */
    TEMPLATE_PLACES
};
const char *template_place_name(enum template_place place); /* "status", … */

enum template_step {
    TEMPLATE_TEXT,  /* text and length */
    TEMPLATE_PLACE, /* place */
    TEMPLATE_FAULT, /* why; the next step goes on behind it */
    TEMPLATE_END
};

struct template_scan {
    const char *at, *end;
    unsigned line; /* of what comes next, from 1 */
};

struct template_part {
    const char *text;
    size_t length;
    enum template_place place;
    unsigned line; /* in which it begins */
    char why[TEMPLATE_WHY_MAX];
};

static inline struct template_scan template_begin(const char *text, size_t length)
{
    return (struct template_scan){.at = text, .end = text + length, .line = 1};
}

/* The next part. Parts cover the whole text, and none is empty. */
enum template_step template_next(struct template_scan *scan, struct template_part *part);

#endif
