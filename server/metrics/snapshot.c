/* SPDX-License-Identifier: MIT */
#include "server/metrics/snapshot.h"

#include "server/core/require.h"

struct snapshot *snapshot_ref(const struct snapshot *snapshot)
{
    /* A reference is no change of what the snapshot says: constness ends here and only here. */
    union {
        const struct snapshot *read;
        struct snapshot *owned;
    } view = {.read = snapshot};
    atomic_fetch_add_explicit(&view.owned->references, 1, memory_order_relaxed);
    return view.owned;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot) {
        return;
    }
    uint32_t before = atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel);
    REQUIRE(before > 0);
    if (before == 1 && snapshot->release) {
        snapshot->release(snapshot);
    }
}
