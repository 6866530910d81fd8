/* SPDX-License-Identifier: MIT
 *
 * sigmactl record: captures the datagrams of an address in a file that sigmactl replay reads
 * (record_file.h). Receives as the server does, so that what it misses is what the kernel drops,
 * which is counted and told.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/core/clock.h"
#include "server/net/address.h"
#include "server/net/udp.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/record_file.h"

#define RECEIVE_BUFFER_BYTES (UINT64_C(8) << 20)
#define FLUSH_NS UINT64_C(1000000000)
#define BATCHES_IN_ROW_MAX 16
#define REASON_MAX 256

struct recording {
    struct record_writer writer;
    struct udp_buffers *buffers;
    int fd;
    uint64_t started_ns, flushed_ns, ends_ns; /* monotonic; ends_ns 0 = open */
    uint64_t bytes_max;
    uint64_t datagrams;
    bool full;
    const char *path;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* Blocked but in ppoll(), so that none comes between looking and waiting. */
static void take_signals(sigset_t *while_waiting)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, while_waiting);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bool open_socket(struct recording *recording, const char *listen, char *reason)
{
    struct address address;
    if (!address_resolve(listen, SOCK_DGRAM, &address, reason, REASON_MAX) ||
        !udp_open(&address, &recording->fd, 1, reason, REASON_MAX)) {
        return false;
    }
    udp_set_receive_buffer(recording->fd, RECEIVE_BUFFER_BYTES);
    return true;
}

static void tell_ready(const struct recording *recording)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    char text[ADDRESS_TEXT_MAX] = "?";
    if (getsockname(recording->fd, (struct sockaddr *)&bound, &length) == 0) {
        address_format((const struct sockaddr *)&bound, text);
    }
    fprintf(stderr, "sigmactl record: listening on %s\n", text);
}

static bool add(struct recording *recording, const struct udp_datagram *datagram, uint64_t now_ns)
{
    uint64_t room = recording->bytes_max - recording->writer.bytes;
    uint64_t end = record_bytes(RECORD_END_BYTES);
    if (datagram->length > RECORD_BYTES_MAX) {
        errno = EMSGSIZE;
        return false;
    }
    if (record_bytes(datagram->length) + end > room) {
        recording->full = true;
        return true;
    }
    recording->datagrams++;
    return record_writer_add(&recording->writer, now_ns - recording->started_ns, datagram->bytes,
                             datagram->length);
}

/* Takes in what is there. False where the file cannot be written. */
static bool receive(struct recording *recording)
{
    for (int i = 0; i < BATCHES_IN_ROW_MAX && !recording->full; i++) {
        struct udp_batch batch = udp_receive(recording->fd, recording->buffers);
        uint64_t now = clock_monotonic_ns(&clock_system);
        for (size_t j = 0; j < batch.count && !recording->full; j++) {
            if (!add(recording, &batch.datagrams[j], now)) {
                return false;
            }
        }
        if (!batch.full) {
            break;
        }
    }
    return true;
}

static struct timespec until(uint64_t now_ns, uint64_t then_ns)
{
    uint64_t wait = then_ns > now_ns ? then_ns - now_ns : 0;
    return (struct timespec){(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
}

static bool run(struct recording *recording, const sigset_t *while_waiting)
{
    struct pollfd readable = {.fd = recording->fd, .events = POLLIN};
    bool written = true;
    while (written && !recording->full && !interrupted) {
        uint64_t now = clock_monotonic_ns(&clock_system);
        if (recording->ends_ns > 0 && now >= recording->ends_ns) {
            break;
        }
        if (now - recording->flushed_ns >= FLUSH_NS) {
            written = record_writer_flush(&recording->writer);
            recording->flushed_ns = now;
        }
        uint64_t wake = recording->flushed_ns + FLUSH_NS;
        wake = recording->ends_ns > 0 && recording->ends_ns < wake ? recording->ends_ns : wake;
        struct timespec wait = until(now, wake);
        if (written && ppoll(&readable, 1, &wait, while_waiting) > 0) {
            written = receive(recording);
        }
    }
    /* What had arrived before the end belongs to it. */
    return written && receive(recording);
}

static int finish(struct recording *recording, bool written)
{
    uint32_t dropped = udp_drops(recording->fd);
    uint64_t length_ns = clock_monotonic_ns(&clock_system) - recording->started_ns;
    int error = errno;
    if (written) {
        written = record_writer_close(&recording->writer, length_ns, dropped);
        error = errno;
    } else {
        fclose(recording->writer.file);
    }
    if (!written) {
        fprintf(stderr, "sigmactl record: %s: %s\n", recording->path, strerror(error));
        return STATUS_FAILED;
    }
    printf("datagrams %" PRIu64 "\nbytes %" PRIu64 "\nseconds %.3f\ndropped %" PRIu32 "\n",
           recording->datagrams, recording->writer.bytes, (double)length_ns / 1e9, dropped);
    if (recording->full) {
        fprintf(stderr, "sigmactl record: ended at the bound of --max-bytes\n");
    }
    if (dropped > 0) {
        fprintf(stderr, "sigmactl record: the kernel dropped %" PRIu32 " datagrams\n", dropped);
    }
    return dropped > 0 ? STATUS_FAILED : STATUS_OK;
}

static int record(struct recording *recording, const char *listen, uint64_t duration_ms)
{
    char reason[REASON_MAX];
    sigset_t while_waiting;
    recording->buffers = udp_buffers_new(false);
    if (!recording->buffers || !open_socket(recording, listen, reason)) {
        fprintf(stderr, "sigmactl record: %s\n", recording->buffers ? reason : "out of memory");
        udp_buffers_free(recording->buffers);
        return STATUS_FAILED;
    }
    take_signals(&while_waiting);
    int status = STATUS_FAILED;
    recording->started_ns = recording->flushed_ns = clock_monotonic_ns(&clock_system);
    recording->ends_ns = duration_ms > 0 ? recording->started_ns + duration_ms * 1000000 : 0;
    if (record_writer_open(&recording->writer, recording->path, clock_wall_ns(&clock_system))) {
        tell_ready(recording);
        status = finish(recording, run(recording, &while_waiting));
    } else {
        fprintf(stderr, "sigmactl record: %s: %s\n", recording->path, strerror(errno));
    }
    close(recording->fd);
    udp_buffers_free(recording->buffers);
    return status;
}

int command_record(int argc, char **argv)
{
    struct recording recording = {.bytes_max = UINT64_C(1) << 30};
    const char *listen = NULL;
    uint64_t duration_ms = 0;
    const struct option_entry entries[] = {
        {"listen", "HOST:PORT", "where datagrams come in; port 0 takes a free one", OPTION_TEXT,
         &listen, 0, 0},
        {"to", "FILE", "the recording, a new file", OPTION_TEXT, &recording.path, 0, 0},
        {"duration", "TIME", "ends after 30s, 5m, ... (default: at SIGINT or SIGTERM)",
         OPTION_DURATION, &duration_ms, 1, 7 * 86400e3},
        {"max-bytes", "N", "ends before the file is larger (default 1073741824, 1 GiB)",
         OPTION_COUNT, &recording.bytes_max, 1024, 0x1p50},
    };
    const struct options options = {
        .command = "record",
        .operands = "",
        .summary =
            "Records datagrams, unchanged and with their time of arrival, for sigmactl replay. To\n"
            "record what a server receives, have it repeat its traffic to this address: [relay]\n"
            "address of sigmad, repeater of etsy statsd. Exit status 1 when some were dropped.",
        .example = "sigmactl record --listen 127.0.0.1:8127 --to traffic.rec --duration 5m",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    if (!options_parse_only(&options, argc, argv, &status)) {
        return status;
    }
    if (!listen || !recording.path) {
        return options_refuse(&options, "--listen and --to are needed");
    }
    return record(&recording, listen, duration_ms);
}
