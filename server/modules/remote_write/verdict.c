/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/verdict.h"

enum verdict verdict_of(long status, size_t series, unsigned halvings)
{
    if (status >= 200 && status < 300) {
        return VERDICT_TAKEN;
    }
    if (status < 200 || status == 429 || status >= 500) {
        return VERDICT_AGAIN;
    }
    bool cut = (status == 400 || status == 413) && series > 1 && halvings > 0;
    return cut ? VERDICT_HALVE : VERDICT_LOST;
}
