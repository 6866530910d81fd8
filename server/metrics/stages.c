/* SPDX-License-Identifier: MIT */
#include "server/metrics/stages.h"

#include "server/core/require.h"

const char *flush_stage_name(enum flush_stage stage)
{
    static const char *const names[FLUSH_STAGES] = {
        [STAGE_COLLECT] = "collect", [STAGE_DERIVE] = "derive",   [STAGE_DETECT] = "detect",
        [STAGE_ALERT] = "alert",     [STAGE_PUBLISH] = "publish", [STAGE_EXPIRE] = "expire",
    };
    REQUIRE(stage < FLUSH_STAGES);
    return names[stage];
}
