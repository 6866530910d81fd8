/* SPDX-License-Identifier: MIT
 *
 * The words for an alert's state, as CSV, JSON and label values spell them; references.
 */
#include "server/metrics/alert.h"

#include <stdlib.h>

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

struct alert_set *alert_set_ref(struct alert_set *set)
{
    if (set) {
        atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    }
    return set;
}

void alert_set_unref(struct alert_set *set)
{
    if (set && atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1) {
        free(set);
    }
}
