/* SPDX-License-Identifier: MIT
 *
 * How an anomaly is worded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/detect/verdict.h"
#include "tests/unit/detect/harness.h"

struct worded {
    struct anomaly_row row;
    enum sigma_side side;
    const char *reason;
};

static void a_start_tells_how_far_from_what(void **state)
{
    (void)state;
    static const struct worded table[] = {
        {{.statistic = STATISTIC_MEAN, .value = 214, .mean = 41, .stddev = 21.358, .upper = 58},
         SIGMA_ABOVE,
         "mean 214 is 8.1 sigma above the usual 41 (limit 58)"},
        {{.statistic = STATISTIC_P99, .value = 0.12345, .mean = 1, .stddev = 0.1, .lower = 0.7},
         SIGMA_BELOW,
         "p99 0.1235 is 8.8 sigma below the usual 1 (limit 0.7)"},
        {{.statistic = STATISTIC_UNIQUE, .value = 1234567.8, .mean = 5, .upper = 5.5},
         SIGMA_ABOVE,
         "unique 1234568 is above the usual 5, which did not vary (limit 5.5)"},
        {{.statistic = STATISTIC_VALUE, .value = 1e9, .mean = 1, .stddev = 1, .upper = 4},
         SIGMA_ABOVE,
         "value 1000000000 is over 1000 sigma above the usual 1 (limit 4)"},
        {{.statistic = STATISTIC_RATE,
          .type = ANOMALY_FLATLINE,
          .mean = 12.4,
          .stddev = 1,
          .lower = 9.4},
         SIGMA_BELOW,
         "no samples: rate 0 where 12.4 a second is usual (limit 9.4)"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct anomaly_row row = table[i].row;
        verdict_word_start(&row, table[i].side);
        assert_string_equal(row.reason, table[i].reason);
    }
}

struct worded_auto {
    struct anomaly_row row;
    struct auto_verdict verdict;
    const char *unit;
    const char *reason;
};

static void auto_tells_value_usual_range_and_how_rare_it_is(void **state)
{
    (void)state;
    static const struct worded_auto table[] = {
        {{.statistic = STATISTIC_P99, .value = 214, .lower = 38.4, .upper = 61.2},
         {.side = SIGMA_ABOVE, .part = AUTO_SEASON, .of_the_hour = true, .extreme_s = 6 * 3600},
         "ms",
         "p99 214 ms, usual 38.4–61.2 at this hour, highest in 6 h"},
        {{.statistic = STATISTIC_RATE, .value = 0, .lower = 1200.4, .upper = 20000},
         {.side = SIGMA_BELOW, .part = AUTO_ZERO, .extreme_s = 86400},
         "/s",
         "rate 0/s, usual 1200–20000, where 0 hardly ever comes, lowest in 24 h"},
        {{.statistic = STATISTIC_VALUE, .value = 9, .lower = -3, .upper = 5},
         {.side = SIGMA_ABOVE, .part = AUTO_LEVEL},
         "",
         "value 9, usual -3 to 5, its level has risen"},
        {{.statistic = STATISTIC_VALUE, .value = 8, .lower = 7, .upper = 7},
         {.side = SIGMA_ABOVE, .part = AUTO_RANGE, .extreme_s = 61},
         "",
         "value 8, usual 7, highest in 61 s"},
        {{.statistic = STATISTIC_MEAN, .value = 50.5, .lower = 40, .upper = 60},
         {.side = SIGMA_BELOW, .part = AUTO_SHAPE, .extreme_s = 600},
         "ms",
         "mean 50.5 ms, usual 40–60, a course not seen before, lowest in 10 min"},
        {{.statistic = STATISTIC_UNIQUE, .value = 5, .lower = 40, .upper = 60},
         {.side = SIGMA_BELOW, .part = AUTO_UNREST},
         "",
         "unique 5, usual 40–60, steps larger than ever of late"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct anomaly_row row = table[i].row;
        verdict_word_auto(&row, &table[i].verdict, table[i].unit);
        assert_string_equal(row.reason, table[i].reason);
    }
}

static void the_longest_words_of_auto_fit(void **state)
{
    (void)state;
    struct anomaly_row row = {.statistic = STATISTIC_UNIQUE,
                              .value = -123456789012345.0,
                              .lower = -123456789012345.0,
                              .upper = -1.2345e-300};
    struct auto_verdict verdict = {
        .side = SIGMA_BELOW, .part = AUTO_UNREST, .of_the_hour = true, .extreme_s = 119.9};
    verdict_word_auto(&row, &verdict, "ms");
    assert_string_equal(row.reason,
                        "unique -123456789012345 ms, usual -123456789012345 to -1.23e-300 at this "
                        "hour, steps larger than ever of late, lowest in 120 s");
}

static void the_longest_reasons_fit(void **state)
{
    (void)state;
    struct anomaly_row row = {.statistic = STATISTIC_UNIQUE,
                              .value = -1.2345e-300,
                              .mean = -2.3456e-300,
                              .stddev = 1e-301,
                              .lower = -3.4567e-300,
                              .upper = -123456789012345.0};
    verdict_word_start(&row, SIGMA_BELOW);
    assert_int_equal(row.reason[strlen(row.reason) - 1], ')');
    verdict_word_end(&row, VERDICT_NEW_USUAL, SIGMA_BELOW, 65535, -1.2345e-300);
    assert_non_null(strstr(row.reason, ": -1.234e-300 is the new usual"));
    verdict_word_end(&row, VERDICT_CROSSED, SIGMA_BELOW, 0, 0);
    assert_non_null(strstr(row.reason, "the usual -2.346e-300"));
    verdict_word_end(&row, VERDICT_BACK, SIGMA_BELOW, 0, 0);
    assert_non_null(strstr(row.reason, "-123456789012345"));
}

static void words_are_those_of_the_files(void **state)
{
    (void)state;
    assert_string_equal(statistic_name(STATISTIC_RATE), "rate");
    assert_string_equal(statistic_name(STATISTIC_UNIQUE), "unique");
    assert_string_equal(anomaly_type_name(ANOMALY_HIGH_LATENCY), "high_latency");
    assert_string_equal(anomaly_type_name(ANOMALY_FLATLINE), "flatline");
    assert_string_equal(anomaly_severity_name(SEVERITY_INFO), "info");
    assert_string_equal(anomaly_severity_name(SEVERITY_CRITICAL), "critical");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_tells_how_far_from_what),
        cmocka_unit_test(auto_tells_value_usual_range_and_how_rare_it_is),
        cmocka_unit_test(the_longest_words_of_auto_fit),
        cmocka_unit_test(the_longest_reasons_fit),
        cmocka_unit_test(words_are_those_of_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
