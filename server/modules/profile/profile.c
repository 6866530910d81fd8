/* SPDX-License-Identifier: MIT
 *
 * Profiles by gperftools: libprofiler interrupts whichever thread uses the processor, so many times
 * a second of processor time, and writes its stacks to a file in memory. libtcmalloc, where the
 * program was started with it (profiling.heap), remembers where each block was allocated.
 */
#include <gperftools/heap-profiler.h>
#include <gperftools/profiler.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/core/module.h"
#include "server/core/pool.h"
#include "server/core/profile.h"
#include "server/modules/profile/symbols.h"

#define READ_BYTES ((size_t)1 << 16)

/* Only there with libtcmalloc. */
extern __typeof__(HeapProfilerStart) HeapProfilerStart __attribute__((weak));
extern __typeof__(GetHeapProfile) GetHeapProfile __attribute__((weak));

static int file = -1;

static bool start(char *reason, size_t reason_size)
{
    char path[64];
    file = memfd_create("profile", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (file < 0 || !ProfilerStart(path)) {
        snprintf(reason, reason_size, "the profiler cannot be started");
        if (file >= 0) {
            close(file);
        }
        file = -1;
        return false;
    }
    return true;
}

static void stop(struct buffer *out)
{
    ProfilerStop();
    off_t at = 0;
    ssize_t got = 1;
    while (out && got > 0) {
        char *room = buffer_room(out, READ_BYTES);
        got = room ? pread(file, room, READ_BYTES, at) : 0;
        out->length += got > 0 ? (size_t)got : 0;
        at += got;
    }
    close(file);
    file = -1;
}

static bool has_heap(void)
{
    return HeapProfilerStart && GetHeapProfile;
}

/* From the moment the module is loaded on, which is before the threads are there. */
__attribute__((constructor)) static void begin_heap(void)
{
    if (has_heap()) {
        HeapProfilerStart("/dev/null/sigmad");
    }
}

/* The first line counts all there is: it is written anew, with the pool. */
static bool heap(uint64_t pool_bytes, struct buffer *out)
{
    char *text = GetHeapProfile();
    uint64_t blocks, bytes, all_blocks, all_bytes;
    const char *rest = text ? strchr(text, '\n') : NULL;
    bool right =
        rest && sscanf(text, "heap profile: %" SCNu64 ": %" SCNu64 " [ %" SCNu64 ": %" SCNu64 "]",
                       &blocks, &bytes, &all_blocks, &all_bytes) == 4;
    if (right) {
        buffer_append_format(
            out,
            "heap profile: %" PRIu64 ": %" PRIu64 " [ %" PRIu64 ": %" PRIu64 "] @ heapprofile\n",
            blocks + 1, bytes + pool_bytes, all_blocks + 1, all_bytes + pool_bytes);
        buffer_append_format(out, "1: %" PRIu64 " [1: %" PRIu64 "] @ 0x%" PRIxPTR "\n", pool_bytes,
                             pool_bytes, (uintptr_t)pool_take + 1);
        buffer_append_text(out, rest + 1);
    }
    free(text);
    return right;
}

static void symbol(uint64_t address, struct buffer *out)
{
    size_t length;
    const char *name = symbols_find(address, &length);
    if (name) {
        buffer_append(out, name, length);
    } else {
        buffer_append_format(out, "0x%" PRIx64, address);
    }
}

static const struct profile_module offer = {
    .start = start, .stop = stop, .has_heap = has_heap, .heap = heap, .symbol = symbol};

MODULE_DEFINE("profile", MODULE_PROFILE, &offer);
