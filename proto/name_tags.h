/* SPDX-License-Identifier: MIT
 *
 * Tags that senders write into the name of a metric, each dialect in its own way:
 *
 *     n,k=v,k2=v2     influxdb            n#k=v,k2=v2     librato
 *     n[k=v,k2=v2]m   signalfx: name nm   n;k=v;k2=v2     graphite
 *
 * Where such a block is in a name, and what the name is without it. A dialect by name takes
 * whatever stands behind its mark for the block; auto takes the first of each mark for one if every
 * part is `key=value`, the leftmost where several are, and leaves any other name as it is. Pure
 * functions.
 */
#ifndef PROTO_NAME_TAGS_H
#define PROTO_NAME_TAGS_H

#include "proto/statsd.h"

/* What of a sample says which series it is. */
struct name_tags {
    struct span name; /* without the block, but with it where style is TAGS_INSIDE */
    struct span tags; /* the block without its marks */
    enum tags_style style;
};

/* Splits the name [start, end), which has no mark in front of `first`. Without a block, tags are
 * empty and the style is TAGS_COLON. False when nothing is left for a name. Linear. */
bool name_tags_find(enum statsd_dialect dialect, const char *bytes, uint32_t start, uint32_t first,
                    uint32_t end, struct name_tags *found);

/* A name and its tags as tags_parse() and everything behind it take them. */
struct name_tags_text {
    const char *name, *tags;
    size_t name_length, tags_length;
};

/* Takes a block out of the name that it stands in, and rewrites tags that are not to be taken as
 * they were sent. `text` is what a sample's spans say; afterwards it points to the same bytes or
 * into `scratch`, which must hold name_length + tags_length bytes. */
void name_tags_resolve(enum tags_style style, struct name_tags_text *text, char *scratch);

#endif
