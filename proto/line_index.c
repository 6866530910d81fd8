/* SPDX-License-Identifier: MIT */
#include "proto/line_index.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define BLOCK_BYTES 64
/* Builds for tests set a slower one: CMake's SIGMAD_PATH. */
#ifndef STATSD_PATH_MAX
#define STATSD_PATH_MAX (STATSD_PATHS - 1)
#endif

#define EVERY_BYTE UINT64_C(0x0101010101010101)

/* One bit a byte of a block, the first byte in the lowest. */
struct block {
    uint64_t name_end; /* ':' and what may begin tags in a name: a mark as the first of its line */
    uint64_t newline;
    uint64_t fixed; /* marks whatever stands around them: '|', LF, NUL and what is not ASCII */
};

/* What one block hands to the next: both are 0 or 1. */
struct carry {
    uint64_t starts;    /* a line begins with the next byte */
    uint64_t searching; /* the line under way has no mark yet */
};

/* Keeps of the ends of names those that are the first mark of their line. Adding the bit of a
 * line's start to the run of bytes without a mark that begins there carries into the first mark
 * behind it, as a search for a pattern by addition does (Myers, "A fast bit-vector algorithm",
 * 1999). */
static inline uint64_t select_marks(const struct block *block, struct carry *carry)
{
    uint64_t starts = block->newline << 1 | carry->starts;
    uint64_t sum;
    bool over = __builtin_add_overflow(~(block->fixed | block->name_end), starts, &sum);
    over |= __builtin_add_overflow(sum, carry->searching, &sum);
    carry->starts = block->newline >> 63;
    carry->searching = over;
    return block->fixed | (block->name_end & sum);
}

/* Writes the lowest bit's place and takes it away. Without a bit, writes garbage. */
static inline uint32_t *put_mark(uint32_t *out, uint32_t base, uint64_t *bits)
{
    *out = base + (uint32_t)__builtin_ctzll(*bits | UINT64_C(1) << 63);
    *bits &= *bits - 1;
    return out + 1;
}

/* Six a block are written whatever there is, which spares a branch that nobody can predict. */
static inline uint32_t *put_marks(uint32_t *out, uint32_t base, uint64_t bits)
{
    uint32_t *end = out + __builtin_popcountll(bits);
    out = put_mark(out, base, &bits);
    out = put_mark(out, base, &bits);
    out = put_mark(out, base, &bits);
    out = put_mark(out, base, &bits);
    out = put_mark(out, base, &bits);
    out = put_mark(out, base, &bits);
    while (out < end) {
        out = put_mark(out, base, &bits);
    }
    return end;
}

static inline void shift_block(struct block *block, unsigned count)
{
    block->name_end >>= count;
    block->newline >>= count;
    block->fixed >>= count;
}

/* The last block of a window, of `count` bytes in front of `end`: read with the bytes that stand in
 * front of it where there are enough, else from a copy. */
static inline struct block load_rest(const char *bytes, uint32_t end, uint32_t count,
                                     struct block (*load)(const char *))
{
    if (end >= BLOCK_BYTES) {
        struct block block = load(bytes + end - BLOCK_BYTES);
        shift_block(&block, BLOCK_BYTES - count);
        return block;
    }
    char copy[BLOCK_BYTES] = {0};
    memcpy(copy + BLOCK_BYTES - count, bytes + end - count, count);
    struct block block = load(copy);
    shift_block(&block, BLOCK_BYTES - count);
    return block;
}

/* The whole of line_index_fill() around one way to load a block. Bits that load_rest() shifted in
 * look like bytes of a last line, which has no mark there. */
static inline __attribute__((always_inline)) size_t
fill(const char *bytes, uint32_t start, uint32_t end, uint32_t *marks,
     struct block (*load)(const char *), uint32_t *(*put)(uint32_t *, uint32_t, uint64_t))
{
    struct carry carry = {.starts = 1};
    uint32_t *out = marks;
    uint32_t at = start;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        struct block block = load(bytes + at);
        out = put(out, at, select_marks(&block, &carry));
    }
    if (at < end) {
        struct block block = load_rest(bytes, end, end - at, load);
        out = put(out, at, select_marks(&block, &carry));
    }
    return (size_t)(out - marks);
}

/* Sixteen bytes compared at once, in the compiler's own vectors: it makes of them what the machine
 * has. A comparison gives bytes of all ones where it holds. */
typedef unsigned char lanes __attribute__((vector_size(16)));

/* One bit a lane of a comparison. The weights of eight lanes add up to distinct bits. */
static inline uint64_t gather(lanes equal)
{
    const lanes weights = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint64_t halves[2];
    equal &= weights;
    memcpy(halves, &equal, sizeof halves);
    return halves[0] * EVERY_BYTE >> 56 | halves[1] * EVERY_BYTE >> 56 << 8;
}

static inline struct block load_portable(const char *bytes)
{
    struct block block = {0};
    for (unsigned i = 0; i < BLOCK_BYTES; i += sizeof(lanes)) {
        lanes text;
        memcpy(&text, bytes + i, sizeof text);
        lanes newline = (lanes)(text == '\n');
        lanes other = (lanes)(text == '\0') | (lanes)(text > 127);
        lanes name_end = (lanes)(text == ':') | (lanes)(text == ',') | (lanes)(text == '[') |
                         (lanes)(text == '#') | (lanes)(text == ';');
        block.name_end |= gather(name_end) << i;
        block.newline |= gather(newline) << i;
        block.fixed |= gather(newline | other | (lanes)(text == '|')) << i;
    }
    return block;
}

static size_t fill_portable(const char *bytes, uint32_t start, uint32_t end, uint32_t *marks)
{
    return fill(bytes, start, end, marks, load_portable, put_marks);
}

#if defined(__x86_64__)

#define TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

TARGET_AVX2 static inline uint64_t join(__m256i low, __m256i high)
{
    uint32_t first = (uint32_t)_mm256_movemask_epi8(low);
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32 | first;
}

/* As signed bytes, NUL and what is not ASCII are those below one. */
TARGET_AVX2 static inline __m256i find_fixed(__m256i text, __m256i newline)
{
    __m256i other = _mm256_cmpgt_epi8(_mm256_set1_epi8(1), text);
    __m256i bar = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('|'));
    return _mm256_or_si256(newline, _mm256_or_si256(other, bar));
}

/* What a byte would have to be to end a name, by its low half, is looked up and compared; only '['
 * shares its half with another. NUL may look like one, which is a mark anyway. */
TARGET_AVX2 static inline __m256i find_name_end(__m256i text)
{
    const __m256i by_half = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 0, '#', 0, 0, 0, 0, 0, 0, ':', ';', ',', 0, 0, 0));
    return _mm256_or_si256(_mm256_cmpeq_epi8(text, _mm256_shuffle_epi8(by_half, text)),
                           _mm256_cmpeq_epi8(text, _mm256_set1_epi8('[')));
}

TARGET_AVX2 static inline struct block load_avx2(const char *bytes)
{
    __m256i low = _mm256_loadu_si256((const void *)bytes);
    __m256i high = _mm256_loadu_si256((const void *)(bytes + 32));
    __m256i newline = _mm256_set1_epi8('\n');
    __m256i low_newline = _mm256_cmpeq_epi8(low, newline);
    __m256i high_newline = _mm256_cmpeq_epi8(high, newline);
    return (struct block){
        .name_end = join(find_name_end(low), find_name_end(high)),
        .newline = join(low_newline, high_newline),
        .fixed = join(find_fixed(low, low_newline), find_fixed(high, high_newline)),
    };
}

TARGET_AVX2 static size_t fill_avx2(const char *bytes, uint32_t start, uint32_t end,
                                    uint32_t *marks)
{
    return fill(bytes, start, end, marks, load_avx2, put_marks);
}

#endif

#if defined(__x86_64__)

#define TARGET_AVX512 \
    __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt")))

/* What a byte would have to be to end a name, by its low six bits. NUL may look like one, which is
 * a mark anyway. */
static const char name_ends[64] = {
    [':'] = ':', [','] = ',', ['[' % 64] = '[', ['#'] = '#', [';'] = ';',
};

TARGET_AVX512 static inline struct block load_avx512(const char *bytes)
{
    __m512i text = _mm512_loadu_si512(bytes);
    uint64_t newline = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n'));
    __m512i ends = _mm512_permutexvar_epi8(text, _mm512_loadu_si512(name_ends));
    return (struct block){
        .name_end = _mm512_cmpeq_epi8_mask(text, ends),
        .newline = newline,
        .fixed = newline | _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('|')) |
                 _mm512_cmplt_epi8_mask(text, _mm512_set1_epi8(1)),
    };
}

/* Sixteen places at a time, by squeezing the numbers 0 to 63 to those whose bits are set. */
TARGET_AVX512 static inline uint32_t *put_marks_avx512(uint32_t *out, uint32_t base, uint64_t bits)
{
    static const uint8_t numbers[BLOCK_BYTES] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    uint32_t *end = out + __builtin_popcountll(bits);
    __m512i places = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(numbers));
    __m512i first = _mm512_set1_epi32((int)base);
    __m512i wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(places));
    _mm512_storeu_si512(out, _mm512_add_epi32(wide, first));
    for (out += 16; out < end; out += 16) {
        places = _mm512_alignr_epi32(places, places, 4);
        wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(places));
        _mm512_storeu_si512(out, _mm512_add_epi32(wide, first));
    }
    return end;
}

TARGET_AVX512 static size_t fill_avx512(const char *bytes, uint32_t start, uint32_t end,
                                        uint32_t *marks)
{
    return fill(bytes, start, end, marks, load_avx512, put_marks_avx512);
}

#endif

bool line_index_supports(enum statsd_path path)
{
#if defined(__x86_64__)
    if (path == STATSD_PATH_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
    }
    if (path == STATSD_PATH_AVX512) {
        return line_index_supports(STATSD_PATH_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
               __builtin_cpu_supports("avx512vbmi2");
    }
#endif
    return path == STATSD_PATH_PORTABLE;
}

enum statsd_path line_index_fastest(void)
{
    enum statsd_path path = STATSD_PATH_MAX;
    while (path > STATSD_PATH_PORTABLE && !line_index_supports(path)) {
        path--;
    }
    return path;
}

size_t line_index_fill(enum statsd_path path, const char *bytes, uint32_t start, uint32_t end,
                       uint32_t marks[STATSD_MARKS])
{
#if defined(__x86_64__)
    if (path == STATSD_PATH_AVX2) {
        return fill_avx2(bytes, start, end, marks);
    }
    if (path == STATSD_PATH_AVX512) {
        return fill_avx512(bytes, start, end, marks);
    }
#endif
    (void)path;
    return fill_portable(bytes, start, end, marks);
}
