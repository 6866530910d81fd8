/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/stacks.h"

#include <stdlib.h>
#include <string.h>

/* Words of the header of a CPU profile: 0, words that follow, version, period in us, padding. */
enum { HEAD_ZERO, HEAD_WORDS, HEAD_VERSION, HEAD_PERIOD, HEAD_BYTES };

static const char no_memory[] = "out of memory";

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t word_at(const char *bytes, size_t i)
{
    uint64_t word;
    memcpy(&word, bytes + i * sizeof(word), sizeof(word));
    return word;
}

/* Room for whatever so many bytes can hold. */
static bool make_room(struct stacks *stacks, size_t frames_max)
{
    stacks->items = calloc(frames_max + 1, sizeof(*stacks->items));
    stacks->frames = calloc(frames_max + 1, sizeof(*stacks->frames));
    return stacks->items && stacks->frames;
}

static void add(struct stacks *stacks, uint64_t weight, uint64_t *frames, size_t count)
{
    /* A return address may be that of the next function already. */
    for (size_t i = 1; i < count; i++) {
        frames[i] -= frames[i] > 0;
    }
    uint64_t left = STACKS_WEIGHT_MAX - stacks->weight;
    weight = weight < left ? weight : left;
    stacks->items[stacks->count++] = (struct stack){weight, count, frames};
    stacks->weight += weight;
}

bool stacks_read_cpu(struct stacks *stacks, const char *bytes, size_t length, const char **fault)
{
    size_t words = length / sizeof(uint64_t), used = 0;
    *stacks = (struct stacks){0};
    *fault = "it is no CPU profile";
    if (words < HEAD_BYTES || word_at(bytes, HEAD_ZERO) != 0 || word_at(bytes, HEAD_WORDS) < 3 ||
        word_at(bytes, HEAD_VERSION) != 0 || word_at(bytes, HEAD_WORDS) > words - 2) {
        return false;
    }
    stacks->period_us = word_at(bytes, HEAD_PERIOD);
    size_t at = 2 + word_at(bytes, HEAD_WORDS);
    if (!make_room(stacks, words)) {
        *fault = no_memory;
        return false;
    }
    *fault = "the profile is cut short";
    while (at + 3 <= words) {
        uint64_t weight = word_at(bytes, at), count = word_at(bytes, at + 1);
        if (weight == 0) {
            return true; /* the mark at the end */
        }
        if (count == 0 || count > STACK_FRAMES_MAX || count > words - at - 2) {
            return false;
        }
        uint64_t *frames = stacks->frames + used;
        memcpy(frames, bytes + (at + 2) * sizeof(uint64_t), count * sizeof(uint64_t));
        add(stacks, weight, frames, count);
        used += count;
        at += 2 + count;
    }
    return false;
}

/* `  N:  BYTES [  M:  MORE] @ 0x1 0x2`; false for a line that is none. */
static bool read_record(struct stacks *stacks, char *line, size_t *used)
{
    char *at;
    strtoull(line, &at, 10);
    if (at == line || *at != ':') {
        return false;
    }
    uint64_t weight = strtoull(at + 1, &at, 10);
    at = strchr(at, '@');
    if (!at) {
        return false;
    }
    uint64_t *frames = stacks->frames + *used;
    size_t count = 0;
    for (char *end = ++at; count < STACK_FRAMES_MAX; at = end) {
        uint64_t frame = strtoull(at, &end, 16);
        if (end == at) {
            break;
        }
        frames[count++] = frame;
    }
    if (count > 0) {
        add(stacks, weight, frames, count);
        frames[0] -= frames[0] > 0; /* here the innermost is a return as well */
        *used += count;
    }
    return count > 0;
}

bool stacks_read_heap(struct stacks *stacks, const char *text, size_t length, const char **fault)
{
    static const char head[] = "heap profile:";
    char *copy = malloc(length + 1), *rest = copy;
    size_t used = 0;
    *stacks = (struct stacks){0};
    *fault = no_memory;
    if (copy && make_room(stacks, length)) {
        memcpy(copy, text, length);
        copy[length] = '\0';
        char *line = strsep(&rest, "\n");
        *fault = strncmp(line, head, sizeof(head) - 1) == 0 ? NULL : "it is no heap profile";
        while (!*fault && rest && (line = strsep(&rest, "\n")) && *line != '\0') {
            read_record(stacks, line, &used);
        }
    }
    free(copy);
    return !*fault;
}

void stacks_deinit(struct stacks *stacks)
{
    free(stacks->items);
    free(stacks->frames);
    *stacks = (struct stacks){0};
}

uint64_t *stacks_addresses(const struct stacks *stacks, size_t *count)
{
    size_t all = 0;
    for (size_t i = 0; i < stacks->count; i++) {
        all += stacks->items[i].count;
    }
    uint64_t *addresses = calloc(all + 1, sizeof(*addresses));
    *count = 0;
    if (!addresses) {
        return NULL;
    }
    memcpy(addresses, stacks->frames, all * sizeof(*addresses));
    qsort(addresses, all, sizeof(*addresses), compare);
    for (size_t i = 0; i < all; i++) {
        if (i == 0 || addresses[i] != addresses[i - 1]) {
            addresses[(*count)++] = addresses[i];
        }
    }
    return addresses;
}

/* The call of that name, made where it is missing, at its place by name. */
static struct call *enter(struct call *from, const char *name)
{
    struct call **link = &from->first;
    while (*link && strcmp((*link)->name, name) < 0) {
        link = &(*link)->next;
    }
    if (*link && strcmp((*link)->name, name) == 0) {
        return *link;
    }
    struct call *call = calloc(1, sizeof(*call));
    if (call) {
        *call = (struct call){.name = name, .next = *link};
        *link = call;
    }
    return call;
}

struct call *stacks_tree(const struct stacks *stacks, const uint64_t *addresses, char *const *names,
                         size_t count)
{
    struct call *root = calloc(1, sizeof(*root));
    bool right = root != NULL;
    if (right) {
        *root = (struct call){.name = "all", .weight = stacks->weight};
    }
    for (size_t i = 0; right && i < stacks->count; i++) {
        const struct stack *stack = &stacks->items[i];
        struct call *call = root;
        for (size_t frame = stack->count; right && frame-- > 0;) {
            const uint64_t *found =
                bsearch(&stack->frames[frame], addresses, count, sizeof(*addresses), compare);
            call = enter(call, found ? names[found - addresses] : "?");
            right = call != NULL;
            if (right) {
                call->weight += stack->weight;
            }
        }
    }
    if (!right) {
        call_free(root);
        return NULL;
    }
    return root;
}

void call_free(struct call *call)
{
    while (call) {
        struct call *next = call->next;
        call_free(call->first);
        free(call);
        call = next;
    }
}
