/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/core/log.h"

struct capture {
    int fds[2];
    int stderr_fd;
    char text[16384];
};

static int setup(void **state)
{
    static struct capture capture;
    assert_int_equal(pipe(capture.fds), 0);
    capture.stderr_fd = dup(STDERR_FILENO);
    dup2(capture.fds[1], STDERR_FILENO);
    log_set_level(LOG_LEVEL_INFO);
    *state = &capture;
    return 0;
}

static int teardown(void **state)
{
    struct capture *capture = *state;
    dup2(capture->stderr_fd, STDERR_FILENO);
    close(capture->stderr_fd);
    close(capture->fds[0]);
    close(capture->fds[1]);
    return 0;
}

/* What was logged since the last call, behind the time. */
static const char *logged(struct capture *capture)
{
    assert_int_equal(write(capture->fds[1], "", 1), 1);
    ssize_t length = read(capture->fds[0], capture->text, sizeof(capture->text));
    assert_true(length > 0);
    const char *level = strstr(capture->text, " level=");
    return level ? level + 1 : "";
}

static void a_line_is_time_level_message_and_pairs(void **state)
{
    struct capture *capture = *state;
    log_line(LOG_LEVEL_INFO, "ready", "udp", "127.0.0.1:8125", "http", "[::1]:9102", NULL);
    assert_string_equal(logged(capture),
                        "level=info msg=ready udp=127.0.0.1:8125 http=[::1]:9102\n");
    int year, month, day, hour, minute, second, milliseconds, length = 0;
    sscanf(capture->text, "time=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour,
           &minute, &second, &milliseconds, &length);
    assert_int_equal(length, strlen("time=2026-11-21T10:00:00.000Z "));
}

static void values_that_need_it_are_quoted_and_escaped(void **state)
{
    static const struct {
        const char *value, *shown;
    } cases[] = {
        {"plain", "plain"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"two\nlines\r\t", "\"two\\nlines\\r\\t\""},
        {"\x1b[2J\x7f", "\"\\x1b[2J\\x7f\""},
        {"f\xc3\xbcnf", "\"f\xc3\xbcnf\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        log_line(LOG_LEVEL_WARNING, "m", "k", cases[i].value, NULL);
        snprintf(expected, sizeof(expected), "level=warning msg=m k=%s\n", cases[i].shown);
        assert_string_equal(logged(*state), expected);
    }
}

static void a_line_too_long_is_cut_and_stays_one_line(void **state)
{
    struct capture *capture = *state;
    char value[9000];
    memset(value, '\n', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_line(LOG_LEVEL_ERROR, "m", "k", value, NULL);
    logged(capture);
    assert_int_equal(strlen(capture->text), 4096);
    assert_ptr_equal(strchr(capture->text, '\n'), capture->text + 4095);
}

static void lines_below_the_level_are_not_written(void **state)
{
    struct capture *capture = *state;
    log_line(LOG_LEVEL_DEBUG, "quiet", NULL);
    log_set_level(LOG_LEVEL_ERROR);
    log_line(LOG_LEVEL_WARNING, "quiet", NULL);
    log_line(LOG_LEVEL_ERROR, "loud", NULL);
    assert_false(log_enabled(LOG_LEVEL_WARNING));
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_string_equal(logged(capture), "level=error msg=loud\n");
}

static void four_texts_live_at_once(void **state)
{
    const char *first = log_text("%d", 1), *second = log_text("%d", 2), *third = log_text("%d", 3),
               *fourth = log_text("%s", "four");
    log_line(LOG_LEVEL_INFO, first, second, third, "k", fourth, NULL);
    assert_string_equal(logged(*state), "level=info msg=1 2=3 k=four\n");
    char large[2000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(strlen(log_text("%s", large)), 511);
}

static void a_plain_line_is_as_it_stands(void **state)
{
    struct capture *capture = *state;
    log_set_level(LOG_LEVEL_ERROR);
    log_plain("sigmad: %s", "no \"port\" free");
    logged(capture);
    assert_string_equal(capture->text, "sigmad: no \"port\" free\n");
}

static void lines_queued_before_the_end_come_in_order(void **state)
{
    struct capture *capture = *state;
    assert_true(log_start());
    log_line(LOG_LEVEL_INFO, "first", NULL);
    log_plain("second");
    log_line(LOG_LEVEL_INFO, "third", NULL);
    log_stop(60000);
    log_line(LOG_LEVEL_INFO, "fourth", NULL);
    const char *place = logged(capture);
    static const char *const words[] = {"msg=first\n", "\nsecond\n", "msg=third\n", "msg=fourth\n"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        place = strstr(place, words[i]);
        assert_non_null(place);
    }
}

#define NUMBERED 10000

static void log_numbers(void)
{
    for (int i = 0; i < NUMBERED; i++) {
        log_line(LOG_LEVEL_INFO, "numbered", "n", log_text("%d", i), NULL);
    }
}

/* Reads on to the count of what was lost, which is behind every line that was not. */
static void assert_the_rest_is_counted(struct capture *capture)
{
    FILE *reader = fdopen(dup(capture->fds[0]), "r");
    char line[4096];
    long next = 0, lost = 0;
    while (lost == 0) {
        const char *number, *count;
        assert_non_null(fgets(line, sizeof(line), reader));
        if ((number = strstr(line, " level=info msg=numbered n="))) {
            assert_int_equal(strtol(number + 27, NULL, 10), next);
            next++;
        } else {
            count = strstr(line, " level=error msg=\"log lines lost\" count=");
            assert_non_null(count);
            lost = strtol(count + 40, NULL, 10);
        }
    }
    assert_int_equal(next + lost, NUMBERED);
    fclose(reader);
}

/* Without its own thread the test would hang here. */
static void a_pipe_that_nobody_reads_stops_nobody(void **state)
{
    struct capture *capture = *state;
    assert_true(log_start());
    log_numbers();
    assert_the_rest_is_counted(capture);
    log_line(LOG_LEVEL_INFO, "afterwards", NULL);
    log_stop(60000);
    assert_string_equal(logged(capture), "level=info msg=afterwards\n");
}

static void the_end_does_not_wait_for_a_pipe_that_nobody_reads(void **state)
{
    struct capture *capture = *state;
    assert_true(log_start());
    log_numbers();
    log_stop(20);
    assert_the_rest_is_counted(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_time_level_message_and_pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(values_that_need_it_are_quoted_and_escaped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_line_too_long_is_cut_and_stays_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(four_texts_live_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plain_line_is_as_it_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_queued_before_the_end_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pipe_that_nobody_reads_stops_nobody, setup, teardown),
        /* The last one: it leaves the log's thread behind. */
        cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_a_pipe_that_nobody_reads, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
