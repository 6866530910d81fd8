/* SPDX-License-Identifier: MIT
 *
 * The spellings a worker has met: a series' name and raw tags exactly as somebody sent them, and
 * where they lead. Several spellings (`#a,b` and `#b,a`) may lead to one place; those are chained,
 * so that they can be forgotten together. A name without tags is spelled as its identity is, whose
 * bytes then do for both. A lookup compares in full, so a collision of hashes costs a compare and
 * nothing else. One thread.
 */
#ifndef SERVER_METRICS_SPELLING_H
#define SERVER_METRICS_SPELLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/statsd.h"
#include "server/core/lines.h"
#include "server/core/table.h"
#include "server/metrics/identity.h"

/* Points into the datagram. */
struct spelling_key {
    const char *name, *tags;
    uint32_t name_length, tags_length;
    uint8_t form; /* type and style of the tags, see spelling_form() */
    uint32_t hash;
};

/* In a form with tags that are not TAGS_COLON no spelling is equal to an identity. */
#define SPELLING_STYLE_SHIFT 4

static inline uint8_t spelling_form(enum statsd_type type, enum tags_style style)
{
    return (uint8_t)((unsigned)type | (unsigned)style << SPELLING_STYLE_SHIFT);
}

static inline enum statsd_type spelling_type(const struct spelling_key *key)
{
    return (enum statsd_type)(key->form & ((1 << SPELLING_STYLE_SHIFT) - 1));
}

static inline enum tags_style spelling_style(const struct spelling_key *key)
{
    return (enum tags_style)(key->form >> SPELLING_STYLE_SHIFT);
}

/* A name and tags of up to 49 bytes take one line. */
struct spelling {
    uint32_t next;  /* line of the next in the chain */
    uint32_t place; /* where it leads */
    uint32_t tags_length;
    uint16_t name_length;
    uint8_t form;
    char bytes[]; /* the name, then the raw tags */
};

/* Bounds names and raw tags together: tags within a name are in both, and the configuration allows
 * 4,096 bytes of name and 16,384 of tags. */
#define SPELLING_BYTES_MAX (4096 + 2 * 16384 + 2)

/* In a slot's value: the line is one of an identity, not of a spelling. */
#define SPELLING_IS_IDENTITY (UINT32_C(1) << 31)

struct spellings {
    struct table table;             /* hash → line */
    struct lines lines;             /* of spellings */
    const struct lines *identities; /* the registry's */
    uint64_t count_max;
};

/* False without memory. More than `count_max` are not kept. */
bool spellings_init(struct spellings *spellings, const struct lines *identities, struct pool *pool,
                    uint64_t count_max);
void spellings_deinit(struct spellings *spellings);

struct spelling_key spelling_key(const char *datagram, const struct statsd_item *item);

/* Sets the hash of a key that was made from other parts. */
void spelling_key_hash(struct spelling_key *key);

/* True, with the place it leads to, when the spelling is known. */
bool spellings_find(const struct spellings *spellings, const struct spelling_key *key,
                    uint32_t *place);

/* The same in steps, so that a group of lookups can wait for memory together: prefetch the slot;
 * take the first slot of this hash, which almost always is the spelling, and prefetch its line;
 * compare. A spelling that is not confirmed so has to be looked for by spellings_find(). */
static inline __attribute__((always_inline)) void
spellings_prefetch(const struct spellings *spellings, const struct spelling_key *key)
{
    __builtin_prefetch(&spellings->table.slots[key->hash & spellings->table.mask]);
}

static inline const void *spellings_line(const struct spellings *spellings, uint32_t line)
{
    return line & SPELLING_IS_IDENTITY
               ? lines_at(spellings->identities, line & ~SPELLING_IS_IDENTITY)
               : lines_at(&spellings->lines, line);
}

static inline bool spellings_guess(const struct spellings *spellings,
                                   const struct spelling_key *key, uint32_t *line)
{
    const struct table_slot *slot = table_first(&spellings->table, key->hash);
    if (slot) {
        *line = slot->value;
        __builtin_prefetch(spellings_line(spellings, *line));
    }
    return slot != NULL;
}

/* Eight bytes at a time, the last eight overlapping those before: names are short, and a call of
 * memcmp() costs as much as the compare. */
static inline bool spelling_same_bytes(const char *a, const char *b, size_t length)
{
    if (length < 8) {
        return memcmp(a, b, length) == 0;
    }
    uint64_t left, right, differ = 0;
    for (size_t at = 0; at + 8 < length; at += 8) {
        memcpy(&left, a + at, 8);
        memcpy(&right, b + at, 8);
        differ |= left ^ right;
    }
    memcpy(&left, a + length - 8, 8);
    memcpy(&right, b + length - 8, 8);
    return (differ | (left ^ right)) == 0;
}

static inline bool spelling_is_identity(const struct identity *identity,
                                        const struct spelling_key *key)
{
    return identity->name_length == key->name_length && key->tags_length == 0 &&
           identity->tag_count == 0 && identity->type == key->form &&
           spelling_same_bytes(identity_name(identity), key->name, key->name_length);
}

static inline bool spelling_is(const struct spelling *spelling, const struct spelling_key *key)
{
    return spelling->name_length == key->name_length && spelling->tags_length == key->tags_length &&
           spelling->form == key->form &&
           spelling_same_bytes(spelling->bytes, key->name, key->name_length) &&
           (key->tags_length == 0 ||
            spelling_same_bytes(spelling->bytes + key->name_length, key->tags, key->tags_length));
}

static inline bool spellings_confirm(const struct spellings *spellings, uint32_t line,
                                     const struct spelling_key *key, uint32_t *place)
{
    const void *record = spellings_line(spellings, line);
    if (line & SPELLING_IS_IDENTITY) {
        *place = identity_place(record);
        return spelling_is_identity(record, key);
    }
    *place = ((const struct spelling *)record)->place;
    return spelling_is(record, key);
}

/* Enters a spelling that is not known, of the series with this identity. Unless it is spelled as
 * the identity is, *chain is the line of the first spelling with a record of its own that leads
 * there, LINES_NONE when there is none, and is kept up. At a bound, and where it would need a chain
 * that is NULL, it is not entered. */
void spellings_enter(struct spellings *spellings, const struct spelling_key *key,
                     const struct identity *identity, uint32_t *chain);

/* Forgets every spelling of the series with this identity; `chain` may be NULL. */
void spellings_forget(struct spellings *spellings, const struct identity *identity,
                      uint32_t *chain);

#endif
