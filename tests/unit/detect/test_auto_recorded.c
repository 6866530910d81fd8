/* SPDX-License-Identifier: MIT
 *
 * The method `auto` at its default on recorded series of the Numenta Anomaly Benchmark, with the
 * spans that people labelled there (labels/combined_windows.json of version 1.1): how many of them
 * hold an alarm, and how many alarms lie outside. The first 15 % of a series are not looked at. The
 * bounds are a little above what the method gives, so that a change that costs much is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/detect/auto.h"

#define SPANS_MAX 4
#define LINES_MAX 5000

struct span {
    const char *first, *last; /* both within */
};

struct recorded {
    const char *file;
    struct span spans[SPANS_MAX];
    unsigned span_count;
    unsigned found_min;   /* spans with an alarm */
    unsigned outside_max; /* alarms outside of all spans */
};

static const struct recorded series[] = {
    {"art_flatline.csv", {{0}}, 0, 0, 0},
    {"ec2_cpu_utilization_24ae8d.csv",
     {{"2014-02-26 13:45:00", "2014-02-27 06:25:00"},
      {"2014-02-27 08:55:00", "2014-02-28 01:35:00"}},
     2,
     1,
     12},
    {"elb_request_count_8c0756.csv",
     {{"2014-04-12 09:04:00", "2014-04-13 01:44:00"},
      {"2014-04-22 11:14:00", "2014-04-23 03:54:00"}},
     2,
     2,
     8},
    {"speed_7578.csv",
     {{"2015-09-11 15:34:00", "2015-09-11 17:54:00"},
      {"2015-09-15 13:26:00", "2015-09-15 15:54:00"},
      {"2015-09-16 13:04:00", "2015-09-16 15:20:00"},
      {"2015-09-16 16:00:00", "2015-09-16 18:20:00"}},
     4,
     2,
     4},
};

static double unix_time(const char *text)
{
    struct tm parts = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &parts));
    return (double)timegm(&parts);
}

/* The span that a time is in, or `span_count`. */
static unsigned span_of(const struct recorded *recorded, double time)
{
    unsigned span = 0;
    while (span < recorded->span_count && (time < unix_time(recorded->spans[span].first) ||
                                           time > unix_time(recorded->spans[span].last))) {
        span++;
    }
    return span;
}

struct alarms {
    unsigned lines;
    double times[LINES_MAX]; /* of the alarms */
    unsigned at[LINES_MAX];  /* their lines */
    unsigned count;
};

static void observe_file(const char *file, struct alarms *alarms)
{
    char path[512], line[128];
    snprintf(path, sizeof path, TEST_DATA_DIR "/series/%s", file);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    struct auto_rule rule = auto_rule_make(AUTO_FALSE_ALARMS_DEFAULT);
    struct auto_state state = {0};
    for (; fgets(line, sizeof line, in) != NULL; alarms->lines++) {
        const char *comma = strchr(line, ',');
        assert_non_null(comma);
        double time = unix_time(line);
        if (auto_observe(&rule, &state, strtod(comma + 1, NULL), time).score >= AUTO_ALARM) {
            assert_true(alarms->count < LINES_MAX);
            alarms->times[alarms->count] = time;
            alarms->at[alarms->count++] = alarms->lines;
        }
    }
    fclose(in);
}

static void check(const struct recorded *recorded)
{
    static struct alarms alarms;
    alarms = (struct alarms){0};
    observe_file(recorded->file, &alarms);
    bool found[SPANS_MAX] = {false};
    unsigned outside = 0, found_count = 0;
    for (unsigned i = 0; i < alarms.count; i++) {
        unsigned span = span_of(recorded, alarms.times[i]);
        bool scored = alarms.at[i] >= 0.15 * alarms.lines;
        outside += scored && span == recorded->span_count;
        if (scored && span < recorded->span_count) {
            found_count += !found[span];
            found[span] = true;
        }
    }
    print_message("%s: %u of %u spans, %u alarms outside\n", recorded->file, found_count,
                  recorded->span_count, outside);
    assert_true(found_count >= recorded->found_min);
    assert_true(outside <= recorded->outside_max);
}

static void labelled_spans_hold_alarms_and_little_else_does(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        check(&series[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labelled_spans_hold_alarms_and_little_else_does),
    };
    return cmocka_run_group_tests_name("auto_recorded", tests, NULL, NULL);
}
