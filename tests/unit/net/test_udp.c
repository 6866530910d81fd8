/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/net/udp.h"

/* The largest payload of a UDP datagram over IPv4: 65,535 less 20 and 8 bytes of headers. */
#define PAYLOAD_MAX 65507

struct fixture {
    struct address address; /* of the receiving socket */
    struct udp_buffers *buffers;
    int fd, sender_fd;
};

static struct address address_of(int fd)
{
    struct address address = {.length = sizeof(address.storage)};
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address.storage, &address.length), 0);
    return address;
}

static struct address loopback(void)
{
    struct address address;
    char reason[128];
    assert_true(address_resolve("127.0.0.1:0", SOCK_DGRAM, &address, reason, sizeof(reason)));
    return address;
}

static int setup(void **state)
{
    static struct fixture fixture;
    char reason[128];
    struct address any_port = loopback();
    assert_true(udp_open(&any_port, &fixture.fd, 1, reason, sizeof(reason)));
    udp_set_receive_buffer(fixture.fd, 1 << 20);
    fixture.address = address_of(fixture.fd);
    fixture.buffers = udp_buffers_new(false);
    assert_non_null(fixture.buffers);
    fixture.sender_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fixture.sender_fd, (const struct sockaddr *)&fixture.address.storage,
                             fixture.address.length),
                     0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->fd);
    close(fixture->sender_fd);
    udp_buffers_free(fixture->buffers);
    return 0;
}

static void send_bytes(struct fixture *fixture, const char *bytes, size_t length)
{
    assert_int_equal(send(fixture->sender_fd, bytes, length, 0), (ssize_t)length);
}

/* Copies the entries, so that a later batch can be held against them. */
static size_t receive(int fd, struct udp_buffers *buffers, struct udp_datagram *datagrams)
{
    struct udp_batch batch = udp_receive(fd, buffers);
    assert_int_equal(batch.messages, batch.count);
    assert_int_equal(batch.full, batch.count == UDP_BATCH);
    memcpy(datagrams, batch.datagrams, batch.count * sizeof(*datagrams));
    return batch.count;
}

static void every_length_arrives_whole(void **state)
{
    struct fixture *fixture = *state;
    static const size_t lengths[] = {0,    1,    2,    1432,  1535,  1536,        1537,
                                     1538, 3000, 9000, 32768, 65000, PAYLOAD_MAX, 1};
    char *bytes = malloc(PAYLOAD_MAX);
    struct udp_datagram datagrams[UDP_BATCH];
    struct address sender = address_of(fixture->sender_fd);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t j = 0; j < lengths[i]; j++) {
            bytes[j] = (char)(i * 131 + j * 7 + (j >> 8));
        }
        send_bytes(fixture, bytes, lengths[i]);
        assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 1);
        assert_int_equal(datagrams[0].length, lengths[i]);
        assert_memory_equal(datagrams[0].bytes, bytes, lengths[i]);
        assert_memory_equal(datagrams[0].sender, &sender.storage, sizeof(struct sockaddr_in));
    }
    free(bytes);
}

/* Large and small ones side by side: none may write into the place of another. */
static void a_batch_keeps_its_datagrams_apart(void **state)
{
    struct fixture *fixture = *state;
    char bytes[4000];
    struct udp_datagram datagrams[UDP_BATCH];
    for (size_t i = 0; i < UDP_BATCH; i++) {
        memset(bytes, (int)i + 1, sizeof(bytes));
        send_bytes(fixture, bytes, i % 3 == 0 ? 4000 : 100 + i);
    }
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), UDP_BATCH);
    for (size_t i = 0; i < UDP_BATCH; i++) {
        assert_int_equal(datagrams[i].length, i % 3 == 0 ? 4000 : 100 + i);
        memset(bytes, (int)i + 1, sizeof(bytes));
        assert_memory_equal(datagrams[i].bytes, bytes, datagrams[i].length);
    }
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 0);
}

static void more_than_a_batch_comes_in_several(void **state)
{
    struct fixture *fixture = *state;
    struct udp_datagram datagrams[UDP_BATCH];
    for (size_t i = 0; i < UDP_BATCH + 5; i++) {
        send_bytes(fixture, "a:1|c", 5);
    }
    assert_true(udp_queued(fixture->fd) > 0);
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), UDP_BATCH);
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 5);
    assert_int_equal(udp_queued(fixture->fd), 0);
}

static void a_port_in_use_is_refused(void **state)
{
    struct fixture *fixture = *state;
    int fds[3] = {-1, -1, -1};
    char reason[128];
    assert_false(udp_open(&fixture->address, fds, 3, reason, sizeof(reason)));
    assert_non_null(strstr(reason, "Address already in use"));
    assert_non_null(strstr(reason, "udp 127.0.0.1:"));
}

static void several_workers_share_a_port_and_nobody_else_does(void **state)
{
    struct fixture *fixture = *state;
    int fds[4], others[2];
    char reason[128];
    struct address any_port = loopback();
    assert_true(udp_open(&any_port, fds, 4, reason, sizeof(reason)));
    struct address shared = address_of(fds[0]);
    size_t received[4] = {0}, total = 0, served = 0;
    struct udp_datagram datagrams[UDP_BATCH];
    for (size_t i = 0; i < 4; i++) {
        struct address own = address_of(fds[i]);
        assert_memory_equal(&own.storage, &shared.storage, sizeof(struct sockaddr_in));
    }
    for (size_t i = 0; i < 64; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(
            sendto(fd, "a", 1, 0, (const struct sockaddr *)&shared.storage, shared.length), 1);
        close(fd);
    }
    for (size_t i = 0; i < 4; i++) {
        received[i] = receive(fds[i], fixture->buffers, datagrams);
        total += received[i];
        served += received[i] > 0;
    }
    assert_int_equal(total, 64);
    assert_true(served > 1);
    assert_false(udp_open(&shared, others, 2, reason, sizeof(reason)));
    for (size_t i = 0; i < 4; i++) {
        close(fds[i]);
    }
    /* All of them gone, the port is free again. */
    assert_true(udp_open(&shared, others, 2, reason, sizeof(reason)));
    close(others[0]);
    close(others[1]);
}

static void every_address_takes_both_families(void **state)
{
    struct fixture *fixture = *state;
    struct address any;
    char reason[128];
    int fd;
    struct udp_datagram datagrams[UDP_BATCH];
    assert_true(address_resolve(":0", SOCK_DGRAM, &any, reason, sizeof(reason)));
    assert_true(udp_open(&any, &fd, 1, reason, sizeof(reason)));
    struct address bound = address_of(fd);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = bound.storage.ss_family == AF_INET6
                      ? ((const struct sockaddr_in6 *)&bound.storage)->sin6_port
                      : ((const struct sockaddr_in *)&bound.storage)->sin_port;
    assert_int_equal(
        sendto(fixture->sender_fd, "four", 4, 0, (const struct sockaddr *)&to, sizeof(to)), 4);
    assert_int_equal(receive(fd, fixture->buffers, datagrams), 1);
    assert_memory_equal(datagrams[0].bytes, "four", 4);
    char text[ADDRESS_TEXT_MAX];
    address_format(datagrams[0].sender, text);
    assert_memory_equal(text, "127.0.0.1:", 10);
    close(fd);
}

static void behind_a_closed_gate_every_datagram_counts_as_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct udp_datagram datagrams[UDP_BATCH];
    for (size_t i = 0; i < 10; i++) {
        send_bytes(fixture, "before", 6);
    }
    assert_int_equal(udp_drops(fixture->fd), 0);
    assert_true(udp_close_gate(fixture->fd));
    for (size_t i = 0; i < 37; i++) {
        ssize_t sent = send(fixture->sender_fd, "after", 5, 0);
        (void)sent;
    }
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 10);
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 0);
    assert_int_equal(udp_drops(fixture->fd), 37);
}

static void a_socket_that_turns_senders_away_neither_takes_nor_drops(void **state)
{
    struct fixture *fixture = *state;
    struct udp_datagram datagrams[UDP_BATCH];
    send_bytes(fixture, "before", 6);
    assert_true(udp_turn_away(fixture->fd));
    for (size_t i = 0; i < 5; i++) {
        ssize_t sent = send(fixture->sender_fd, "after", 5, 0);
        (void)sent;
    }
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 1);
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 0);
    assert_int_equal(udp_drops(fixture->fd), 0);
}

static void what_overflows_the_buffer_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct udp_datagram datagrams[UDP_BATCH];
    size_t received = 0, count;
    uint64_t granted = udp_set_receive_buffer(fixture->fd, 65536);
    assert_true(granted >= 65536);
    for (size_t i = 0; i < 500; i++) {
        char bytes[1000] = {0};
        send_bytes(fixture, bytes, sizeof(bytes));
    }
    while ((count = receive(fixture->fd, fixture->buffers, datagrams)) > 0) {
        received += count;
    }
    assert_true(received < 500);
    assert_int_equal(received + udp_drops(fixture->fd), 500);
}

/* Sends `length` bytes as datagrams of `segment`, the last of which may be shorter. */
static void send_segments(struct fixture *fixture, const char *bytes, size_t length, int segment)
{
    assert_int_equal(
        setsockopt(fixture->sender_fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
    send_bytes(fixture, bytes, length);
    segment = 0;
    assert_int_equal(
        setsockopt(fixture->sender_fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
}

static void joined_datagrams_come_apart_again(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        size_t length;
        int segment;
        size_t count;
    } cases[] = {{64 * 1000, 1000, 64}, {1037, 100, 11}, {200, 100, 2},   {101, 100, 2},
                 {5000, 0, 1},          {0, 0, 1},       {64 * 1, 1, 64}, {PAYLOAD_MAX, 0, 1}};
    struct udp_buffers *buffers = udp_buffers_new(true);
    char *bytes = malloc(PAYLOAD_MAX);
    struct address sender = address_of(fixture->sender_fd);
    assert_true(buffers && bytes && udp_set_gro(fixture->fd));
    for (size_t i = 0; i < PAYLOAD_MAX; i++) {
        bytes[i] = (char)(i * 7 + (i >> 8));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        send_segments(fixture, bytes, cases[i].length, cases[i].segment);
        struct udp_batch batch = udp_receive(fixture->fd, buffers);
        size_t offset = 0;
        assert_int_equal(batch.messages, 1);
        assert_int_equal(batch.count, cases[i].count);
        for (size_t j = 0; j < batch.count; j++) {
            const struct udp_datagram *datagram = &batch.datagrams[j];
            assert_true(j + 1 == batch.count || datagram->length == (uint32_t)cases[i].segment);
            assert_memory_equal(datagram->bytes, bytes + offset, datagram->length);
            assert_memory_equal(datagram->sender, &sender.storage, sizeof(struct sockaddr_in));
            offset += datagram->length;
        }
        assert_int_equal(offset, cases[i].length);
    }
    udp_buffers_free(buffers);
    free(bytes);
}

static void more_joined_messages_than_fit_come_in_several_batches(void **state)
{
    struct fixture *fixture = *state;
    struct udp_buffers *buffers = udp_buffers_new(true);
    char bytes[640] = {0};
    size_t datagrams = 0;
    assert_true(buffers && udp_set_gro(fixture->fd));
    for (size_t i = 0; i < UDP_BATCH_JOINED + 3; i++) {
        send_segments(fixture, bytes, sizeof(bytes), 10);
    }
    struct udp_batch batch = udp_receive(fixture->fd, buffers);
    assert_true(batch.full);
    datagrams += batch.count;
    batch = udp_receive(fixture->fd, buffers);
    assert_int_equal(batch.messages, 3);
    assert_false(batch.full);
    datagrams += batch.count;
    assert_int_equal(datagrams, 64 * (UDP_BATCH_JOINED + 3));
    assert_int_equal(udp_receive(fixture->fd, buffers).count, 0);
    udp_buffers_free(buffers);
}

/* Without UDP_GRO the kernel cuts them itself, so that nobody else sees that they were joined. */
static void a_socket_without_gro_sees_plain_datagrams(void **state)
{
    struct fixture *fixture = *state;
    struct udp_datagram datagrams[UDP_BATCH];
    char bytes[1050] = {0};
    send_segments(fixture, bytes, sizeof(bytes), 100);
    assert_int_equal(receive(fixture->fd, fixture->buffers, datagrams), 11);
    assert_int_equal(datagrams[9].length, 100);
    assert_int_equal(datagrams[10].length, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_length_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_keeps_its_datagrams_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_a_batch_comes_in_several, setup, teardown),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(several_workers_share_a_port_and_nobody_else_does, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_address_takes_both_families, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_closed_gate_every_datagram_counts_as_dropped,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_turns_senders_away_neither_takes_nor_drops,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_overflows_the_buffer_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(joined_datagrams_come_apart_again, setup, teardown),
        cmocka_unit_test_setup_teardown(more_joined_messages_than_fit_come_in_several_batches,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_without_gro_sees_plain_datagrams, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
