/* SPDX-License-Identifier: MIT
 *
 * A stream in two ways of cutting it gives the same. The first byte says whether frames are looked
 * for, the second how long the pieces are.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/core/require.h"
#include "server/net/reassembly.h"

#define LINE_BYTES_MAX 64
#define INPUT_BYTES_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out: every byte of every line, in order, and what was lost. */
struct outcome {
    uint64_t digest, lines, frames, frame_bytes, refused[STATSD_REASONS];
    uint64_t status; /* enum reassembly_status */
};

static void digest(struct outcome *outcome, char byte)
{
    outcome->digest = (outcome->digest ^ (unsigned char)byte) * UINT64_C(1099511628211);
}

/* Empty lines come or do not, as the pieces have it: to the parser they are nothing. */
static void on_lines(void *context, const char *bytes, uint32_t length)
{
    struct outcome *outcome = context;
    const char *line = bytes;
    REQUIRE(length > 0);
    for (const char *at = bytes; at <= bytes + length; at++) {
        if (at < bytes + length && *at != '\n') {
            digest(outcome, *at);
            continue;
        }
        REQUIRE(at - line <= LINE_BYTES_MAX);
        if (at > line) {
            digest(outcome, '\n');
            outcome->lines++;
        }
        line = at + 1;
    }
}

static void on_frame(void *context, const char *bytes, uint32_t length)
{
    struct outcome *outcome = context;
    for (uint32_t i = 0; i < length; i++) {
        digest(outcome, bytes[i]);
    }
    outcome->frames++;
    outcome->frame_bytes += length;
}

static void on_refuse(void *context, enum statsd_reason reason, const char *bytes, uint32_t length)
{
    struct outcome *outcome = context;
    REQUIRE(length > 0 && bytes);
    outcome->refused[reason]++;
}

static struct outcome run(const char *stream, size_t length, bool frames, size_t step)
{
    static char bytes[REASSEMBLY_REST_BYTES_MAX + INPUT_BYTES_MAX + 64];
    struct outcome outcome = {0};
    const struct reassembly_output output = {on_lines, on_frame, on_refuse, &outcome};
    struct reassembly reassembly;
    reassembly_init(&reassembly, LINE_BYTES_MAX, frames);
    for (size_t at = 0; at < length && outcome.status == REASSEMBLY_OK; at += step) {
        size_t piece = step < length - at ? step : length - at;
        size_t kept = reassembly_begin(&reassembly, bytes);
        REQUIRE(kept <= REASSEMBLY_REST_BYTES_MAX);
        memcpy(bytes + kept, stream + at, piece);
        outcome.status = reassembly_take(&reassembly, bytes, kept + piece, &output);
    }
    reassembly_end(&reassembly, length % 2 == 0, bytes, &output);
    REQUIRE(!reassembly.rest);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    const char *stream = (const char *)data + 2;
    bool frames = data[0] & 1;
    struct outcome whole = run(stream, size - 2, frames, INPUT_BYTES_MAX);
    struct outcome pieces = run(stream, size - 2, frames, (size_t)data[1] + 1);
    REQUIRE(memcmp(&whole, &pieces, sizeof(whole)) == 0);
    return 0;
}
