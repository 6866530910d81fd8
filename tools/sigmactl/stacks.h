/* SPDX-License-Identifier: MIT
 *
 * Stacks of a profile and how much was seen with each: read from the two legacy forms that
 * gperftools writes (CPU: binary words; heap: text), and joined to a tree of functions. One thread.
 */
#ifndef TOOLS_SIGMACTL_STACKS_H
#define TOOLS_SIGMACTL_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_FRAMES_MAX 256

/* What a profile says beyond this is not taken in: no sum overflows. */
#define STACKS_WEIGHT_MAX (UINT64_C(1) << 62)

struct stack {
    uint64_t weight; /* samples of a CPU profile, bytes in use of a heap profile */
    size_t count;
    const uint64_t *frames; /* the innermost first; addresses of calls, not of returns */
};

struct stacks {
    struct stack *items;
    size_t count;
    uint64_t *frames;   /* of all */
    uint64_t weight;    /* of all */
    uint64_t period_us; /* between two samples; 0 for the heap */
};

/* False, with what is wrong, where the bytes are no such profile, whole or not, or memory is out.
 * Freed by stacks_deinit() either way. The form of the CPU profile: gperftools,
 * docs/cpuprofile-fileformat.html; of this machine's word size and byte order. */
bool stacks_read_cpu(struct stacks *stacks, const char *bytes, size_t length, const char **fault);
bool stacks_read_heap(struct stacks *stacks, const char *text, size_t length, const char **fault);
void stacks_deinit(struct stacks *stacks);

/* The addresses of all frames, ascending, each once. Returns how many; NULL without memory. */
uint64_t *stacks_addresses(const struct stacks *stacks, size_t *count);

/* A function called from the one above it. */
struct call {
    const char *name;
    uint64_t weight;           /* of it and all that it calls */
    struct call *first, *next; /* what it calls, by name */
};

/* The tree below a root named "all". `names` are those of the `count` addresses. Freed by
 * call_free(); NULL without memory. */
struct call *stacks_tree(const struct stacks *stacks, const uint64_t *addresses, char *const *names,
                         size_t count);
void call_free(struct call *call);

#endif
