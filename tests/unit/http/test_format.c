/* SPDX-License-Identifier: MIT */
#include "server/http/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PROTOBUF "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"

static void the_largest_weight_wins(void **state)
{
    static const struct {
        const char *accept;
        enum format format;
    } cases[] = {
        {NULL, FORMAT_TEXT},
        {"", FORMAT_TEXT},
        {"*/*", FORMAT_TEXT},
        {"text/*;q=0.1", FORMAT_TEXT},
        {"application/openmetrics-text", FORMAT_OPENMETRICS},
        {"application/openmetrics-text;version=0.0.1", FORMAT_TEXT},
        {"application/openmetrics-text;version=1.0.0;q=0.8, text/plain;q=0.5", FORMAT_OPENMETRICS},
        {"text/plain;q=0.5,application/openmetrics-text;q=0.499", FORMAT_TEXT},
        {"text/plain,application/openmetrics-text", FORMAT_TEXT},
        {"text/plain;version=1.0.0;q=1,application/openmetrics-text;q=0.001", FORMAT_OPENMETRICS},
        {PROTOBUF ";encoding=delimited", FORMAT_PROTOBUF},
        {PROTOBUF ";encoding=delimited;q=0.2,*/*;q=0.1", FORMAT_PROTOBUF},
        {PROTOBUF ";encoding=compact-text", FORMAT_TEXT},
        {PROTOBUF, FORMAT_TEXT},
        {"application/vnd.google.protobuf;encoding=delimited", FORMAT_TEXT},
        {"application/openmetrics-text;q=0", FORMAT_TEXT},
        {"application/openmetrics-text;q=0.000", FORMAT_TEXT},
        {"application/openmetrics-text;q=no", FORMAT_TEXT},
        {"application/openmetrics-text;q=9", FORMAT_OPENMETRICS},
        {"APPLICATION/OpenMetrics-TEXT ; VERSION = \"1.0.0\" ; q = 1.000", FORMAT_OPENMETRICS},
        {"application/json;title=\"a,application/openmetrics-text\"", FORMAT_TEXT},
        {"\"", FORMAT_TEXT},
        {";;;,,,=;=,", FORMAT_TEXT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (format_negotiate(cases[i].accept) != cases[i].format) {
            fail_msg("%s gave %s", cases[i].accept,
                     format_content_type(format_negotiate(cases[i].accept)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_largest_weight_wins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
