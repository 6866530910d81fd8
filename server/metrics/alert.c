/* SPDX-License-Identifier: MIT
 *
 * The words for an alert's state, as CSV, JSON and label values spell them.
 */
#include "server/metrics/alert.h"

#include "server/core/require.h"

const char *alert_state_name(enum alert_state state)
{
    static const char *const names[ALERT_STATES] = {
        [ALERT_INACTIVE] = "inactive",
        [ALERT_PENDING] = "pending",
        [ALERT_FIRING] = "firing",
        [ALERT_RESOLVED] = "resolved",
    };
    REQUIRE(state < ALERT_STATES);
    return names[state];
}
