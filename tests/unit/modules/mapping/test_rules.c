/* SPDX-License-Identifier: MIT
 *
 * Which rule takes a name, and what it makes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/modules/mapping/mapped.h"

struct question {
    enum statsd_type type;
    const char *name;
    const char *answer;
};

static void expect(const char *text, const struct question *questions, size_t count)
{
    char faults[1024];
    struct mapping *mapping = read_text(text, faults, sizeof(faults));
    assert_string_equal(faults, "");
    assert_non_null(mapping);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(ask(mapping, questions[i].type, questions[i].name),
                            questions[i].answer);
    }
    mapper()->free(mapping);
}
#define EXPECT(text, questions) expect(text, questions, sizeof(questions) / sizeof(*(questions)))

static void the_first_glob_of_the_file_wins(void **state)
{
    (void)state;
    const struct question questions[] = {
        {STATSD_COUNTER, "a.b.c", "2 star_middle part=b"},
        {STATSD_COUNTER, "a.b.d", "6 star_end part=d"},
        {STATSD_COUNTER, "a.x.d", "unmapped"},
        {STATSD_COUNTER, "a.b", "unmapped"},
        {STATSD_COUNTER, "a.b.c.d", "unmapped"},
        {STATSD_COUNTER, "a..c", "2 star_middle part="},
        {STATSD_COUNTER, "", "unmapped"},
    };
    EXPECT("mappings:\n"
           "- match: a.*.c\n"
           "  name: star_middle\n"
           "  labels:\n"
           "    part: $1\n"
           "- match: a.b.*\n"
           "  name: star_end\n"
           "  labels: {part: $1}\n"
           "- {match: a.b.c, name: too_late}\n",
           questions);
}

static void without_ordering_a_literal_part_goes_before_a_star(void **state)
{
    (void)state;
    const struct question questions[] = {
        {STATSD_COUNTER, "a.b.c", "5 literal"},
        {STATSD_COUNTER, "a.x.c", "4 starred"},
        {STATSD_COUNTER, "a.b.d", "6 back"},
    };
    EXPECT("defaults:\n"
           "  glob_disable_ordering: true\n"
           "mappings:\n"
           "- {match: a.*.c, name: starred}\n"
           "- {match: a.b.c, name: literal}\n"
           "- {match: '*.*.d', name: back}\n",
           questions);
}

static void without_ordering_it_goes_back_to_a_star_where_the_exporter_does(void **state)
{
    (void)state;
    const struct question straight[] = {
        {STATSD_COUNTER, "a.x.y", "4 wide"},   {STATSD_COUNTER, "a.b.c", "5 narrow"},
        {STATSD_COUNTER, "a.b.d", "unmapped"}, {STATSD_COUNTER, "a.z.c.d", "6 long"},
        {STATSD_COUNTER, "a.z.y", "4 wide"},
    };
    EXPECT("defaults:\n"
           "  glob_disable_ordering: true\n"
           "mappings:\n"
           "- {match: a.*.*, name: wide}\n"
           "- {match: a.b.c, name: narrow}\n"
           "- {match: a.z.*.*, name: long}\n",
           straight);
}

static void every_glob_goes_before_any_regex(void **state)
{
    (void)state;
    const struct question questions[] = {
        {STATSD_COUNTER, "a.b", "3 glob"},
        {STATSD_COUNTER, "a.b.c", "2 regex"},
    };
    EXPECT("mappings:\n"
           "- {match: a, match_type: regex, name: regex}\n"
           "- {match: 'a.*', name: glob}\n",
           questions);
}

static void a_rule_may_be_for_one_type(void **state)
{
    (void)state;
    const struct question questions[] = {
        {STATSD_COUNTER, "a.b", "2 counted"},    {STATSD_TIMER, "a.b", "3 timed"},
        {STATSD_DISTRIBUTION, "a.b", "3 timed"}, {STATSD_GAUGE, "a.b", "4 dropped"},
        {STATSD_SET, "a.b", "unmapped"},
    };
    EXPECT("mappings:\n"
           "- {match: a.*, name: counted, match_metric_type: counter}\n"
           "- {match: a.*, name: timed, match_metric_type: observer}\n"
           "- {match: a.*, name: gone, match_metric_type: gauge, action: drop}\n",
           questions);
}

static void references_are_filled_in(void **state)
{
    (void)state;
    const struct question questions[] = {
        {STATSD_COUNTER, "g.x.y", "2 y_x both=x-y none= long= text=$- price$"},
        {STATSD_COUNTER, "r.x.y", "10 r_x all=r.x.y named=x none= both=xy dollar=$1"},
        {STATSD_COUNTER, "r.x", "10 r_x all=r.x named=x none= both=x dollar=$1"},
    };
    EXPECT("mappings:\n"
           "- match: g.*.*\n"
           "  name: '${2}_$1'\n"
           "  labels:\n"
           "    both: '$1-${2}'\n"
           "    none: '$3$0'\n"
           "    long: '$1_a'\n"
           "    text: '$- price$'\n"
           "\n"
           "- match: '^r\\.(?P<first>\\w)(?:\\.(\\w))?$'\n"
           "  match_type: regex\n"
           "  name: 'r_$1'\n"
           "  labels:\n"
           "    all: $0\n"
           "    named: ${first}\n"
           "    none: ${second}\n"
           "    both: $1$2\n"
           "    dollar: $$1\n",
           questions);
}

static void a_unit_ends_the_name(void **state)
{
    (void)state;
    const struct question questions[] = {
        {STATSD_TIMER, "a.x", "2 wait_seconds"},
        {STATSD_TIMER, "b.x", "3 wait_seconds"},
        {STATSD_COUNTER, "c.x", "4 sent_bytes_total"},
    };
    EXPECT("mappings:\n"
           "- {match: a.*, name: wait, unit: seconds}\n"
           "- {match: b.*, name: wait_seconds, unit: seconds}\n"
           "- {match: c.*, name: sent_total, unit: bytes}\n",
           questions);
}

static void a_costly_expression_is_given_up_and_counted(void **state)
{
    (void)state;
    char faults[1024];
    struct mapping *mapping = read_text("mappings:\n"
                                        "- {match: '(a+)+$', match_type: regex, name: costly}\n"
                                        "- {match: 'b', match_type: regex, name: cheap}\n",
                                        faults, sizeof(faults));
    assert_non_null(mapping);
    assert_string_equal(ask(mapping, STATSD_COUNTER, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
                        "3 cheap");
    assert_int_equal(mapping->limited, 1);
    mapper()->free(mapping);
}

static void options_come_from_the_rule_then_from_the_defaults(void **state)
{
    (void)state;
    char faults[1024];
    struct mapping *mapping =
        read_text("defaults:\n"
                  "  observer_type: histogram\n"
                  "  ttl: 1m2s\n"
                  "  histogram_options: {buckets: [0.2, 2, 20]}\n"
                  "  summary_options: {quantiles: [{quantile: 0.9}, {quantile: 0.5, error: 0.1}]}\n"
                  "mappings:\n"
                  "- {match: a, name: a}\n"
                  "- {match: b, name: b, observer_type: summary, ttl: 1500ms, scale: 0}\n"
                  "- match: c\n"
                  "  name: c\n"
                  "  help: some words\n"
                  "  histogram_options:\n"
                  "    buckets: [1e-3, .5, .inf]\n"
                  "    native_histogram_bucket_factor: 1.05\n"
                  "    native_histogram_max_buckets: 64\n",
                  faults, sizeof(faults));
    assert_string_equal(faults, "");
    const struct mapping_rule *rules = mapping->rules;
    assert_int_equal(mapping->rule_count, 3);
    assert_int_equal(rules[0].options.observer, MAPPING_HISTOGRAM);
    assert_int_equal(rules[0].options.bucket_count, 3);
    assert_int_equal(rules[0].options.ttl_ms, 62000);
    assert_float_equal(rules[0].scale, 1, 0);
    assert_int_equal(rules[1].options.observer, MAPPING_SUMMARY);
    assert_int_equal(rules[1].options.quantile_count, 2);
    assert_float_equal(rules[1].options.quantiles[0].quantile, 0.5, 0);
    assert_int_equal(rules[1].options.ttl_ms, 1500);
    assert_float_equal(rules[1].scale, 0, 0);
    assert_int_equal(rules[2].options.bucket_count, 2);
    assert_float_equal(rules[2].options.buckets[1], 0.5, 0);
    assert_float_equal(rules[2].options.native_factor, 1.05, 0);
    assert_int_equal(rules[2].options.native_buckets_max, 64);
    assert_string_equal(rules[2].help, "some words");
    mapper()->free(mapping);
}

static struct tag tag(const char *key, const char *value)
{
    return (struct tag){key, value, (uint16_t)strlen(key), (uint16_t)strlen(value)};
}

static void labels_of_a_rule_hold_against_tags_unless_it_honors_them(void **state)
{
    (void)state;
    struct mapping_rule rule = {0};
    struct mapping_answer answer = {.label_count = 2};
    answer.labels[0] = tag("a_b", "rule");
    answer.labels[1] = tag("_1", "rule");
    const struct tag tags[] = {tag("a.b", "tag"), tag("1", "tag"), tag("c", "tag")};
    struct tag joined[5];
    size_t sent;
    assert_int_equal(mapping_join_labels(&rule, &answer, tags, 3, joined, &sent), 3);
    assert_int_equal(sent, 1);
    assert_string_equal(joined[0].key, "c");
    assert_string_equal(joined[1].value, "rule");
    rule.honor_labels = true;
    assert_int_equal(mapping_join_labels(&rule, &answer, tags, 3, joined, &sent), 3);
    assert_int_equal(sent, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_glob_of_the_file_wins),
        cmocka_unit_test(without_ordering_a_literal_part_goes_before_a_star),
        cmocka_unit_test(without_ordering_it_goes_back_to_a_star_where_the_exporter_does),
        cmocka_unit_test(every_glob_goes_before_any_regex),
        cmocka_unit_test(a_rule_may_be_for_one_type),
        cmocka_unit_test(references_are_filled_in),
        cmocka_unit_test(a_unit_ends_the_name),
        cmocka_unit_test(a_costly_expression_is_given_up_and_counted),
        cmocka_unit_test(options_come_from_the_rule_then_from_the_defaults),
        cmocka_unit_test(labels_of_a_rule_hold_against_tags_unless_it_honors_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
