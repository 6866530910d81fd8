/* SPDX-License-Identifier: MIT
 *
 * What a datagram costs the thread that receives it. Three receivers take the same traffic in turn,
 * each on core 0 with the sender on core 1: D0, a plain libevent loop that reads one datagram a
 * callback and throws it away; D1, the server's batches and wake-up moderation, throwing away; and
 * the server's own worker with its parser, its store and a flusher that closes a window a second.
 * D0-batch is D0 with recvmmsg, to tell the two levers apart. Time is what the scheduler charged
 * the receiving thread, user and system. The sender spaces datagrams evenly, the hardest case for
 * wake-ups.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/core/hash.h"
#include "server/core/pool.h"
#include "server/core/require.h"
#include "server/flush/flusher.h"
#include "server/metrics/registry.h"
#include "server/net/udp.h"
#include "server/net/worker.h"
#include "tests/bench/discard.h"
#include "tests/bench/threads.h"
#include "tests/bench/traffic.h"

#define RECEIVE_BUFFER (8 << 20)
#define ROUNDS_MAX 15

struct traffic {
    const char *name;
    double metrics_per_second;
    bool packed;
};

static const struct traffic traffics[] = {
    {"unpacked 1k/s", 1e3, false},      {"unpacked 10k/s", 10e3, false},
    {"unpacked 50k/s", 50e3, false},    {"unpacked 100k/s", 100e3, false},
    {"unpacked 200k/s", 200e3, false},  {"packed 100k metrics/s", 100e3, true},
    {"packed 1M metrics/s", 1e6, true},
};
#define TRAFFICS (sizeof(traffics) / sizeof(traffics[0]))

enum receiver_kind { D0 = DISCARD_PLAIN, D0_BATCH, D1, SIGMAD, RECEIVERS };
static const char *const receiver_names[RECEIVERS] = {"D0", "D0-batch", "D1", "sigmad"};

struct cost {
    double ns;    /* of CPU a datagram */
    double batch; /* datagrams a wake-up */
    double lost;  /* share of what was sent */
};

/* The server from its sockets to its windows, without outputs. */
struct server {
    struct config *config;
    struct pool *pool;
    struct handover handover;
    struct worker *worker;
    struct flusher *flusher;
};

static void ignore_snapshot(void *context, const struct snapshot *snapshot)
{
    (void)context;
    (void)snapshot;
}

static void ignore(void *context)
{
    (void)context;
}

static void server_start(struct server *server, int fd)
{
    const char *overrides[] = {"flush.interval=1s"};
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = 1};
    server->config = config_load(&sources, stderr, NULL);
    REQUIRE(server->config);
    server->pool = pool_new(server->config->limits.memory_bytes);
    REQUIRE(server->pool);
    struct registry *registry = registry_new(server->config, server->pool);
    REQUIRE(registry);
    const struct worker_socket given = {.fd = fd, .transport = TRANSPORT_UDP};
    struct worker_options worker = {.config = server->config,
                                    .clock = &clock_system,
                                    .registry = registry,
                                    .pool = server->pool,
                                    .handover = &server->handover,
                                    .sockets = &given,
                                    .socket_count = 1,
                                    .workers = 1};
    server->worker = worker_new(&worker);
    REQUIRE(server->worker);
    struct flusher_options flusher = {.config = server->config,
                                      .clock = &clock_system,
                                      .registry = registry,
                                      .pool = server->pool,
                                      .handovers = &server->handover,
                                      .handover_count = 1,
                                      .publish = ignore_snapshot,
                                      .notify = ignore};
    server->flusher = flusher_new(&flusher);
    REQUIRE(server->flusher && worker_start(server->worker) && flusher_start(server->flusher));
}

static void server_stop(struct server *server)
{
    worker_stop(server->worker);
    flusher_stop(server->flusher);
    worker_close(server->worker);
    worker_free(server->worker);
    flusher_free(server->flusher);
    pool_free(server->pool);
    config_free(server->config);
}

/* One receiver at a time, started on core 0. */
struct contender {
    enum receiver_kind kind;
    int fd;
    struct address address;
    struct discard discard;
    struct server server;
};

static void receiver_start(struct contender *receiver, enum receiver_kind kind)
{
    char reason[256];
    memset(receiver, 0, sizeof(*receiver));
    receiver->kind = kind;
    REQUIRE(address_resolve("127.0.0.1:0", SOCK_DGRAM, &receiver->address, reason, sizeof(reason)));
    REQUIRE(udp_open(&receiver->address, &receiver->fd, 1, reason, sizeof(reason)));
    udp_set_receive_buffer(receiver->fd, RECEIVE_BUFFER);
    getsockname(receiver->fd, (struct sockaddr *)&receiver->address.storage,
                &receiver->address.length);
    if (kind == SIGMAD) {
        server_start(&receiver->server, receiver->fd);
        return;
    }
    discard_start(&receiver->discard, (enum discard_kind)kind, receiver->fd);
}

static uint64_t receiver_count(struct contender *receiver)
{
    if (receiver->kind != SIGMAD) {
        return receiver->discard.received;
    }
    struct ingest_figures figures;
    worker_figures(receiver->server.worker, &figures);
    return figures.datagrams_received[TRANSPORT_UDP];
}

static void receiver_stop(struct contender *receiver)
{
    if (receiver->kind == SIGMAD) {
        server_stop(&receiver->server);
        return;
    }
    discard_stop(&receiver->discard);
}

static struct cost measure(enum receiver_kind kind, const struct traffic *traffic,
                           const struct traffic_messages *messages,
                           const struct traffic_messages *packed, double seconds)
{
    struct contender receiver;
    struct threads_usage before, after;
    receiver_start(&receiver, kind);
    /* Every name has been seen once before it counts. */
    traffic_send(&receiver.address, packed, 2000, (double)packed->count / 2000);
    usleep(20000);
    uint64_t count = receiver_count(&receiver);
    double rate = traffic->metrics_per_second * (double)messages->count / TRAFFIC_SERIES;
    threads_usage("worker-0", &before);
    uint64_t sent = traffic_send(&receiver.address, messages, rate, seconds);
    usleep(20000);
    threads_usage("worker-0", &after);
    count = receiver_count(&receiver) - count;
    receiver_stop(&receiver);
    uint64_t wakes = after.waits - before.waits;
    return (struct cost){.ns = (double)(after.cpu_ns - before.cpu_ns) / (double)count,
                         .batch = (double)count / (double)(wakes > 0 ? wakes : 1),
                         .lost = 1 - (double)count / (double)sent};
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, size_t count)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    return sorted[count / 2];
}

struct results {
    double ns[TRAFFICS][RECEIVERS][ROUNDS_MAX];
    double batch[TRAFFICS][RECEIVERS][ROUNDS_MAX];
    double lost[TRAFFICS][RECEIVERS][ROUNDS_MAX];
};

/* A ratio is of neighbours in time, so that a slow second strikes both; then the median. */
static double ratio(const struct results *results, size_t which, enum receiver_kind kind,
                    size_t rounds)
{
    double ratios[ROUNDS_MAX];
    for (size_t i = 0; i < rounds; i++) {
        ratios[i] = results->ns[which][kind][i] / results->ns[which][D0][i];
    }
    return median(ratios, rounds);
}

static void measure_all(struct results *results, size_t rounds, double seconds)
{
    struct traffic_messages unpacked = traffic_render(false), packed = traffic_render(true);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t which = 0; which < TRAFFICS; which++) {
            for (unsigned kind = 0; kind < RECEIVERS; kind++) {
                const struct traffic *traffic = &traffics[which];
                struct cost cost = measure((enum receiver_kind)kind, traffic,
                                           traffic->packed ? &packed : &unpacked, &packed, seconds);
                results->ns[which][kind][round] = cost.ns;
                results->batch[which][kind][round] = cost.batch;
                results->lost[which][kind][round] = cost.lost;
            }
        }
        fprintf(stderr, "round %zu of %zu\n", round + 1, rounds);
    }
}

static void print_table(const struct results *results, size_t rounds)
{
    printf("%-22s %-9s %12s %8s %16s %9s\n", "traffic", "receiver", "ns/datagram", "ratio/D0",
           "datagrams/wake", "lost");
    for (size_t which = 0; which < TRAFFICS; which++) {
        for (unsigned kind = 0; kind < RECEIVERS; kind++) {
            printf("%-22s %-9s %12.0f %8.2f %16.1f %8.3f%%\n", traffics[which].name,
                   receiver_names[kind], median(results->ns[which][kind], rounds),
                   ratio(results, which, (enum receiver_kind)kind, rounds),
                   median(results->batch[which][kind], rounds),
                   100 * median(results->lost[which][kind], rounds));
        }
    }
}

static void print_json(const struct results *results, size_t rounds)
{
    printf("{\"benchmark\": \"receive\", \"rounds\": %zu, \"results\": [", rounds);
    for (size_t which = 0; which < TRAFFICS; which++) {
        for (unsigned kind = 0; kind < RECEIVERS; kind++) {
            printf("%s\n  {\"traffic\": \"%s\", \"receiver\": \"%s\", \"ns_per_datagram\": %.1f, "
                   "\"ratio_to_d0\": %.3f, \"datagrams_per_wake\": %.1f, \"lost\": %.6f}",
                   which + kind > 0 ? "," : "", traffics[which].name, receiver_names[kind],
                   median(results->ns[which][kind], rounds),
                   ratio(results, which, (enum receiver_kind)kind, rounds),
                   median(results->batch[which][kind], rounds),
                   median(results->lost[which][kind], rounds));
        }
    }
    printf("\n]}\n");
}

int main(int argc, char **argv)
{
    static struct results results;
    size_t rounds = 5;
    double seconds = 1;
    bool json = false;
    int option;
    while ((option = getopt(argc, argv, "jr:s:")) != -1) {
        switch (option) {
        case 'j':
            json = true;
            break;
        case 'r':
            rounds = strtoul(optarg, NULL, 10);
            break;
        case 's':
            seconds = strtod(optarg, NULL);
            break;
        default:
            rounds = 0;
        }
    }
    if (rounds < 1 || rounds > ROUNDS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: bench_receive [-j] [-r ROUNDS] [-s SECONDS]\n"
                        "  -j  JSON instead of a table\n"
                        "  -r  rounds, the median of which is told (1 to 15, default 5)\n"
                        "  -s  seconds a measurement (default 1)\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    hash_init();
    threads_pin(0);
    measure_all(&results, rounds, seconds);
    if (json) {
        print_json(&results, rounds);
    } else {
        print_table(&results, rounds);
    }
    return 0;
}
