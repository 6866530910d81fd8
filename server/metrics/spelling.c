/* SPDX-License-Identifier: MIT */
#include "server/metrics/spelling.h"

#include "server/core/hash.h"
#include "server/core/require.h"

#define TAGS_SEED UINT64_C(0x7a65)

static size_t spelling_bytes(size_t name_length, size_t tags_length)
{
    return offsetof(struct spelling, bytes) + name_length + tags_length;
}

bool spellings_init(struct spellings *spellings, const struct lines *identities, struct pool *pool,
                    uint64_t count_max)
{
    spellings->identities = identities;
    spellings->count_max = count_max;
    return lines_init(&spellings->lines, pool) && table_init(&spellings->table);
}

void spellings_deinit(struct spellings *spellings)
{
    lines_deinit(&spellings->lines);
    table_deinit(&spellings->table);
}

static uint32_t hash_of(const struct spelling_key *key)
{
    uint64_t hash = hash_bytes(key->name, key->name_length, (uint64_t)key->form + 1);
    if (key->tags_length > 0) {
        hash ^= hash_bytes(key->tags, key->tags_length, TAGS_SEED) * 31;
    }
    return table_hash(hash);
}

void spelling_key_hash(struct spelling_key *key)
{
    key->hash = hash_of(key);
}

struct spelling_key spelling_key(const char *datagram, const struct statsd_item *item)
{
    struct spelling_key key = {
        .name = datagram + item->name.offset,
        .tags = datagram + item->tags.offset,
        .name_length = item->name.length,
        .tags_length = item->tags.length,
        .form = spelling_form((enum statsd_type)item->type, (enum tags_style)item->tags_style)};
    key.hash = hash_of(&key);
    return key;
}

static struct table_slot *find(const struct spellings *spellings, const struct spelling_key *key,
                               uint32_t *place)
{
    struct table_slot *slot = table_first(&spellings->table, key->hash);
    while (slot && !spellings_confirm(spellings, slot->value, key, place)) {
        slot = table_next(&spellings->table, slot);
    }
    return slot;
}

bool spellings_find(const struct spellings *spellings, const struct spelling_key *key,
                    uint32_t *place)
{
    return find(spellings, key, place) != NULL;
}

/* A record of its own for a spelling; LINES_NONE at a bound. */
static uint32_t record(struct spellings *spellings, const struct spelling_key *key, uint32_t place,
                       uint32_t next)
{
    size_t bytes = spelling_bytes(key->name_length, key->tags_length);
    if (bytes > (size_t)LINES_RUN_MAX * LINE_BYTES) {
        return LINES_NONE;
    }
    uint32_t line = lines_take(&spellings->lines, bytes);
    if (line == LINES_NONE) {
        return LINES_NONE;
    }
    struct spelling *spelling = lines_at(&spellings->lines, line);
    spelling->next = next;
    spelling->place = place;
    spelling->tags_length = key->tags_length;
    spelling->name_length = (uint16_t)key->name_length;
    spelling->form = key->form;
    memcpy(spelling->bytes, key->name, key->name_length);
    memcpy(spelling->bytes + key->name_length, key->tags, key->tags_length);
    return line;
}

void spellings_enter(struct spellings *spellings, const struct spelling_key *key,
                     const struct identity *identity, uint32_t *chain)
{
    if (spellings->table.count >= spellings->count_max) {
        return;
    }
    if (spelling_is_identity(identity, key)) {
        table_insert(&spellings->table, key->hash, identity->line | SPELLING_IS_IDENTITY);
        return;
    }
    uint32_t line = chain ? record(spellings, key, identity_place(identity), *chain) : LINES_NONE;
    if (line == LINES_NONE) {
        return;
    }
    if (!table_insert(&spellings->table, key->hash, line)) {
        lines_give(&spellings->lines, line, spelling_bytes(key->name_length, key->tags_length));
        return;
    }
    *chain = line;
}

static void forget_record(struct spellings *spellings, uint32_t line,
                          const struct spelling *spelling)
{
    struct spelling_key key = {.name = spelling->bytes,
                               .tags = spelling->bytes + spelling->name_length,
                               .name_length = spelling->name_length,
                               .tags_length = spelling->tags_length,
                               .form = spelling->form};
    key.hash = hash_of(&key);
    uint32_t place;
    struct table_slot *slot = find(spellings, &key, &place);
    REQUIRE(slot && slot->value == line);
    table_remove(&spellings->table, slot);
    lines_give(&spellings->lines, line, spelling_bytes(key.name_length, key.tags_length));
}

static void forget_identity(struct spellings *spellings, const struct identity *identity)
{
    struct spelling_key key = {.name = identity_name(identity),
                               .tags = "",
                               .name_length = identity->name_length,
                               .form = spelling_form((enum statsd_type)identity->type, TAGS_COLON)};
    key.hash = hash_of(&key);
    uint32_t place;
    struct table_slot *slot = find(spellings, &key, &place);
    if (slot && slot->value == (identity->line | SPELLING_IS_IDENTITY)) {
        table_remove(&spellings->table, slot);
    }
}

void spellings_forget(struct spellings *spellings, const struct identity *identity, uint32_t *chain)
{
    while (chain && *chain != LINES_NONE) {
        const struct spelling *spelling = lines_at(&spellings->lines, *chain);
        uint32_t line = *chain;
        *chain = spelling->next;
        forget_record(spellings, line, spelling);
    }
    if (identity->tag_count == 0) {
        forget_identity(spellings, identity);
    }
}
