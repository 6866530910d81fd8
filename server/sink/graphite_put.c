/* SPDX-License-Identifier: MIT
 *
 * The opcodes are those of pickle protocol 2 (Python's pickletools.py): what carbon's restricted
 * unpickler takes in every version.
 */
#include "server/sink/graphite_put.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PARTS 4

/* PROTO 2, EMPTY_LIST, MARK; APPENDS, STOP. */
static const char frame_head[] = {'\x80', '\x02', ']', '('};
static const char frame_tail[] = {'e', '.'};
#define LENGTH_BYTES 4

/* BINUNICODE and its length, BININT or BINFLOAT, BINFLOAT, two TUPLE2. */
#define ITEM_BYTES_MAX (5 + 9 + 9 + 2)

static size_t length_of(const struct graphite_full_path *path)
{
    size_t length = 0;
    for (int i = 0; i < PARTS; i++) {
        length += path->parts[i].length;
    }
    return length;
}

static char *put_path(char *at, const struct graphite_full_path *path)
{
    for (int i = 0; i < PARTS; i++) {
        at = mempcpy(at, path->parts[i].bytes, path->parts[i].length);
    }
    return at;
}

static void put_line(struct graphite_put *put, const struct graphite_full_path *path, double value)
{
    char *line =
        blocks_room(put->out, length_of(path) + 1 + NUMBER_TEXT_MAX + sizeof(put->stamp_text));
    if (line) {
        char *at = put_path(line, path);
        *at++ = ' ';
        at += number_format_javascript(at, value);
        at = mempcpy(at, put->stamp_text, put->stamp_length);
        blocks_add(put->out, (size_t)(at - line));
    }
}

static char *put_word(char *at, uint32_t word)
{
    for (int i = 0; i < 4; i++) {
        *at++ = (char)(word >> 8 * i);
    }
    return at;
}

static char *put_float(char *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    *at++ = 'G';
    for (int i = 7; i >= 0; i--) {
        *at++ = (char)(bits >> 8 * i);
    }
    return at;
}

static char *put_stamp(char *at, int64_t stamp)
{
    if (stamp < INT32_MIN || stamp > INT32_MAX) {
        return put_float(at, (double)stamp);
    }
    *at++ = 'J';
    return put_word(at, (uint32_t)stamp);
}

static void end_frame(struct graphite_put *put)
{
    if (!put->in_frame) {
        return;
    }
    struct block *block = put->out->last;
    memcpy(block->bytes + block->length, frame_tail, sizeof(frame_tail));
    blocks_add(put->out, sizeof(frame_tail));
    uint32_t length = (uint32_t)(block->length - LENGTH_BYTES);
    for (int i = 0; i < LENGTH_BYTES; i++) {
        block->bytes[i] = (char)(length >> 8 * (LENGTH_BYTES - 1 - i));
    }
    put->in_frame = false;
}

/* Room for one more item, and for the end of the frame behind it. */
static char *item_room(struct graphite_put *put, size_t item)
{
    const struct block *last = put->out->last;
    size_t room = item + sizeof(frame_tail);
    if (put->in_frame && last->capacity - last->length >= room) {
        return put->out->last->bytes + last->length;
    }
    end_frame(put);
    char *frame = blocks_begin(put->out, LENGTH_BYTES + sizeof(frame_head) + room);
    if (!frame) {
        return NULL;
    }
    put->in_frame = true;
    memcpy(frame + LENGTH_BYTES, frame_head, sizeof(frame_head));
    blocks_add(put->out, LENGTH_BYTES + sizeof(frame_head));
    return frame + LENGTH_BYTES + sizeof(frame_head);
}

static void put_item(struct graphite_put *put, const struct graphite_full_path *path, double value)
{
    size_t path_length = length_of(path);
    char *item = item_room(put, path_length + ITEM_BYTES_MAX);
    if (item) {
        char *at = item;
        *at++ = 'X';
        at = put_word(at, (uint32_t)path_length);
        at = put_path(at, path);
        at = put_stamp(at, put->stamp);
        at = put_float(at, value);
        *at++ = '\x86';
        *at++ = '\x86';
        blocks_add(put->out, (size_t)(at - item));
    }
}

void graphite_put_begin(struct graphite_put *put, struct blocks *out, int64_t stamp, bool pickle)
{
    *put = (struct graphite_put){.out = out, .stamp = stamp, .pickle = pickle};
    put->stamp_length =
        (size_t)snprintf(put->stamp_text, sizeof(put->stamp_text), " %lld\n", (long long)stamp);
}

void graphite_put(struct graphite_put *put, const struct graphite_full_path *path, double value)
{
    if (isfinite(value) && !put->out->failed) {
        (put->pickle ? put_item : put_line)(put, path, value);
    }
}

void graphite_put_end(struct graphite_put *put)
{
    if (!put->out->failed) {
        end_frame(put);
    }
}
