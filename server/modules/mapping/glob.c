/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/glob.h"

#include <string.h>

#define RULE_NONE UINT32_MAX
#define BUCKETS_MIN 4

/* A part of a pattern that has been read so far; `*` has a place of its own. */
struct glob_node {
    const char *text;
    size_t length;
    uint32_t rules[GLOB_TYPES]; /* of patterns that end here; RULE_NONE = none */
    uint32_t best[GLOB_TYPES];  /* the first of those that end here or below */
    uint32_t left_min[GLOB_TYPES], left_max[GLOB_TYPES]; /* parts that they still have */
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
        memset(node->left_min, 0xff, sizeof(node->left_min));
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

/* FNV-1a. What is hashed into the tree is the file's, so that no sender can fill a bucket; and the
 * server's own hash has no seed yet when the file is read. */
static size_t bucket_of(const struct glob_node *node, const char *text, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    return (hash ^ hash >> 32) & (node->bucket_count - 1);
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

/* A rule of these types goes on from here for so many parts. */
static void pass(struct glob_node *node, unsigned types, uint32_t rule, uint32_t left)
{
    note(node->best, types, rule);
    for (unsigned type = 0; type < GLOB_TYPES; type++) {
        if (types & (1u << type)) {
            node->left_min[type] = left < node->left_min[type] ? left : node->left_min[type];
            node->left_max[type] = left > node->left_max[type] ? left : node->left_max[type];
        }
    }
}

static uint32_t count_parts(const char *text, size_t length)
{
    uint32_t count = 1;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == '.';
    }
    return count;
}

bool glob_add(struct glob *glob, const char *match, size_t length, unsigned types, uint32_t rule)
{
    struct glob_node *node = glob->root;
    uint32_t left = count_parts(match, length);
    glob->parts_max = left > glob->parts_max ? left : glob->parts_max;
    for (size_t at = 0; at <= length; left--) {
        size_t part = part_length(match + at, length - at);
        pass(node, types, rule, left);
        node = descend(glob, node, match + at, part);
        if (!node) {
            return false;
        }
        at += part + 1;
    }
    pass(node, types, rule, 0);
    note(node->rules, types, rule);
    return true;
}

struct search {
    enum glob_type type;
    bool unordered;
    bool straight;
    const char *end;
    uint32_t left; /* parts of the name from here on */
    uint32_t found;
    struct capture *captures; /* of the way that is being tried */
    size_t count;
    struct capture *best; /* of the rule that was found */
    size_t best_count;
    size_t visited;
};

/* Whether a rule of the type goes on from the node with as many parts as the name has. */
static bool leads_on(const struct search *search, const struct glob_node *node)
{
    return node && search->left >= node->left_min[search->type] &&
           search->left <= node->left_max[search->type];
}

static void search_from(struct search *search, const struct glob_node *node, const char *at);

static void search_below(struct search *search, const struct glob_node *node, const char *at,
                         size_t length)
{
    const struct glob_node *literal = find_literal(node, at, length);
    search->left--;
    bool found = leads_on(search, literal);
    if (found) {
        search_from(search, literal, at + length + 1);
    }
    if (leads_on(search, node->star) && !(found && search->straight)) {
        search->captures[search->count++] = (struct capture){at, length};
        search_from(search, node->star, at + length + 1);
        search->count--;
    }
    search->left++;
}

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
    search_below(search, node, at, part_length(at, (size_t)(search->end - at)));
}

int64_t glob_find(const struct glob *glob, enum glob_type type, const char *name, size_t length,
                  struct capture *captures, size_t *count, size_t *visited)
{
    struct capture tried[GLOB_PARTS_MAX];
    tried[0] = (struct capture){"", 0};
    struct search search = {.type = type,
                            .unordered = glob->unordered,
                            .straight = glob->straight,
                            .end = name + length,
                            .left = count_parts(name, length),
                            .found = RULE_NONE,
                            .captures = tried,
                            .count = 1,
                            .best = captures};
    search_from(&search, glob->root, name);
    *count = search.best_count;
    *visited = search.visited;
    return search.found == RULE_NONE ? -1 : (int64_t)search.found;
}
