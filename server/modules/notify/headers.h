/* SPDX-License-Identifier: MIT
 *
 * Further headers of a notifier's requests: those of its section, and those of its headers_file,
 * one a line; empty lines and those that begin with # are none. Any thread.
 */
#ifndef SERVER_MODULES_NOTIFY_HEADERS_H
#define SERVER_MODULES_NOTIFY_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* Fills an empty list, to be freed by headers_free() also where it fails: false with the reason,
 * which for a wrong line begins `FILE:LINE: `. No value is in it. */
bool headers_read(const struct config_notify *config, struct config_strings *headers, char *reason,
                  size_t reason_size);

void headers_free(struct config_strings *headers);

#endif
