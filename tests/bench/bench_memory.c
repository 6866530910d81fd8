/* SPDX-License-Identifier: MIT
 *
 * R, the floor of whatever a million series cost beyond what a few do: reading one random 64-byte
 * line of memory that no cache holds. Loads that do not wait for each other, as a pipeline with
 * prefetches issues them; beside it loads that do, which is the latency. Each with small pages and
 * with huge ones, where the kernel grants them. Nanoseconds a line, medians.
 *
 *   bench_memory [--json]
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LINE_BYTES 64
#define LINES (UINT64_C(1) << 23) /* 512 MiB */
#define HUGE_PAGE (UINT64_C(1) << 21)
#define READS (UINT64_C(1) << 22)
#define CHASES (UINT64_C(1) << 20)
#define ROUNDS 5

struct line {
    uint64_t next; /* a chain through all lines */
    uint64_t rest[LINE_BYTES / sizeof(uint64_t) - 1];
};

struct figure {
    const char *name;
    bool huge, dependent;
    double ns[ROUNDS];
};

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Written at once, so that every page is there. A full-period generator modulo a power of two
 * (Hull and Dobell 1962) makes the chain one cycle over all lines. */
static struct line *make_lines(bool huge)
{
    struct line *lines = aligned_alloc(HUGE_PAGE, LINES * LINE_BYTES);
    if (!lines) {
        fprintf(stderr, "bench_memory: out of memory\n");
        exit(1);
    }
    madvise(lines, LINES * LINE_BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < LINES; i++) {
        lines[i].next = (i * UINT64_C(2862933555777941757) + UINT64_C(3037000493)) % LINES;
    }
    return lines;
}

static uint64_t read_apart(const struct line *lines, uint64_t *state)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < READS; i++) {
        sum += lines[(next_random(state) >> 20) % LINES].next;
    }
    return sum;
}

static uint64_t read_in_turn(const struct line *lines, uint64_t *state)
{
    uint64_t at = next_random(state) % LINES;
    for (uint64_t i = 0; i < CHASES; i++) {
        at = lines[at].next;
    }
    return at;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(struct figure *figure, const struct line *lines, uint64_t *state)
{
    volatile uint64_t kept;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begun = now_ns();
        kept = figure->dependent ? read_in_turn(lines, state) : read_apart(lines, state);
        uint64_t count = figure->dependent ? CHASES : READS;
        figure->ns[round] = (double)(now_ns() - begun) / (double)count;
    }
    (void)kept;
    qsort(figure->ns, ROUNDS, sizeof(figure->ns[0]), compare);
}

static void print(const struct figure *figures, size_t count, bool json)
{
    printf(json ? "{\"benchmark\": \"memory\", \"figures\": [" : "ns a line, medians of five\n");
    for (size_t i = 0; i < count; i++) {
        double ns = figures[i].ns[ROUNDS / 2];
        if (json) {
            printf("%s\n  {\"name\": \"%s\", \"ns_per_line\": %.2f}", i > 0 ? "," : "",
                   figures[i].name, ns);
        } else {
            printf("%-36s %8.2f\n", figures[i].name, ns);
        }
    }
    printf(json ? "\n]}\n" : "");
}

int main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        fprintf(stderr, "usage: bench_memory [--json]\n");
        return 2;
    }
    struct figure figures[] = {
        {.name = "R, small pages", .huge = false, .dependent = false},
        {.name = "latency, small pages", .huge = false, .dependent = true},
        {.name = "R, huge pages", .huge = true, .dependent = false},
        {.name = "latency, huge pages", .huge = true, .dependent = true},
    };
    size_t count = sizeof(figures) / sizeof(figures[0]);
    uint64_t state = UINT64_C(88172645463325252);
    for (size_t i = 0; i < count; i++) {
        struct line *lines = make_lines(figures[i].huge);
        measure(&figures[i], lines, &state);
        free(lines);
    }
    print(figures, count, json);
    return 0;
}
