/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/net/relay.h"

#define DATAGRAM_BYTES 512

struct fixture {
    int fd;
    struct relay_lane *lane;
    FILE *stream; /* the lines that were received, a row each */
    char *text;
    size_t size;
    size_t datagrams, largest;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct address address;
    char reason[128];
    int room = 1 << 22;
    fixture = (struct fixture){0};
    assert_true(address_resolve("127.0.0.1:0", SOCK_DGRAM, &address, reason, sizeof(reason)));
    fixture.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fixture.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    assert_int_equal(bind(fixture.fd, (struct sockaddr *)&address.storage, address.length), 0);
    assert_int_equal(getsockname(fixture.fd, (struct sockaddr *)&address.storage, &address.length),
                     0);
    fixture.lane = relay_lane_new(&address, 1, DATAGRAM_BYTES, reason, sizeof(reason));
    assert_non_null(fixture.lane);
    fixture.stream = open_memstream(&fixture.text, &fixture.size);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    relay_lane_free(fixture->lane);
    fclose(fixture->stream);
    free(fixture->text);
    if (fixture->fd >= 0) {
        close(fixture->fd);
    }
    return 0;
}

static void receive(struct fixture *fixture)
{
    static char bytes[65536];
    ssize_t length;
    while ((length = recv(fixture->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
        fixture->datagrams++;
        fixture->largest = fixture->largest > (size_t)length ? fixture->largest : (size_t)length;
        fprintf(fixture->stream, "%.*s\n", (int)length, bytes);
    }
    fflush(fixture->stream);
}

static void add(struct fixture *fixture, const char *text)
{
    relay_add(fixture->lane, text, strlen(text));
}

static void packs_what_comes_into_one_datagram(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "a:1|c");
    add(fixture, "b:1|c\nc:1|c\n");
    add(fixture, "\n");
    add(fixture, "");
    assert_true(relay_is_waiting(fixture->lane));
    relay_send(fixture->lane, false);
    receive(fixture);
    assert_int_equal(fixture->datagrams, 0);
    relay_send(fixture->lane, true);
    assert_false(relay_is_waiting(fixture->lane));
    receive(fixture);
    assert_string_equal(fixture->text, "a:1|c\nb:1|c\nc:1|c\n");
    assert_int_equal(fixture->datagrams, 1);
}

static void a_line_longer_than_a_datagram_goes_alone(void **state)
{
    struct fixture *fixture = *state;
    char line[2001];
    memset(line, 'x', 2000);
    line[2000] = '\0';
    add(fixture, "a:1|c");
    add(fixture, line);
    add(fixture, "b:1|c");
    relay_send(fixture->lane, true);
    receive(fixture);
    assert_int_equal(fixture->datagrams, 3);
    assert_int_equal(fixture->largest, 2000);
}

static void a_line_that_no_datagram_holds_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct relay_figures figures;
    static char line[65510];
    memset(line, 'x', sizeof(line) - 1);
    add(fixture, line);
    relay_read(fixture->lane, &figures);
    assert_int_equal(figures.datagrams_lost, 1);
    assert_int_equal(figures.error, EMSGSIZE);
    assert_false(relay_is_waiting(fixture->lane));
}

/* Whatever comes, in whatever pieces: the lines go out in their order, and no datagram of several
 * lines is too large. */
static void no_line_is_lost_or_moved(void **state)
{
    struct fixture *fixture = *state;
    char *expected, *piece;
    size_t size, piece_size;
    srandom(3);
    FILE *all = open_memstream(&expected, &size);
    uint64_t bytes = 0;
    for (int i = 0; i < 3000; i++) {
        FILE *out = open_memstream(&piece, &piece_size);
        for (long lines = random() % (i % 100 == 0 ? 300 : 6); lines >= 0; lines--) {
            int length = 3 + (int)(random() % (random() % 50 == 0 ? 900 : 60));
            fprintf(out, "%0*d\n", length, i);
            fprintf(all, "%0*d\n", length, i);
        }
        fclose(out);
        relay_add(fixture->lane, piece, piece_size - (size_t)(random() % 2));
        free(piece);
        if (random() % 10 == 0) {
            relay_send(fixture->lane, random() % 2 == 0);
        }
        receive(fixture);
    }
    fclose(all);
    relay_send(fixture->lane, true);
    receive(fixture);
    assert_string_equal(fixture->text, expected);
    struct relay_figures figures;
    relay_read(fixture->lane, &figures);
    bytes = size - fixture->datagrams; /* one LF a datagram is the test's */
    assert_int_equal(figures.bytes_sent, bytes);
    assert_int_equal(figures.datagrams_sent, fixture->datagrams);
    assert_int_equal(figures.datagrams_lost, 0);
    assert_true(fixture->largest <= 903);
    free(expected);
}

static void what_a_dead_server_refuses_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct relay_figures figures;
    close(fixture->fd);
    fixture->fd = -1;
    for (int i = 0; i < 100; i++) {
        add(fixture, "a:1|c");
        relay_send(fixture->lane, true);
    }
    relay_read(fixture->lane, &figures);
    assert_int_equal(figures.datagrams_sent, 100);
    assert_int_equal(figures.datagrams_lost, 99); /* the last refusal has not been told yet */
    assert_int_equal(figures.error, ECONNREFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packs_what_comes_into_one_datagram, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_longer_than_a_datagram_goes_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_no_datagram_holds_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(no_line_is_lost_or_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_dead_server_refuses_is_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
