/* SPDX-License-Identifier: MIT */
#include "server/net/refusals.h"

#include <string.h>

void refusals_init(struct refusals *refusals, double per_second, unsigned burst)
{
    memset(refusals, 0, sizeof(*refusals));
    refusals->tokens_per_ns = per_second / 1e9;
    refusals->tokens_max = per_second > 0 ? (burst ? burst : 1) : 0;
    refusals->tokens = refusals->tokens_max;
}

static bool take_token(struct refusals *refusals, uint64_t now_ns)
{
    double gained = (double)(now_ns - refusals->filled_ns) * refusals->tokens_per_ns;
    refusals->tokens += gained;
    if (refusals->filled_ns == 0 || refusals->tokens > refusals->tokens_max) {
        refusals->tokens = refusals->tokens_max;
    }
    refusals->filled_ns = now_ns;
    if (refusals->tokens < 1) {
        return false;
    }
    refusals->tokens -= 1;
    return true;
}

static void fill(struct refusal *refusal, const char *line, size_t length)
{
    size_t shown = length < REFUSAL_LINE_BYTES - 1 ? length : REFUSAL_LINE_BYTES - 1;
    for (size_t i = 0; i < shown; i++) {
        refusal->line[i] = line[i] ? line[i] : '?';
    }
    refusal->line[shown] = '\0';
    refusal->line_length = (uint32_t)length;
}

void refusals_add(struct refusals *refusals, unsigned reason, const char *line, size_t length,
                  const struct sockaddr *sender, uint64_t now_ns)
{
    uint32_t written = atomic_load_explicit(&refusals->written, memory_order_relaxed);
    uint32_t read = atomic_load_explicit(&refusals->read, memory_order_acquire);
    if (written - read == REFUSALS_SLOTS || !take_token(refusals, now_ns)) {
        refusals->suppressed++;
        return;
    }
    struct refusal *refusal = &refusals->slots[written % REFUSALS_SLOTS];
    fill(refusal, line, length);
    address_format(sender, refusal->sender);
    refusal->reason = reason;
    refusal->suppressed = refusals->suppressed;
    refusals->suppressed = 0;
    atomic_store_explicit(&refusals->written, written + 1, memory_order_release);
}

bool refusals_next(struct refusals *refusals, struct refusal *refusal)
{
    uint32_t read = atomic_load_explicit(&refusals->read, memory_order_relaxed);
    if (read == atomic_load_explicit(&refusals->written, memory_order_acquire)) {
        return false;
    }
    *refusal = refusals->slots[read % REFUSALS_SLOTS];
    atomic_store_explicit(&refusals->read, read + 1, memory_order_release);
    return true;
}
