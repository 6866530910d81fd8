/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/glob.h"

#include <string.h>

#include "server/core/hash.h"

#define RULE_NONE UINT32_MAX
#define BUCKETS_MIN 4
#define SEED 0x676c6f62

/* A part of a pattern that has been read so far; `*` has a place of its own. */
struct glob_node {
    const char *text;
    size_t length;
    uint32_t rules[GLOB_TYPES]; /* of patterns that end here; RULE_NONE = none */
    uint32_t best[GLOB_TYPES];  /* the first of those that end here or below */
    struct glob_node *star;
    struct glob_node **buckets; /* literal parts, by hash */
    size_t bucket_count, literal_count;
    struct glob_node *next; /* in the bucket */
};

static struct glob_node *make_node(struct memory *memory, const char *text, size_t length)
{
    struct glob_node *node = memory_take(memory, sizeof(*node));
    if (node) {
        node->text = text;
        node->length = length;
        memset(node->rules, 0xff, sizeof(node->rules));
        memset(node->best, 0xff, sizeof(node->best));
    }
    return node;
}

bool glob_init(struct glob *glob, struct memory *memory)
{
    *glob = (struct glob){.root = make_node(memory, "", 0), .memory = memory};
    return glob->root != NULL;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_part(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(text[i]) && text[i] != '-' && (text[i] < '0' || text[i] > '9')) {
            return length == 1 && text[i] == '*';
        }
    }
    return length > 0;
}

static size_t part_length(const char *text, size_t length)
{
    const char *dot = memchr(text, '.', length);
    return dot ? (size_t)(dot - text) : length;
}

bool glob_is_valid(const char *match, size_t length)
{
    if (length == 0 || !(is_letter(match[0]) || match[0] == '*')) {
        return false;
    }
    for (size_t at = 0; at <= length;) {
        size_t part = part_length(match + at, length - at);
        if (!is_part(match + at, part)) {
            return false;
        }
        at += part + 1;
    }
    return true;
}

size_t glob_stars(const char *match, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += match[i] == '*';
    }
    return count;
}

static size_t bucket_of(const struct glob_node *node, const char *text, size_t length)
{
    return hash_bytes(text, length, SEED) & (node->bucket_count - 1);
}

static struct glob_node *find_literal(const struct glob_node *node, const char *text, size_t length)
{
    if (node->bucket_count == 0) {
        return NULL;
    }
    struct glob_node *child = node->buckets[bucket_of(node, text, length)];
    while (child && (child->length != length || memcmp(child->text, text, length) != 0)) {
        child = child->next;
    }
    return child;
}

static bool grow(struct glob *glob, struct glob_node *node)
{
    size_t before = node->bucket_count;
    size_t count = before ? before * 2 : BUCKETS_MIN;
    struct glob_node **old = node->buckets;
    struct glob_node **buckets = memory_take(glob->memory, count * sizeof(struct glob_node *));
    if (!buckets) {
        return false;
    }
    node->buckets = buckets;
    node->bucket_count = count;
    for (size_t i = 0; i < before; i++) {
        for (struct glob_node *child = old[i]; child;) {
            struct glob_node *next = child->next;
            size_t bucket = bucket_of(node, child->text, child->length);
            child->next = buckets[bucket];
            buckets[bucket] = child;
            child = next;
        }
    }
    return true;
}

static struct glob_node *add_literal(struct glob *glob, struct glob_node *node, const char *text,
                                     size_t length)
{
    if (node->literal_count == node->bucket_count && !grow(glob, node)) {
        return NULL;
    }
    struct glob_node *child = make_node(glob->memory, text, length);
    if (child) {
        size_t bucket = bucket_of(node, text, length);
        child->next = node->buckets[bucket];
        node->buckets[bucket] = child;
        node->literal_count++;
    }
    return child;
}

static struct glob_node *descend(struct glob *glob, struct glob_node *node, const char *text,
                                 size_t length)
{
    if (length == 1 && *text == '*') {
        node->star = node->star ? node->star : make_node(glob->memory, text, length);
        return node->star;
    }
    struct glob_node *child = find_literal(node, text, length);
    return child ? child : add_literal(glob, node, text, length);
}

static void note(uint32_t rules[GLOB_TYPES], unsigned types, uint32_t rule)
{
    for (unsigned type = 0; type < GLOB_TYPES; type++) {
        if (types & (1u << type) && rules[type] == RULE_NONE) {
            rules[type] = rule;
        }
    }
}

bool glob_add(struct glob *glob, const char *match, size_t length, unsigned types, uint32_t rule)
{
    struct glob_node *node = glob->root;
    size_t parts = 0;
    for (size_t at = 0; at <= length; parts++) {
        size_t part = part_length(match + at, length - at);
        note(node->best, types, rule);
        node = descend(glob, node, match + at, part);
        if (!node) {
            return false;
        }
        at += part + 1;
    }
    note(node->best, types, rule);
    note(node->rules, types, rule);
    glob->parts_max = parts > glob->parts_max ? parts : glob->parts_max;
    return true;
}

struct search {
    enum glob_type type;
    bool unordered;
    const char *end;
    uint32_t found;
    struct capture *captures; /* of the way that is being tried */
    size_t count;
    struct capture *best; /* of the rule that was found */
    size_t best_count;
    size_t visited;
};

/* As deep as the longest rule, which the file bounds. */
static void search_from(struct search *search, const struct glob_node *node, const char *at)
{
    bool found = search->found != RULE_NONE;
    search->visited++;
    if (node->best[search->type] >= search->found || (found && search->unordered)) {
        return;
    }
    if (at > search->end) {
        uint32_t rule = node->rules[search->type];
        if (rule < search->found) {
            search->found = rule;
            search->best_count = search->count;
            memcpy(search->best, search->captures, search->count * sizeof(*search->best));
        }
        return;
    }
    size_t length = part_length(at, (size_t)(search->end - at));
    const struct glob_node *literal = find_literal(node, at, length);
    if (literal) {
        search_from(search, literal, at + length + 1);
    }
    if (node->star) {
        search->captures[search->count++] = (struct capture){at, length};
        search_from(search, node->star, at + length + 1);
        search->count--;
    }
}

int64_t glob_find(const struct glob *glob, enum glob_type type, const char *name, size_t length,
                  struct capture *captures, size_t *count, size_t *visited)
{
    struct capture tried[GLOB_PARTS_MAX];
    tried[0] = (struct capture){"", 0};
    struct search search = {.type = type,
                            .unordered = glob->unordered,
                            .end = name + length,
                            .found = RULE_NONE,
                            .captures = tried,
                            .count = 1,
                            .best = captures};
    search_from(&search, glob->root, name);
    *count = search.best_count;
    *visited = search.visited;
    return search.found == RULE_NONE ? -1 : (int64_t)search.found;
}
