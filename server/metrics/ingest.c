/* SPDX-License-Identifier: MIT */
#include "server/metrics/ingest.h"

#include <string.h>

void ingest_publish(struct ingest *ingest, const struct ingest_figures *figures)
{
    uint64_t words[INGEST_WORDS];
    memcpy(words, figures, sizeof(words));
    uint32_t version = atomic_load_explicit(&ingest->version, memory_order_relaxed);
    atomic_store_explicit(&ingest->version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < INGEST_WORDS; i++) {
        atomic_store_explicit(&ingest->words[i], words[i], memory_order_relaxed);
    }
    atomic_store_explicit(&ingest->version, version + 2, memory_order_release);
}

void ingest_read(struct ingest *ingest, struct ingest_figures *figures)
{
    uint64_t words[INGEST_WORDS];
    uint32_t before, after;
    do {
        before = atomic_load_explicit(&ingest->version, memory_order_acquire);
        for (size_t i = 0; i < INGEST_WORDS; i++) {
            words[i] = atomic_load_explicit(&ingest->words[i], memory_order_relaxed);
        }
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&ingest->version, memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    memcpy(figures, words, sizeof(words));
}
