/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/http/guard.h"

static char *listened[] = {(char[]){"metrics.lan:9102"}, (char[]){":9103"}};
static const struct config_strings listen_on = {listened, 2};

static int check(bool loopback_only, const char *host, const char *origin, bool administers)
{
    struct guard guard = {loopback_only, "box7", &listen_on};
    struct guard_request request = {host, origin, true, administers};
    const char *reason = NULL;
    int code = guard_check(&guard, &request, &reason);
    assert_true((code == 0) == (reason == NULL));
    return code;
}

static void on_loopback_only_loopback_hosts_may_ask(void **state)
{
    static const struct {
        const char *host;
        int code;
    } cases[] = {
        {"127.0.0.1:9102", 0},
        {"127.0.0.1", 0},
        {"127.9.9.9:1", 0},
        {"localhost:9102", 0},
        {"LOCALHOST", 0},
        {"[::1]:9102", 0},
        {"[::1]", 0},
        {"[::ffff:127.0.0.1]", 0},
        {"evil.example", 403},
        {"evil.example:9102", 403},
        {"10.0.0.1:9102", 403},
        {"[2001:db8::1]:80", 403},
        {"localhost.evil.example", 403},
        {"127.0.0.1.evil.example", 403},
        {"box7", 403},
        {"", 400},
        {":9102", 400},
        {"127.0.0.1:x", 400},
        {"127.0.0.1:99999", 400},
        {"a b", 400},
        {"[::1", 400},
        {"[::1]9102", 400},
        {"[localhost]", 400},
        {"a/b", 400},
        {"::1", 400},
        {"user@localhost", 400},
        {"local\xC3\xA9host", 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(check(true, cases[i].host, NULL, false), cases[i].code);
    }
}

static void elsewhere_any_host_may_read_and_own_names_administer(void **state)
{
    static const struct {
        const char *host;
        int reads, administers;
    } cases[] = {
        {"scraped.example:9102", 0, 403},
        {"10.0.0.1:9102", 0, 0},
        {"localhost", 0, 0},
        {"box7:9102", 0, 0},
        {"BOX7", 0, 0},
        {"box7.evil.example", 0, 403},
        {"metrics.lan", 0, 0},
        {"a b", 400, 400},
        {"", 400, 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(check(false, cases[i].host, NULL, false), cases[i].reads);
        assert_int_equal(check(false, cases[i].host, NULL, true), cases[i].administers);
    }
}

static void an_origin_must_be_that_of_the_host(void **state)
{
    static const struct {
        const char *host, *origin;
        int code;
    } cases[] = {
        {"localhost:9102", "http://localhost:9102", 0},
        {"localhost:9102", "HTTP://LOCALHOST:9102", 0},
        {"localhost", "http://localhost", 0},
        {"localhost:80", "http://localhost", 0},
        {"localhost", "https://localhost", 0},
        {"localhost:443", "https://localhost", 0},
        {"[::1]:9102", "http://[::1]:9102", 0},
        {"localhost:9102", "http://localhost:9103", 403},
        {"localhost:9102", "http://127.0.0.1:9102", 403},
        {"localhost:9102", "http://evil.example", 403},
        {"localhost:9102", "null", 403},
        {"localhost:9102", "", 403},
        {"localhost:9102", "file://", 403},
        {"localhost:9102", "http://localhost:9102/", 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(check(true, cases[i].host, cases[i].origin, false), cases[i].code);
    }
}

static void only_old_clients_may_leave_the_host_out(void **state)
{
    struct guard guard = {true, "box7", &listen_on};
    struct guard_request request = {.host_needed = false};
    const char *reason;
    (void)state;
    assert_int_equal(guard_check(&guard, &request, &reason), 0);
    request.host_needed = true;
    assert_int_equal(guard_check(&guard, &request, &reason), 400);
    request = (struct guard_request){.origin = "http://evil.example"};
    assert_int_equal(guard_check(&guard, &request, &reason), 400);
}

static void administration_follows_its_setting(void **state)
{
    static const struct {
        enum config_admin admin;
        const char *token, *peer, *authorization;
        int code;
    } cases[] = {
        {ADMIN_LOOPBACK, NULL, "127.0.0.1", NULL, 0},
        {ADMIN_LOOPBACK, NULL, "::1", NULL, 0},
        {ADMIN_LOOPBACK, NULL, "::ffff:127.0.0.1", NULL, 0},
        {ADMIN_LOOPBACK, NULL, "10.0.0.1", NULL, 403},
        {ADMIN_LOOPBACK, NULL, "fe80::1%eth0", NULL, 403},
        {ADMIN_OFF, "t0ken", "127.0.0.1", "Bearer t0ken", 403},
        {ADMIN_TOKEN, "t0ken", "10.0.0.1", "Bearer t0ken", 0},
        {ADMIN_TOKEN, "t0ken", "10.0.0.1", "bearer  t0ken", 0},
        {ADMIN_TOKEN, "t0ken", "127.0.0.1", NULL, 401},
        {ADMIN_TOKEN, "t0ken", "127.0.0.1", "Bearer t0ke", 401},
        {ADMIN_TOKEN, "t0ken", "127.0.0.1", "Bearer t0kent0ken", 401},
        {ADMIN_TOKEN, "t0ken", "127.0.0.1", "Bearer ", 401},
        {ADMIN_TOKEN, "t0ken", "127.0.0.1", "Basic t0ken", 401},
        {ADMIN_TOKEN, "", "127.0.0.1", "Bearer ", 401},
        {ADMIN_TOKEN, NULL, "127.0.0.1", "Bearer ", 401},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *reason;
        assert_int_equal(guard_check_admin(cases[i].admin, cases[i].token, cases[i].peer,
                                           cases[i].authorization, &reason),
                         cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_loopback_only_loopback_hosts_may_ask),
        cmocka_unit_test(elsewhere_any_host_may_read_and_own_names_administer),
        cmocka_unit_test(an_origin_must_be_that_of_the_host),
        cmocka_unit_test(only_old_clients_may_leave_the_host_out),
        cmocka_unit_test(administration_follows_its_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
