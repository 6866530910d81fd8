/* SPDX-License-Identifier: MIT
 *
 * What alerts are called and why they are there, in words. Pure, but for memory where the name says
 * so; any thread.
 */
#ifndef SERVER_ALERT_TEXTS_H
#define SERVER_ALERT_TEXTS_H

#include <stddef.h>

#include "config/condition.h"
#include "server/alert/instance.h"
#include "server/alert/rule.h"

/* Room for `key=value`; longer ones are cut. */
#define ALERT_TAG_BYTES 4096

/* Room for a reason. */
#define ALERT_REASON_BYTES 192

/* Writes `key=value`, of a tag without a value the key alone. Returns the length. */
size_t alert_text_tag(char out[ALERT_TAG_BYTES], const struct tag *tag);

/* The name of a series and its tags as the tags column of CSV has them, each closed by a NUL, in
 * one piece that is the caller's to free; NULL without memory. *tags points into it. */
char *alert_text_names(const struct identity *identity, char **tags);

/* "p99 312 > 250 for 3 windows". */
void alert_text_reason(char out[ALERT_REASON_BYTES], const struct alert_rule *rule,
                       const struct alert_instance *instance);

#endif
