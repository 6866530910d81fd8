/* SPDX-License-Identifier: MIT
 *
 * The alerts as JSON: what the rules do, how many series they match (none, perhaps: a pattern that
 * nobody meant), and every alert that is pending, firing or was just resolved. Pure.
 */
#ifndef SERVER_HTTP_ALERTS_JSON_H
#define SERVER_HTTP_ALERTS_JSON_H

#include "server/http/json.h"
#include "server/metrics/snapshot.h"

/* Of the latest closed window; NULL is before the first. */
void alerts_json_write(struct json *json, const struct snapshot *closed);

#endif
