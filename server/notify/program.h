/* SPDX-License-Identifier: MIT
 *
 * A channel to a program, which is started for each notification: the body on standard input, and
 * what matters in environment variables (ALERT_NAME, ALERT_STATUS, …). Exit status 0 means that it
 * was told; after any other, or a time-out, which kills it, it is started again later. Main thread.
 */
#ifndef SERVER_NOTIFY_PROGRAM_H
#define SERVER_NOTIFY_PROGRAM_H

#include "server/notify/channel.h"

/* NULL without memory. The configuration may go afterwards. */
struct channel *program_channel_new(const struct config_notify *config, struct event_base *base,
                                    channel_done *done, void *context);

/* The variables of a notification, "ALERT_NAME=…" and so on, and behind them those of
 * `environment` that do not begin with ALERT_; NULL at the end. To be freed with
 * program_environment_free(). NULL without memory. */
char **program_environment_new(const struct notification *notification, const char *notifier,
                               char *const *environment);
void program_environment_free(char **environment); /* NULL is allowed */

#endif
