/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/bench_corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A short file is taken as often as makes a pass that can be timed. */
#define FILE_DATAGRAMS_MIN 4096

static bool add_span(struct bench_corpus *corpus, struct bench_span span)
{
    if (corpus->count == corpus->capacity) {
        size_t capacity = corpus->capacity ? corpus->capacity * 2 : 1024;
        struct bench_span *grown = realloc(corpus->datagrams, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        corpus->datagrams = grown;
        corpus->capacity = capacity;
    }
    corpus->datagrams[corpus->count++] = span;
    return true;
}

static bool add_datagram(struct bench_corpus *corpus, size_t length)
{
    struct bench_span span = {(uint32_t)corpus->length, (uint32_t)length};
    corpus->length += length;
    return add_span(corpus, span);
}

bool bench_corpus_render(struct bench_corpus *corpus, struct load_plan *plan,
                         size_t datagram_bytes_max, uint64_t metrics)
{
    if (!corpus->bytes) {
        corpus->bytes = malloc(BENCH_CORPUS_BYTES_MAX + datagram_bytes_max + LOAD_SLACK_BYTES);
    }
    uint64_t end = load_plan_tally(plan)->metrics + metrics;
    bool made = corpus->bytes != NULL;
    corpus->length = 0;
    corpus->count = 0;
    while (made && corpus->length < BENCH_CORPUS_BYTES_MAX &&
           load_plan_tally(plan)->metrics < end) {
        uint64_t left = end - load_plan_tally(plan)->metrics;
        made = add_datagram(corpus, load_plan_render(plan, corpus->bytes + corpus->length, left));
    }
    return made;
}

static bool cut(struct bench_corpus *corpus, size_t total, size_t bytes_max)
{
    while (corpus->length < total) {
        size_t rest = total - corpus->length;
        size_t length = rest < bytes_max ? rest : bytes_max;
        if (length < rest) {
            const char *end = memrchr(corpus->bytes + corpus->length, '\n', length);
            length = end ? (size_t)(end - corpus->bytes) + 1 - corpus->length : length;
        }
        if (!add_datagram(corpus, length)) {
            return false;
        }
    }
    return corpus->count > 0;
}

static bool repeat(struct bench_corpus *corpus)
{
    size_t once = corpus->count;
    while (corpus->count < FILE_DATAGRAMS_MIN) {
        if (!add_span(corpus, corpus->datagrams[corpus->count % once])) {
            return false;
        }
    }
    return true;
}

bool bench_corpus_read(struct bench_corpus *corpus, const char *path, size_t datagram_bytes_max,
                       const char **reason)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        *reason = "the file cannot be opened";
        return false;
    }
    *reason = "the file is empty, or out of memory";
    corpus->bytes = malloc(BENCH_CORPUS_BYTES_MAX);
    size_t total = corpus->bytes ? fread(corpus->bytes, 1, BENCH_CORPUS_BYTES_MAX, file) : 0;
    fclose(file);
    return total > 0 && cut(corpus, total, datagram_bytes_max) && repeat(corpus);
}

void bench_corpus_deinit(struct bench_corpus *corpus)
{
    free(corpus->bytes);
    free(corpus->datagrams);
    *corpus = (struct bench_corpus){0};
}
