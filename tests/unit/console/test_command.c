/* SPDX-License-Identifier: MIT */
#include "server/console/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct command parse(const char *text)
{
    static char line[1024];
    snprintf(line, sizeof(line), "%s", text);
    return console_command_parse(line);
}

static void each_command_has_its_verb_and_kind(void **state)
{
    (void)state;
    assert_int_equal(parse("help").verb, COMMAND_HELP);
    assert_int_equal(parse("stats").verb, COMMAND_STATS);
    assert_int_equal(parse("config").verb, COMMAND_CONFIG);
    assert_int_equal(parse("quit\r").verb, COMMAND_QUIT);
    assert_int_equal(parse("counters").verb, COMMAND_SHOW);
    assert_int_equal(parse("gauges").kind, METRIC_GAUGE);
    assert_int_equal(parse("deltimers x").verb, COMMAND_DELETE);
    assert_int_equal(parse("deltimers x").kind, METRIC_TIMER);
    assert_int_equal(parse("").verb, COMMAND_UNKNOWN);
    assert_int_equal(parse("Stats").verb, COMMAND_UNKNOWN);
    assert_int_equal(parse("counter").verb, COMMAND_UNKNOWN);
}

static void words_are_split_at_runs_of_blanks(void **state)
{
    (void)state;
    struct command command = parse("  delcounters a.b \t c.* ");
    assert_int_equal(command.verb, COMMAND_DELETE);
    assert_int_equal(command.count, 2);
    assert_string_equal(command.words[0], "a.b");
    assert_string_equal(command.words[1], "c.*");
}

static void too_many_names_are_no_command(void **state)
{
    (void)state;
    char line[16 + 2 * (REMOVAL_NAMES_MAX + 1)] = "delgauges";
    for (int i = 0; i < REMOVAL_NAMES_MAX; i++) {
        strcat(line, " x");
    }
    assert_int_equal(parse(line).count, REMOVAL_NAMES_MAX);
    assert_int_equal(parse(line).verb, COMMAND_DELETE);
    strcat(line, " x");
    assert_int_equal(parse(line).verb, COMMAND_UNKNOWN);
}

static void the_head_of_a_request_is_told(void **state)
{
    (void)state;
    assert_int_equal(parse("POST / HTTP/1.1").verb, COMMAND_HTTP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_has_its_verb_and_kind),
        cmocka_unit_test(words_are_split_at_runs_of_blanks),
        cmocka_unit_test(too_many_names_are_no_command),
        cmocka_unit_test(the_head_of_a_request_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
