/* SPDX-License-Identifier: MIT
 *
 * Named sections, [exec "disk"]: any number of them in the order of the file, defaults and faults
 * as those of every key, and the comparison at a reload.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/entries.h"
#include "config/loader.h"
#include "config/value.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Loads a text as the file `name` with at most one override; faults are to be freed. */
static struct config *load(const char *text, const char *name, const char *override, char **faults)
{
    const struct config_sources sources = {.overrides = &override, .override_count = !!override};
    size_t size;
    FILE *out = open_memstream(faults, &size);
    FILE *stream = tmpfile();
    assert_true(out && stream);
    fputs(text, stream);
    rewind(stream);
    struct config *config = config_load_stream(stream, name, &sources, out, NULL);
    fclose(stream);
    fclose(out);
    return config;
}

static struct config *load_sound(const char *text, const char *override)
{
    char *faults;
    struct config *config = load(text, "etc/a.ini", override, &faults);
    assert_string_equal(faults, "");
    assert_non_null(config);
    free(faults);
    return config;
}

static void expect_faults(const char *text, const char *override, const char *expected)
{
    char *faults;
    assert_null(load(text, "a.ini", override, &faults));
    assert_string_equal(faults, expected);
    free(faults);
}

static void entries_keep_the_order_of_the_file(void **state)
{
    struct config *c =
        load_sound("[histogram \"b.\"]\nbins = 1, 5,\n 10.5, inf\n"
                   "[flush]\ninterval = 1s\n"
                   "[histogram \"\xc3\xa4 x\"]\nbins =\n"
                   "[exec \"disk\"]\ncommand = ./to disk \"a b\" \"\"\nformat = csv\n"
                   "[exec \"net\"]\ncommand = cat\n",
                   NULL);
    (void)state;
    assert_int_equal(c->histograms.count, 2);
    assert_string_equal(c->histograms.items[0].substring, "b.");
    assert_int_equal(c->histograms.items[0].bins.count, 4);
    assert_true(c->histograms.items[0].bins.items[2] == 10.5);
    assert_true(isinf(c->histograms.items[0].bins.items[3]));
    assert_string_equal(c->histograms.items[1].substring, "\xc3\xa4 x");
    assert_int_equal(c->histograms.items[1].bins.count, 0);
    assert_int_equal(c->execs.count, 2);
    assert_string_equal(c->execs.items[0].name, "disk");
    const struct config_strings *command = &c->execs.items[0].command;
    assert_int_equal(command->count, 4);
    assert_string_equal(command->items[0], "etc/./to");
    assert_string_equal(command->items[2], "a b");
    assert_string_equal(command->items[3], "");
    assert_int_equal(c->execs.items[0].format, EXEC_CSV);
    assert_string_equal(c->execs.items[1].command.items[0], "cat");
    assert_int_equal(c->execs.items[1].format, EXEC_STATSITE);
    assert_int_equal(c->flush.interval_ms, 1000);
    config_free(c);
}

static void overrides_change_and_add_entries(void **state)
{
    static const char file[] = "[exec \"a.b\"]\ncommand = cat\n";
    struct config *c = load_sound(file, "exec \"a.b\".format=json");
    (void)state;
    assert_int_equal(c->execs.count, 1);
    assert_int_equal(c->execs.items[0].format, EXEC_JSON);
    config_free(c);
    c = load_sound(file, "exec \"new\".command=./wc -l");
    assert_int_equal(c->execs.count, 2);
    assert_string_equal(c->execs.items[1].name, "new");
    assert_string_equal(c->execs.items[1].command.items[0], "./wc");
    config_free(c);
    expect_faults(file, "exec \"new\".format=json",
                  "--set exec: [exec \"new\"] has no 'command'\n");
    expect_faults(file, "exec \"a.b\".format=x",
                  "--set exec \"a.b\".format: 'x' is none of statsite | json | csv\n");
    expect_faults(file, "exec.format=x",
                  "--set exec.format: section [exec] needs a name in quotes, as in [exec "
                  "\"disk\"]\n");
}

static void places_faults(void **state)
{
    static const struct {
        const char *text, *faults;
    } cases[] = {
        {"[exec]\ncommand = a\n",
         "a.ini:1: section [exec] needs a name in quotes, as in [exec \"disk\"]\n"},
        {"[exec disk]\n",
         "a.ini:1: section [exec disk] needs a name in quotes, as in [exec \"disk\"]\n"},
        {"[exec \"\"]\n",
         "a.ini:1: section [exec \"\"] needs a name in quotes, as in [exec \"disk\"]\n"},
        {"[exec \"a\" b]\n",
         "a.ini:1: section [exec \"a\" b] needs a name in quotes, as in [exec \"disk\"]\n"},
        {"[flush \"a\"]\n", "a.ini:1: section [flush] takes no name\n"},
        {"[excec \"a\"]\n", "a.ini:1: there is no section [excec \"a\"]; did you mean [exec]?\n"},
        {"[exec \"a\"]\ncommand = x\n[exec \"a\"]\nformat = json\n",
         "a.ini:3: section [exec \"a\"] is there twice, first in line 1\n"},
        {"\n[exec \"a\"]\nformat = json\n", "a.ini:2: [exec \"a\"] has no 'command'\n"},
        {"[exec \"a\"]\ncommand =\n", "a.ini:2: [exec \"a\"] command: there is no program\n"},
        {"[exec \"a\"]\ncommand = \"\" x\n",
         "a.ini:2: [exec \"a\"] command: there is no program\n"},
        {"[exec \"a\"]\ncommand = x \"y\n",
         "a.ini:2: [exec \"a\"] command: \"y has no closing quote\n"},
        {"[exec \"a\"]\ncommand = x y\"z\"\n",
         "a.ini:2: [exec \"a\"] command: y\"z\" has a quote inside of a word\n"},
        {"[exec \"a\"]\ncommand = x\ncommand = y\n",
         "a.ini:3: [exec \"a\"] command: the key is there twice, first in line 2\n"},
        {"[exec \"a\"]\ncomand = x\ncommand = x\n",
         "a.ini:2: there is no key 'comand' in [exec]; did you mean 'command'?\n"},
        {"[exec \"a\"]\ncommand = x\nformat = xml\n[exec \"b\"]\ncommand = x\nformat = yml\n",
         "a.ini:3: [exec \"a\"] format: 'xml' is none of statsite | json | csv\n"
         "a.ini:6: [exec \"b\"] format: 'yml' is none of statsite | json | csv\n"},
        {"[histogram \"a\"]\n", "a.ini:1: [histogram \"a\"] has no 'bins'\n"},
        {"[histogram \"a\"]\nbins = 5, 1\n",
         "a.ini:2: [histogram \"a\"] bins: 1 behind 5 is not ascending\n"},
        {"[histogram \"a\"]\nbins = inf, 1\n",
         "a.ini:2: [histogram \"a\"] bins: 1 behind +Inf is not ascending\n"},
        {"[histogram \"a\"]\nbins = 1, infinity\n",
         "a.ini:2: [histogram \"a\"] bins: 'infinity' is not a number\n"},
        {"[histogram \"a\"]\nbins = 1\n  [exec \"b\"]\n",
         "a.ini:3: [histogram \"a\"] bins: an indented line goes on with the key above; begin it "
         "at the margin\n"},
        {"[prometheus]\nbuckets = 1, inf\n",
         "a.ini:2: [prometheus] buckets: 'inf' is not a number\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].text);
        expect_faults(cases[i].text, NULL, cases[i].faults);
    }
}

static void a_reload_tells_changed_entries_and_keeps_the_old_ones(void **state)
{
    static const char before_text[] = "[exec \"a\"]\ncommand = x 1\n[exec \"b\"]\ncommand = y\n"
                                      "[histogram \"h\"]\nbins = 1, inf\n";
    static const char *const others[] = {
        "[exec \"a\"]\ncommand = x 2\n[exec \"b\"]\ncommand = y\n[histogram \"h\"]\nbins = 1, "
        "inf\n",
        "[exec \"b\"]\ncommand = y\n[exec \"a\"]\ncommand = x 1\n[histogram \"h\"]\nbins = 1, "
        "inf\n",
        "[exec \"a\"]\ncommand = x 1\n[histogram \"h\"]\nbins = 1, inf\n",
        "[exec \"a\"]\ncommand = x 1\n[exec \"b\"]\ncommand = y\nformat = csv\n"
        "[histogram \"h\"]\nbins = 1, inf\n",
    };
    char names[64];
    struct config *before = load_sound(before_text, NULL);
    struct config *same = load_sound(before_text, NULL);
    (void)state;
    assert_int_equal(config_changes_for_restart(before, same, names, sizeof(names)), 0);
    config_free(same);
    for (size_t i = 0; i < COUNT(others); i++) {
        struct config *after = load_sound(others[i], NULL);
        assert_int_equal(config_changes_for_restart(before, after, names, sizeof(names)), 1);
        assert_string_equal(names, "exec");
        assert_true(config_keep_for_restart(after, before));
        assert_int_equal(config_changes_for_restart(before, after, names, sizeof(names)), 0);
        assert_int_equal(after->execs.count, 2);
        assert_string_equal(after->execs.items[0].command.items[1], "1");
        config_free(after);
    }
    struct config *none = load_sound("", NULL);
    assert_int_equal(config_changes_for_restart(before, none, names, sizeof(names)), 2);
    assert_string_equal(names, "histogram,exec");
    config_free(none);
    config_free(before);
}

static void keys_take_effect_as_their_section(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (!config_key_is_named(key))
            continue;
        assert_int_equal(key->effect, config_section_find(key->section)->effect);
        assert_true(!(key->flags & KEY_REQUIRED) || key->example);
        assert_string_equal(config_section_find(key->section)->example ? "" : "none", "");
    }
}

/* The examples of the shipped file, without the marks that comment them out. */
static void examples_of_the_document_are_sound(void **state)
{
    char *text, *sections = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    config_write_documented(out);
    fclose(out);
    sections = calloc(1, size + 1);
    bool named = false;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        named = line[0] != '[' && (named || (line[0] == ';' && line[1] == '['));
        bool example = named && line[0] == ';' && line[1] != ' ';
        if (example)
            strcat(strcat(sections, line + 1), "\n");
    }
    struct config *c = load_sound(sections, NULL);
    assert_int_equal(c->histograms.count, 1);
    assert_int_equal(c->execs.count, 1);
    assert_string_equal(c->execs.items[0].command.items[1], "--append");
    config_free(c);
    free(sections);
    free(text);
}

static void headers_are_a_list_and_their_values_are_not_shown(void **state)
{
    struct config *c = load_sound("[notify \"a\"]\ntype = webhook\nurl = http://a/\n"
                                  "headers = X-Key: s3cret, X-Team:ops,\n  Accept: */*\n"
                                  "headers = X-More: b\n",
                                  NULL);
    const struct config_strings *headers = &c->notifies.items[0].headers;
    char *shown;
    size_t size;
    (void)state;
    assert_int_equal(headers->count, 4);
    assert_string_equal(headers->items[0], "X-Key: s3cret");
    assert_string_equal(headers->items[1], "X-Team: ops");
    assert_string_equal(headers->items[2], "Accept: */*");
    assert_string_equal(headers->items[3], "X-More: b");
    FILE *out = open_memstream(&shown, &size);
    config_write_effective(c, out);
    fclose(out);
    assert_non_null(strstr(shown,
                           "notify \"a\" > headers: X-Key: (set), X-Team: (set), Accept: (set), "
                           "X-More: (set)\n"));
    assert_null(strstr(shown, "s3cret"));
    free(shown);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_keep_the_order_of_the_file),
        cmocka_unit_test(overrides_change_and_add_entries),
        cmocka_unit_test(places_faults),
        cmocka_unit_test(a_reload_tells_changed_entries_and_keeps_the_old_ones),
        cmocka_unit_test(keys_take_effect_as_their_section),
        cmocka_unit_test(examples_of_the_document_are_sound),
        cmocka_unit_test(headers_are_a_list_and_their_values_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
