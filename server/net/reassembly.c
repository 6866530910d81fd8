/* SPDX-License-Identifier: MIT */
#include "server/net/reassembly.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 4

void reassembly_init(struct reassembly *reassembly, uint32_t line_bytes_max, bool frames)
{
    *reassembly = (struct reassembly){.line_bytes_max = line_bytes_max, .decided = !frames};
}

void reassembly_deinit(struct reassembly *reassembly)
{
    free(reassembly->rest);
    reassembly->rest = NULL;
    reassembly->rest_length = 0;
}

size_t reassembly_begin(const struct reassembly *reassembly, char *bytes)
{
    if (reassembly->rest_length > 0) {
        memcpy(bytes, reassembly->rest, reassembly->rest_length);
    }
    return reassembly->rest_length;
}

/* A stream that is silent in between two lines holds no memory. */
static bool keep(struct reassembly *reassembly, const char *bytes, size_t length)
{
    if (length == 0) {
        reassembly_deinit(reassembly);
        return true;
    }
    char *rest = realloc(reassembly->rest, length);
    if (!rest) {
        return false;
    }
    memcpy(rest, bytes, length);
    reassembly->rest = rest;
    reassembly->rest_length = (uint32_t)length;
    return true;
}

static void give_lines(const char *bytes, const char *end, const struct reassembly_output *output)
{
    if (end > bytes && end[-1] == '\n') {
        end--;
    }
    if (end > bytes) {
        output->lines(output->context, bytes, (uint32_t)(end - bytes));
    }
}

/* Steps from LF to LF, each as far as one line may reach. Lines that are too long are refused,
 * those between them given. Returns where the line begins that is not whole; it is not too long. */
static const char *take_lines(struct reassembly *reassembly, const char *at, const char *end,
                              const struct reassembly_output *output)
{
    size_t reach = (size_t)reassembly->line_bytes_max + 1;
    const char *good = at;
    while ((size_t)(end - at) >= reach) {
        const char *feed = memrchr(at, '\n', reach);
        if (feed) {
            at = feed + 1;
            continue;
        }
        give_lines(good, at, output);
        feed = memchr(at + reach, '\n', (size_t)(end - at) - reach);
        output->refuse(output->context, STATSD_LINE_TOO_LONG, at,
                       (uint32_t)((feed ? feed : end) - at));
        reassembly->skipping = !feed;
        good = at = feed ? feed + 1 : end;
    }
    const char *feed = memrchr(at, '\n', (size_t)(end - at));
    const char *rest = feed ? feed + 1 : at;
    give_lines(good, rest, output);
    return rest;
}

static const char *skip_line(struct reassembly *reassembly, const char *at, const char *end)
{
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    reassembly->skipping = !feed;
    return feed ? feed + 1 : end;
}

static uint32_t read_length(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Returns where the frame begins that is not whole, NULL at a length that no frame has. */
static const char *take_frames(const char *at, const char *end,
                               const struct reassembly_output *output)
{
    while (end - at >= HEADER_BYTES) {
        uint32_t length = read_length(at);
        if (length > REASSEMBLY_FRAME_BYTES_MAX) {
            return NULL;
        }
        if ((size_t)(end - at) < HEADER_BYTES + (size_t)length) {
            break;
        }
        output->frame(output->context, at + HEADER_BYTES, length);
        at += HEADER_BYTES + length;
    }
    return at;
}

static void decide(struct reassembly *reassembly, const char *bytes, size_t length)
{
    if (!reassembly->decided && length >= HEADER_BYTES) {
        reassembly->decided = true;
        reassembly->framed = read_length(bytes) <= REASSEMBLY_FRAME_BYTES_MAX;
    }
}

enum reassembly_status reassembly_take(struct reassembly *reassembly, const char *bytes,
                                       size_t length, const struct reassembly_output *output)
{
    const char *at = bytes;
    const char *end = bytes + length;
    decide(reassembly, bytes, length);
    if (reassembly->framed) {
        at = take_frames(at, end, output);
    } else if (reassembly->decided) {
        at = reassembly->skipping ? skip_line(reassembly, at, end) : at;
        at = take_lines(reassembly, at, end, output);
    }
    if (!at) {
        reassembly_deinit(reassembly);
        return REASSEMBLY_BAD_FRAME;
    }
    if (keep(reassembly, at, (size_t)(end - at))) {
        return REASSEMBLY_OK;
    }
    output->refuse(output->context, STATSD_LINE_CUT, at, (uint32_t)(end - at));
    reassembly_deinit(reassembly);
    return REASSEMBLY_NO_MEMORY;
}

void reassembly_end(struct reassembly *reassembly, bool by_sender, char *bytes,
                    const struct reassembly_output *output)
{
    uint32_t length = (uint32_t)reassembly_begin(reassembly, bytes);
    reassembly_deinit(reassembly);
    if (length == 0) {
        return;
    }
    if (by_sender && !reassembly->framed) {
        output->lines(output->context, bytes, length);
    } else {
        output->refuse(output->context, STATSD_LINE_CUT, bytes, length);
    }
}
