/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "server/net/address.h"

static bool resolve(const char *text, struct address *address, char reason[128])
{
    reason[0] = '\0';
    return address_resolve(text, SOCK_DGRAM, address, reason, 128);
}

static void numeric_addresses_come_back_as_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1:8125", "0.0.0.0:1",     "[::1]:8125",
                                        "[::]:65535",     "10.20.30.40:0", "[fe80::1234:5678]:9"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address address;
        char reason[128], text[ADDRESS_TEXT_MAX];
        assert_true(resolve(texts[i], &address, reason));
        assert_false(address.any);
        address_format((const struct sockaddr *)&address.storage, text);
        assert_string_equal(text, texts[i]);
    }
}

static void no_host_is_every_address(void **state)
{
    (void)state;
    struct address address;
    char reason[128], text[ADDRESS_TEXT_MAX];
    assert_true(resolve(":8125", &address, reason));
    assert_true(address.any);
    address_format((const struct sockaddr *)&address.storage, text);
    assert_string_equal(text, address.storage.ss_family == AF_INET6 ? "[::]:8125" : "0.0.0.0:8125");
}

static void what_is_no_address_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "8125",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        ":",
                                        "127.0.0.1:statsd",
                                        "127.0.0.1:65536",
                                        "127.0.0.1:99999",
                                        "127.0.0.1:-1",
                                        "127.0.0.1:+1",
                                        "127.0.0.1: 1",
                                        "127.0.0.1:000001",
                                        "[::1:8125",
                                        "127.0.0.300:8125",
                                        "no such host.invalid:8125"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address address;
        char reason[128];
        print_message("%s\n", texts[i]);
        assert_false(resolve(texts[i], &address, reason));
        assert_non_null(strstr(reason, texts[i]));
        assert_true(strlen(reason) > strlen(texts[i]));
    }
}

static void a_host_too_long_is_refused(void **state)
{
    (void)state;
    char text[2000], reason[16];
    struct address address;
    memset(text, 'h', sizeof(text));
    memcpy(text + sizeof(text) - 6, ":8125", 6);
    assert_false(address_resolve(text, SOCK_DGRAM, &address, reason, sizeof(reason)));
    assert_int_equal(strlen(reason), sizeof(reason) - 1);
}

static void an_ipv4_sender_at_an_ipv6_socket_is_shown_as_ipv4(void **state)
{
    (void)state;
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(77)};
    char text[ADDRESS_TEXT_MAX];
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &mapped.sin6_addr), 1);
    address_format((const struct sockaddr *)&mapped, text);
    assert_string_equal(text, "192.0.2.7:77");
}

static void unix_sockets_have_their_path_as_text(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/sigmad.socket"};
    char text[ADDRESS_TEXT_MAX];
    address_format((const struct sockaddr *)&address, text);
    assert_string_equal(text, "unix:/run/sigmad.socket");
    memset(address.sun_path, 'a', sizeof(address.sun_path));
    address_format((const struct sockaddr *)&address, text);
    assert_int_equal(strlen(text), ADDRESS_TEXT_MAX - 1);
    address.sun_path[0] = '\0';
    address_format((const struct sockaddr *)&address, text);
    assert_string_equal(text, "unix");
}

static void other_families_have_no_text(void **state)
{
    (void)state;
    struct sockaddr sockaddr = {.sa_family = AF_NETLINK};
    char text[ADDRESS_TEXT_MAX];
    address_format(&sockaddr, text);
    assert_string_equal(text, "unknown");
}

static void tells_what_comes_back_to_a_socket(void **state)
{
    static const struct {
        const char *address, *bound;
        bool reaches;
    } cases[] = {
        {"127.0.0.1:1", "127.0.0.1:1", true}, {"127.0.0.1:1", "127.0.0.1:2", false},
        {"127.0.0.1:1", "0.0.0.0:1", true},   {"127.0.0.2:1", "127.0.0.1:1", false},
        {"192.0.2.1:1", "0.0.0.0:1", false},  {"192.0.2.1:1", "192.0.2.1:1", true},
        {"[::1]:1", "[::1]:1", true},         {"[::1]:1", "[::]:1", true},
        {"[::1]:1", "[::]:2", false},         {"[2001:db8::1]:1", "[::]:1", false},
        {"127.0.0.1:1", "[::]:1", true},      {"127.0.0.1:1", "[::1]:1", false},
        {"[::1]:1", "127.0.0.1:1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address, bound;
        char reason[128];
        print_message("%s %s\n", cases[i].address, cases[i].bound);
        assert_true(resolve(cases[i].address, &address, reason));
        assert_true(resolve(cases[i].bound, &bound, reason));
        assert_int_equal(address_reaches(&address, &bound.storage), cases[i].reaches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_addresses_come_back_as_text),
        cmocka_unit_test(no_host_is_every_address),
        cmocka_unit_test(what_is_no_address_is_refused_with_the_reason),
        cmocka_unit_test(a_host_too_long_is_refused),
        cmocka_unit_test(an_ipv4_sender_at_an_ipv6_socket_is_shown_as_ipv4),
        cmocka_unit_test(unix_sockets_have_their_path_as_text),
        cmocka_unit_test(other_families_have_no_text),
        cmocka_unit_test(tells_what_comes_back_to_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
