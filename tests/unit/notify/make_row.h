/* SPDX-License-Identifier: MIT
 *
 * Rows of alerts made by hand for the tests of what is told of them.
 */
#ifndef TESTS_UNIT_NOTIFY_MAKE_ROW_H
#define TESTS_UNIT_NOTIFY_MAKE_ROW_H

#include "server/core/require.h"
#include "server/notify/notification.h"

static inline struct alert_row make_row(const char *name, const char *metric,
                                        enum alert_state state)
{
    return (struct alert_row){
        .name = name,
        .condition = "p99 > 250",
        .description = "",
        .metric = metric,
        .tags = "env=prod",
        .reason = "p99 300 > 250",
        .state = state,
        .severity = SEVERITY_WARNING,
        .value = 300,
        .threshold = 250,
        .firing_since = 1764316800.5,
        .resolved_at = state == ALERT_RESOLVED ? 1764316900 : 0,
    };
}

static inline struct notification *make_notification(const char *name, const char *metric,
                                                     enum alert_state state)
{
    struct alert_row row = make_row(name, metric, state);
    struct notification *notification = notification_new(&row, false, 0);
    REQUIRE(notification);
    return notification;
}

#endif
