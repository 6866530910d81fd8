/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/http/route.h"

static void every_page_is_where_the_contract_says(void **state)
{
    static const struct {
        const char *path;
        bool post;
    } pages[] = {
        {"/", false},
        {"/metrics", false},
        {"/api/v1/snapshot", false},
        {"/-/ready", false},
        {"/api/v1/anomalies", false},
        {"/api/v1/alerts", false},
        {"/api/v1/balance", false},
        {"/-/healthy", false},
        {"/-/flush", true},
        {"/-/reload", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        const struct route *route = route_find(pages[i].path);
        assert_non_null(route);
        assert_int_equal(route_accepts(route, EVHTTP_REQ_POST), pages[i].post);
        assert_int_equal(route_accepts(route, EVHTTP_REQ_GET), !pages[i].post);
        assert_int_equal(route_accepts(route, EVHTTP_REQ_HEAD), !pages[i].post);
        assert_false(route_accepts(route, EVHTTP_REQ_DELETE));
        assert_string_equal(route_allow(route), pages[i].post ? "POST" : "GET, HEAD");
    }
}

static void other_paths_are_nowhere(void **state)
{
    static const char *const paths[] = {"", "/metric", "/metrics/", "//", "/METRICS", "metrics"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        assert_null(route_find(paths[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_where_the_contract_says),
        cmocka_unit_test(other_paths_are_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
