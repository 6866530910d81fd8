/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/load_run.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Needs struct timespec. */
#include <linux/errqueue.h>

#include "server/core/clock.h"
#include "tools/sigmactl/pack.h"
#include "tools/sigmactl/progress.h"

#define BATCH 64
#define TICK_NS 1000000
#define NS_PER_S 1000000000
#define CONNECT_TIMEOUT_MS 5000

/* Failures in a row, each followed by a tick, after which sending is given up: five seconds. */
#define FAILURES_MAX 5000

struct run {
    struct load_plan *plan;
    const struct load_run_options *options;
    struct load_result *result;
    bool stream;
    int sockets[LOAD_SOCKETS_MAX];
    uint64_t socket_count;
    uint64_t turn;
    unsigned failures;
    uint64_t start_ns;
    uint64_t deadline_ns;
    struct progress progress;
    char *bytes; /* BATCH slots */
    size_t slot_bytes;
    size_t count, next; /* of the batch: rendered, and sent of these */
    size_t batch;       /* datagrams rendered at a time */
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    uint64_t sent;               /* metrics */
    uint64_t metrics_end[BATCH]; /* metrics rendered up to the end of each */
};

static volatile sig_atomic_t stop_signal;

static void note_signal(int signal_number)
{
    stop_signal = signal_number;
}

static bool open_socket(struct run *run, char reason[SOCKET_REASON_MAX])
{
    int on = 1;
    int descriptor = socket_connect(&run->options->target, CONNECT_TIMEOUT_MS, reason);
    if (descriptor < 0) {
        return false;
    }
    run->sockets[run->socket_count++] = descriptor;
    if (!socket_peer_is_unicast(descriptor)) {
        snprintf(reason, SOCKET_REASON_MAX, "load is not sent to a multicast group");
        return false;
    }
    if (run->options->target.transport == ENDPOINT_UDP &&
        setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0 &&
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on)) < 0) {
        snprintf(reason, SOCKET_REASON_MAX, "%s", strerror(errno));
        return false;
    }
    return true;
}

/* True where the entry of an error queue came as an ICMP message, not from this machine's own
 * stack. */
static bool is_icmp_answer(struct msghdr *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        bool v4 = at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR;
        bool v6 = at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR;
        if (v4 || v6) {
            struct sock_extended_err error;
            memcpy(&error, CMSG_DATA(at), sizeof(error));
            return error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6;
        }
    }
    return false;
}

/* Takes what came back to earlier datagrams from the socket's error queue: how many ICMP answers.
 */
static uint64_t take_icmp_answers(int descriptor)
{
    uint64_t count = 0;
    for (;;) {
        char control[512];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
        if (recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            return count;
        }
        count += is_icmp_answer(&message);
    }
}

static void pause_until(uint64_t time_ns)
{
    struct timespec time = {.tv_sec = (time_t)(time_ns / NS_PER_S),
                            .tv_nsec = (long)(time_ns % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

/* True where the same send is worth another attempt. An ICMP error of an earlier datagram is told
 * by a later call, which then sent nothing; full queues empty themselves. */
static bool recover(struct run *run, int descriptor, int error)
{
    if (error == EINTR) {
        return true;
    }
    bool datagrams = run->options->target.transport == ENDPOINT_UDP;
    uint64_t answers = datagrams ? take_icmp_answers(descriptor) : 0;
    run->result->send_errors++;
    run->result->refused += answers;
    if (answers > 0) {
        return true;
    }
    bool passing = error == EAGAIN || error == ENOBUFS || error == ENOMEM ||
                   (datagrams && error == ECONNREFUSED);
    if (!passing || ++run->failures > FAILURES_MAX) {
        errno = error;
        return false;
    }
    pause_until(clock_monotonic_ns(&clock_system) + TICK_NS);
    return true;
}

static bool send_datagrams(struct run *run, int descriptor, struct mmsghdr *messages, size_t count)
{
    while (count > 0) {
        int sent = sendmmsg(descriptor, messages, (unsigned)count, MSG_NOSIGNAL);
        if (sent < 0) {
            if (!recover(run, descriptor, errno)) {
                return false;
            }
            continue;
        }
        run->failures = 0;
        messages += sent;
        count -= (size_t)sent;
        if (count > 0) {
            /* The next message met an error that sendmmsg() does not tell after a success. */
            run->result->send_errors++;
            run->result->refused += take_icmp_answers(descriptor);
        }
    }
    return true;
}

static bool send_stream(int descriptor, const struct mmsghdr *messages, size_t count)
{
    bool refused = false;
    for (size_t i = 0; i < count; i++) {
        const struct iovec *part = messages[i].msg_hdr.msg_iov;
        if (!socket_send(descriptor, part->iov_base, part->iov_len, &refused)) {
            return false;
        }
    }
    return true;
}

/* All of them in one message, which the kernel or the network card cuts. */
static bool send_segments(struct run *run, int descriptor, size_t count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    uint16_t segment = (uint16_t)run->parts[run->next].iov_len;
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &run->parts[run->next],
                                          .msg_iovlen = count,
                                          .msg_control = control,
                                          .msg_controllen = sizeof(control)}};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message.msg_hdr);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(header), &segment, sizeof(segment));
    return send_datagrams(run, descriptor, &message, 1);
}

static bool send_parts(struct run *run, size_t count)
{
    int descriptor = run->sockets[run->turn++ % run->socket_count];
    if (run->stream) {
        return send_stream(descriptor, &run->messages[run->next], count);
    }
    if (run->options->gso && count > 1) {
        return send_segments(run, descriptor, count);
    }
    return send_datagrams(run, descriptor, &run->messages[run->next], count);
}

static bool send_next(struct run *run, size_t count)
{
    if (!send_parts(run, count)) {
        return false;
    }
    for (size_t i = run->next; i < run->next + count; i++) {
        run->result->bytes += run->parts[i].iov_len;
    }
    run->result->datagrams += count;
    run->next += count;
    run->sent = run->metrics_end[run->next - 1];
    return true;
}

static uint64_t rendered(const struct run *run)
{
    return load_plan_tally(run->plan)->metrics;
}

static void render_batch(struct run *run)
{
    run->next = 0;
    run->count = 0;
    while (run->count < run->batch && rendered(run) < run->options->metrics_max) {
        char *slot = run->bytes + run->count * run->slot_bytes;
        size_t length =
            load_plan_render(run->plan, slot, run->options->metrics_max - rendered(run));
        run->parts[run->count] =
            (struct iovec){.iov_base = slot, .iov_len = length + (run->stream ? 1 : 0)};
        run->messages[run->count].msg_hdr =
            (struct msghdr){.msg_iov = &run->parts[run->count], .msg_iovlen = 1};
        run->metrics_end[run->count] = rendered(run);
        run->count++;
    }
}

/* When the next datagram's last metric is due, in ns from the start. */
static uint64_t due_ns(const struct run *run, size_t index)
{
    return (uint64_t)((double)run->metrics_end[index] / run->options->rate * NS_PER_S);
}

static size_t due_datagrams(const struct run *run, uint64_t now_ns)
{
    size_t index = run->next;
    if (run->options->rate <= 0) {
        return run->count - run->next;
    }
    while (index < run->count && due_ns(run, index) <= now_ns - run->start_ns) {
        index++;
    }
    return index - run->next;
}

/* To the first tick at which the next datagram is due: several may share one. */
static void wait_for_next(const struct run *run)
{
    uint64_t ticks = (due_ns(run, run->next) + TICK_NS - 1) / TICK_NS;
    pause_until(run->start_ns + ticks * TICK_NS);
}

static void show_progress(struct run *run, uint64_t now_ns)
{
    if (progress_is_due(&run->progress, now_ns)) {
        double seconds = (double)(now_ns - run->start_ns) / NS_PER_S;
        double metrics = (double)run->sent;
        progress_show("%.0f metrics, %.1f s, %.0f a second", metrics, seconds,
                      seconds > 0 ? metrics / seconds : 0);
    }
}

static bool is_over(struct run *run, uint64_t now_ns)
{
    run->result->interrupted = stop_signal != 0;
    run->result->late = run->options->rate > 0 && now_ns >= run->deadline_ns;
    return run->result->interrupted || now_ns >= run->deadline_ns;
}

/* What was rendered is sent even when the time is over: the plan's sums are then those of what was
 * sent. */
static bool pace(struct run *run)
{
    while (run->sent < run->options->metrics_max) {
        uint64_t now_ns = clock_monotonic_ns(&clock_system);
        if (is_over(run, now_ns)) {
            return run->next == run->count || send_next(run, run->count - run->next);
        }
        show_progress(run, now_ns);
        if (run->next == run->count) {
            render_batch(run);
        }
        size_t due = due_datagrams(run, now_ns);
        if (due == 0) {
            wait_for_next(run);
        } else if (!send_next(run, due)) {
            return false;
        }
    }
    return true;
}

static bool pace_with_signals(struct run *run)
{
    /* Once: a second signal ends the program even where the receiver blocks it. */
    struct sigaction note = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND}, saved[2];
    stop_signal = 0;
    sigaction(SIGINT, &note, &saved[0]);
    sigaction(SIGTERM, &note, &saved[1]);
    progress_start(&run->progress);
    uint64_t duration_ms = run->options->duration_ms;
    uint64_t grace_ms = run->options->rate > 0 ? LOAD_GRACE_MS : 0;
    run->start_ns = clock_monotonic_ns(&clock_system);
    run->deadline_ns =
        duration_ms > 0 ? run->start_ns + (duration_ms + grace_ms) * TICK_NS : UINT64_MAX;
    bool sent = pace(run);
    int error = errno;
    run->result->seconds = (double)(clock_monotonic_ns(&clock_system) - run->start_ns) / NS_PER_S;
    progress_stop(&run->progress);
    sigaction(SIGINT, &saved[0], NULL);
    sigaction(SIGTERM, &saved[1], NULL);
    errno = error;
    return sent;
}

static bool run_all(struct run *run, char reason[SOCKET_REASON_MAX])
{
    run->slot_bytes = run->options->datagram_bytes_max + LOAD_SLACK_BYTES;
    run->batch = BATCH;
    if (run->options->gso && BATCH * run->options->datagram_bytes_max > PACK_BYTES_MAX) {
        run->batch = PACK_BYTES_MAX / run->options->datagram_bytes_max;
    }
    run->bytes = malloc(BATCH * run->slot_bytes);
    if (!run->bytes) {
        snprintf(reason, SOCKET_REASON_MAX, "out of memory");
        return false;
    }
    while (run->socket_count < run->options->sockets) {
        if (!open_socket(run, reason)) {
            return false;
        }
    }
    if (!pace_with_signals(run)) {
        snprintf(reason, SOCKET_REASON_MAX, "%s", strerror(errno));
        return false;
    }
    for (uint64_t i = 0; i < run->socket_count && !run->stream; i++) {
        run->result->refused += take_icmp_answers(run->sockets[i]);
    }
    return true;
}

bool load_run(struct load_plan *plan, const struct load_run_options *options,
              struct load_result *result, char reason[SOCKET_REASON_MAX])
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run) {
        snprintf(reason, SOCKET_REASON_MAX, "out of memory");
        return false;
    }
    *result = (struct load_result){0};
    run->plan = plan;
    run->options = options;
    run->result = result;
    run->stream = endpoint_is_stream(&options->target);
    bool done = run_all(run, reason);
    for (uint64_t i = 0; i < run->socket_count; i++) {
        close(run->sockets[i]);
    }
    free(run->bytes);
    free(run);
    return done;
}
