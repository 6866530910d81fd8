/* SPDX-License-Identifier: MIT
 *
 * DogStatsD lines that are not metrics: events and service checks. Stricter than metrics on
 * purpose, as the projects that test them are: an unknown, empty, repeated or unreadable section
 * refuses the line. Private to proto, behind statsd.h; pure functions.
 */
#ifndef PROTO_DOGSTATSD_H
#define PROTO_DOGSTATSD_H

#include "proto/statsd.h"

bool dogstatsd_is_event(const char *bytes, struct span line);
bool dogstatsd_is_service_check(const char *bytes, struct span line);

/* Read `line`, which the matching test above has accepted, into a zeroed item and its details, and
 * set its kind. False refuses the line; item and details are then half written. *skipped counts
 * sections (`e:`, `card:`) known but not kept. */
typedef bool dogstatsd_read(const char *bytes, struct span line, struct statsd_item *item,
                            struct statsd_details *details, uint32_t *skipped);

dogstatsd_read dogstatsd_read_event;
dogstatsd_read dogstatsd_read_service_check;

#endif
