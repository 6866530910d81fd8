/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_page.h"

#include <string.h>

#include "server/metrics/sketch_private.h"

_Static_assert(SKETCH_PAGE_BUCKETS == 64, "a page of one-bit counters is one word");

const uint64_t sketch_page_limits[SKETCH_PAGE_CODE_MAX + 1] = {
    1, 3, 15, UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT64_MAX,
};

unsigned sketch_page_code(uint64_t count)
{
    unsigned code = 0;
    while (count > sketch_page_limit(code)) {
        code++;
    }
    return code;
}

/* Counters side by side are added into fields of twice their width until the fields have room for
 * the sum of all, which a multiplication then leaves in the highest. */
static uint64_t word_sum(uint64_t word, unsigned code)
{
    switch (code) {
    case 0:
        word -= word >> 1 & UINT64_C(0x5555555555555555);
        __attribute__((fallthrough));
    case 1:
        word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
        __attribute__((fallthrough));
    case 2:
        word = (word & UINT64_C(0x0f0f0f0f0f0f0f0f)) + (word >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
        return word * UINT64_C(0x0101010101010101) >> 56;
    case 3:
        word = (word & UINT64_C(0x00ff00ff00ff00ff)) + (word >> 8 & UINT64_C(0x00ff00ff00ff00ff));
        return word * UINT64_C(0x0001000100010001) >> 48;
    case 4:
        word = (word & UINT64_C(0x0000ffff0000ffff)) + (word >> 16 & UINT64_C(0x0000ffff0000ffff));
        __attribute__((fallthrough));
    case 5:
        return (word & UINT32_MAX) + (word >> 32);
    default:
        return word;
    }
}

/* The usual width by itself: eight words into one pair of sums that cannot overflow. */
static uint64_t sum_bytes(const uint64_t *words)
{
    const uint64_t even = UINT64_C(0x00ff00ff00ff00ff);
    uint64_t sums = 0;
    for (unsigned i = 0; i < 8; i++) {
        sums += (words[i] & even) + (words[i] >> 8 & even);
    }
    return sums * UINT64_C(0x0001000100010001) >> 48;
}

static uint64_t sum_words(const uint64_t *words, unsigned code, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum = sketch_units_sum(sum, word_sum(words[i], code));
    }
    return sum;
}

uint64_t sketch_page_sum(const uint64_t *words, unsigned code)
{
    return code == 3 ? sum_bytes(words) : sum_words(words, code, 1U << code);
}

uint64_t sketch_page_sum_before(const uint64_t *words, unsigned code, unsigned bucket)
{
    unsigned bits = bucket << code, rest = bits % 64;
    uint64_t sum = sum_words(words, code, bits / 64);
    if (rest > 0) {
        sum = sketch_units_sum(sum, word_sum(words[bits / 64] & (UINT64_MAX >> (64 - rest)), code));
    }
    return sum;
}

/* Halves the word until one counter is left. */
static unsigned word_select(uint64_t word, unsigned code, uint64_t target)
{
    unsigned at = 0;
    for (unsigned bits = 32; bits >= 1U << code; bits /= 2) {
        uint64_t below = word_sum(word & (UINT64_MAX >> (64 - bits)), code);
        if (target > below) {
            target -= below;
            word >>= bits;
            at += bits;
        }
    }
    return at >> code;
}

unsigned sketch_page_select(const uint64_t *words, unsigned code, uint64_t target)
{
    unsigned last = (1U << code) - 1, i = 0;
    for (; i < last; i++) {
        uint64_t sum = word_sum(words[i], code);
        if (target <= sum) {
            break;
        }
        target -= sum;
    }
    return (i * 64 >> code) + word_select(words[i], code, target);
}

/* The counters of a half word with as many zero bits between them. */
static uint64_t spread(uint64_t half, unsigned code)
{
    if (code < 5) {
        half = (half | half << 16) & UINT64_C(0x0000ffff0000ffff);
    }
    if (code < 4) {
        half = (half | half << 8) & UINT64_C(0x00ff00ff00ff00ff);
    }
    if (code < 3) {
        half = (half | half << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    }
    if (code < 2) {
        half = (half | half << 2) & UINT64_C(0x3333333333333333);
    }
    if (code < 1) {
        half = (half | half << 1) & UINT64_C(0x5555555555555555);
    }
    return half;
}

void sketch_page_widen(const uint64_t *words, unsigned code, unsigned wide_code, uint64_t *out)
{
    memmove(out, words, sizeof *out << code);
    for (; code < wide_code; code++) {
        for (unsigned i = 1U << code; i-- > 0;) {
            uint64_t word = out[i];
            out[2 * i + 1] = spread(word >> 32, code);
            out[2 * i] = spread(word & UINT32_MAX, code);
        }
    }
}

static bool add_saturating(uint64_t *into, const uint64_t *from)
{
    for (unsigned i = 0; i < SKETCH_PAGE_WORDS_MAX; i++) {
        into[i] = sketch_units_sum(into[i], from[i]);
    }
    return true;
}

/* Sums without a carry from counter to counter: the top bits are added apart, without theirs. */
static uint64_t add_apart(uint64_t a, uint64_t b, uint64_t tops)
{
    return ((a & ~tops) + (b & ~tops)) ^ ((a ^ b) & tops);
}

bool sketch_page_add(uint64_t *into, const uint64_t *from, unsigned code)
{
    static const uint64_t top_bits[SKETCH_PAGE_CODE_MAX] = {
        UINT64_MAX,
        UINT64_C(0xaaaaaaaaaaaaaaaa),
        UINT64_C(0x8888888888888888),
        UINT64_C(0x8080808080808080),
        UINT64_C(0x8000800080008000),
        UINT64_C(0x8000000080000000),
    };
    if (code == SKETCH_PAGE_CODE_MAX) {
        return add_saturating(into, from);
    }
    uint64_t tops = top_bits[code], carries = 0;
    for (unsigned i = 0; i < 1U << code; i++) {
        uint64_t a = into[i], b = from[i];
        carries |= ((a & b) | ((a | b) & ~add_apart(a, b, tops))) & tops;
    }
    for (unsigned i = 0; carries == 0 && i < 1U << code; i++) {
        into[i] = add_apart(into[i], from[i], tops);
    }
    return carries == 0;
}
