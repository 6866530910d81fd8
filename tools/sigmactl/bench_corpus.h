/* SPDX-License-Identifier: MIT
 *
 * Datagrams back to back in memory, as a worker would receive them: rendered by a load plan or cut
 * from a file. It owns its bytes. Once made it is read only, by any number of threads.
 */
#ifndef TOOLS_SIGMACTL_BENCH_CORPUS_H
#define TOOLS_SIGMACTL_BENCH_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/sigmactl/load_plan.h"

#define BENCH_CORPUS_BYTES_MAX (64 * 1024 * 1024)

struct bench_span {
    uint32_t offset, length;
};

struct bench_corpus {
    char *bytes;
    size_t length;
    struct bench_span *datagrams;
    size_t count, capacity;
};

/* Replaces what the corpus holds with the plan's next `metrics` metrics, or with as many as its
 * bytes allow. `datagram_bytes_max` is the plan's own. False without memory. */
bool bench_corpus_render(struct bench_corpus *corpus, struct load_plan *plan,
                         size_t datagram_bytes_max, uint64_t metrics);

/* Lines of a file, packed as a client would: whole lines, up to `datagram_bytes_max` a datagram.
 * A short file is repeated. False with the reason, a constant string. */
bool bench_corpus_read(struct bench_corpus *corpus, const char *path, size_t datagram_bytes_max,
                       const char **reason);

void bench_corpus_deinit(struct bench_corpus *corpus);

#endif
