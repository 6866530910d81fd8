/* SPDX-License-Identifier: MIT
 *
 * Files that are refused: the line and the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/modules/mapping/mapped.h"

#define RULE "mappings:\n- match: 'a.*'\n  name: foo\n"

static const struct {
    const char *text;
    const char *fault; /* what the faults begin with */
} refused[] = {
    {"mappings:\n- match: *.a\n  name: x\n", "2: no valid YAML: "},
    {"mappings: [", "2: no valid YAML: "},
    {"- a\n", "1: the file has to be a mapping"},
    {"rules: []\n", "1: there is no key 'rules'; did you mean defaults or mappings?"},
    {"mappings: 3\n", "1: mappings: has to be a list of rules"},
    {"mappings:\n- 3\n", "2: a rule has to be a mapping"},
    {"mappings:\n- match: a.*\n", "2: a rule needs a name"},
    {"mappings:\n- name: a\n", "2: match: '' is no pattern"},
    {"mappings:\n- match: a.b*\n  name: x\n", "2: match: 'a.b*' is no pattern"},
    {"mappings:\n- match: a!b.*\n  name: x\n", "2: match: 'a!b.*' is no pattern"},
    {"mappings:\n- match: a..b\n  name: x\n", "2: match: 'a..b' is no pattern"},
    {"mappings:\n- match: 9a.*\n  name: x\n", "2: match: '9a.*' is no pattern"},
    {"mappings:\n- match: a\n  name: 0a\n", "3: name: '0a' is no name"},
    {"mappings:\n- match: a\n  name: a.b\n", "3: name: 'a.b' is no name"},
    {RULE "  quantilez: []\n", "4: a rule has no key 'quantilez'"},
    {RULE "  timer_type: histogram\n",
     "4: a rule has no key 'timer_type'; it is observer_type now"},
    {RULE "  name: bar\n", "4: name: is there twice"},
    {RULE "  labels: {9key: x}\n", "4: labels: '9key' is no name of a label"},
    {RULE "  ttl: soon\n", "4: ttl: 'soon' is not a duration"},
    {RULE "  ttl: 10\n", "4: ttl: '10' is not a duration"},
    {RULE "  ttl: -1s\n", "4: ttl: '-1s' is not a duration"},
    {RULE "  scale: much\n", "4: scale: 'much' is not a number"},
    {RULE "  honor_labels: maybe\n", "4: honor_labels: 'maybe' is not true or false"},
    {RULE "  action: keep\n", "4: action: 'keep' is not one of map | drop"},
    {RULE "  match_metric_type: set\n", "4: match_metric_type: 'set' is not one of"},
    {RULE "  observer_type: histogram\n  summary_options: {max_age: 1m}\n",
     "5: summary_options: the observer_type is histogram"},
    {RULE "  histogram_options:\n    buckets: [1, 1]\n", "5: buckets: are not ascending"},
    {RULE "  summary_options: {quantiles: [{quantile: 99}]}\n", "4: quantiles: 99 is not from 0"},
    {RULE "  summary_options: {age: 1}\n", "4: summary_options: there is no key 'age'"},
    {"defaults:\n  action: drop\n" RULE, "2: defaults: there is no key 'action'"},
    {RULE "- {match: '(', match_type: regex, name: a}\n", "4: match: '(': missing closing"},
    {RULE "- {match: '(a)\\1', match_type: regex, name: a}\n",
     "4: match: '(a)\\1': RE2 does not know '\\1' at byte 4"},
    {RULE "- {match: 'a(?=b)', match_type: regex, name: a}\n", "4: match: 'a(?=b)': RE2 does not"},
    {RULE "- {match: 'a*+', match_type: regex, name: a}\n", "4: match: 'a*+': RE2 does not"},
    {RULE "- {match: 'a', match_type: regexp, name: a}\n", "4: match_type: 'regexp' is not one"},
};

static void a_wrong_file_is_refused_with_line_and_reason(void **state)
{
    (void)state;
    char faults[4096];
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct mapping *mapping = read_text(refused[i].text, faults, sizeof(faults));
        if (mapping || strncmp(faults, refused[i].fault, strlen(refused[i].fault)) != 0) {
            fail_msg("%s\nfaults: %s\nwanted: %s", refused[i].text, faults, refused[i].fault);
        }
    }
}

static void every_fault_of_a_file_is_told(void **state)
{
    (void)state;
    char faults[4096];
    assert_null(read_text(RULE "  ttl: soon\n  scale: much\n- match: b\n", faults, sizeof(faults)));
    assert_string_equal(faults, "4: ttl: 'soon' is not a duration like 300ms or 1m30s\n"
                                "5: scale: 'much' is not a number\n"
                                "6: a rule needs a name");
}

static void sound_files_are_taken(void **state)
{
    static const char *const taken[] = {
        "",
        "mappings:\n",
        "---\nmappings: ~\ndefaults: {}\n",
        RULE "  ttl: 0\n  labels:\n  help: ''\n",
        RULE "- {match: '[a*+?(]b{2}c?(?i:x)\\Qa**\\E', match_type: regex, name: a}\n",
        "defaults: {match_type: regex}\nmappings: [{match: '^a$', name: a}]\n",
        "mappings:\n- &base {match: a, name: a, ttl: 1s}\n- {<<: *base, match: b}\n",
    };
    (void)state;
    char faults[4096];
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        struct mapping *mapping = read_text(taken[i], faults, sizeof(faults));
        assert_string_equal(faults, "");
        assert_non_null(mapping);
        mapper()->free(mapping);
    }
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    char text[256] = "";
    FILE *stream = fmemopen(text, sizeof(text), "w");
    assert_null(mapper()->read("no/such.yml", stream));
    fclose(stream);
    assert_string_equal(text, "no/such.yml:1: cannot be read: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_file_is_refused_with_line_and_reason),
        cmocka_unit_test(every_fault_of_a_file_is_told),
        cmocka_unit_test(sound_files_are_taken),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
