/* SPDX-License-Identifier: MIT */
#include "server/net/pace.h"

#define NS_PER_MS UINT64_C(1000000)

/* What a wake-up should find: a batch that is not quite full takes one system call. */
#define DATAGRAMS_WANTED 48

/* Fewer than this within the longest wait are not worth a timer. */
#define DATAGRAMS_MIN 2

/* What senders on the same machine can queue at the very most: some 1,300,000 small datagrams a
 * second of 768 bytes each, as the kernel counts them. */
#define FLOOD_BYTES_PER_MS UINT64_C(1000000)

void pace_init(struct pace *pace, uint64_t buffer_bytes)
{
    uint64_t safe_ms = buffer_bytes / 2 / FLOOD_BYTES_PER_MS;
    *pace = (struct pace){.wait_ms_max =
                              safe_ms > PACE_WAIT_MS_MAX ? PACE_WAIT_MS_MAX : (unsigned)safe_ms};
}

unsigned pace_wait_ms(struct pace *pace, size_t taken, uint64_t now_ns)
{
    uint64_t elapsed_ns = now_ns - pace->drained_ns;
    uint64_t longest_ns = pace->wait_ms_max * NS_PER_MS;
    pace->drained_ns = now_ns;
    if (taken == 0 || taken * longest_ns / DATAGRAMS_MIN < elapsed_ns || longest_ns == 0) {
        return 0;
    }
    uint64_t wanted_ms = (DATAGRAMS_WANTED * elapsed_ns / taken + NS_PER_MS / 2) / NS_PER_MS;
    if (wanted_ms > pace->wait_ms_max) {
        return pace->wait_ms_max;
    }
    return wanted_ms > 0 ? (unsigned)wanted_ms : 1;
}
