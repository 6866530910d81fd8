/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/metrics/identity.h"

static struct identity *make(enum statsd_type type, const char *name, const char *text)
{
    struct tag tags[16];
    int count = tags_parse(TAGS_COLON, text, strlen(text), tags, 16);
    assert_true(count >= 0);
    struct identity *identity = malloc(identity_bytes_max(strlen(name), tags, (size_t)count));
    assert_non_null(identity);
    identity_init(identity, type, name, strlen(name), tags, (size_t)count);
    return identity;
}

static void tags_come_back_as_they_went_in(void **state)
{
    (void)state;
    struct identity *identity = make(STATSD_COUNTER, "name", "b:2,a:1,flag,a:0");
    static const char *const expected[][2] = {{"a", "0"}, {"a", "1"}, {"b", "2"}, {"flag", ""}};
    struct tag tags[16];
    assert_int_equal(identity->tag_count, 4);
    assert_int_equal(identity->name_length, 4);
    assert_memory_equal(identity_name(identity), "name", 4);
    identity_tags(identity, tags);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(tags[i].key_length, strlen(expected[i][0]));
        assert_int_equal(tags[i].value_length, strlen(expected[i][1]));
        assert_memory_equal(tags[i].key, expected[i][0], tags[i].key_length);
        assert_memory_equal(tags[i].value, expected[i][1], tags[i].value_length);
    }
    free(identity);
}

static void nothing_is_left_to_what_the_memory_held(void **state)
{
    (void)state;
    struct identity *identity = malloc(identity_bytes_max(1, NULL, 0));
    assert_non_null(identity);
    memset(identity, 0xff, sizeof(*identity));
    identity_init(identity, STATSD_SET, "a", 1, NULL, 0);
    assert_int_equal(identity->line, 0);
    assert_int_equal(identity->index, 0);
    assert_int_equal(identity->generation, 0);
    assert_int_equal(identity->tag_count, 0);
    assert_false(identity->escaped);
    assert_false(identity->own);
    free(identity);
}

/* Pairs that a sloppy packing or a sloppy hash would take for one. */
static void what_differs_in_a_part_is_another_series(void **state)
{
    (void)state;
    static const struct {
        enum statsd_type type;
        const char *name, *tags;
    } all[] = {
        {STATSD_COUNTER, "a", ""},      {STATSD_GAUGE, "a", ""},
        {STATSD_TIMER, "a", ""},        {STATSD_HISTOGRAM, "a", ""},
        {STATSD_DISTRIBUTION, "a", ""}, {STATSD_SET, "a", ""},
        {STATSD_COUNTER, "ab", ""},     {STATSD_COUNTER, "a", "b"},
        {STATSD_COUNTER, "a", "b:c"},   {STATSD_COUNTER, "a", "bc"},
        {STATSD_COUNTER, "a", "b,c"},   {STATSD_COUNTER, "a", "b:c,d"},
        {STATSD_COUNTER, "a", "b,c:d"}, {STATSD_COUNTER, "a", "b:cd"},
        {STATSD_COUNTER, "a", "bc:d"},  {STATSD_COUNTER, "ab", "c:d"},
    };
    size_t count = sizeof(all) / sizeof(all[0]);
    struct identity *made[sizeof(all) / sizeof(all[0])];
    for (size_t i = 0; i < count; i++) {
        made[i] = make(all[i].type, all[i].name, all[i].tags);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(identity_equal(made[i], made[j]) != 0, i == j);
            assert_int_equal(identity_hash(made[i], 7) == identity_hash(made[j], 7), i == j);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(made[i]);
    }
}

static void the_order_of_tags_makes_no_difference(void **state)
{
    (void)state;
    struct identity *one = make(STATSD_TIMER, "n", "x:1,y:2,z");
    struct identity *other = make(STATSD_TIMER, "n", "z,y:2,x:1,y:2");
    assert_true(identity_equal(one, other));
    assert_int_equal(identity_hash(one, 1), identity_hash(other, 1));
    free(one);
    free(other);
}

static void bytes_are_those_of_its_parts(void **state)
{
    (void)state;
    struct identity *bare = make(STATSD_COUNTER, "name", "");
    struct identity *tagged = make(STATSD_COUNTER, "name", "key:value");
    assert_int_equal(identity_bytes(tagged) - identity_bytes(bare), 3 + 1 + 5 + 4);
    free(bare);
    free(tagged);
}

/* The text in CSV files, and that name and tags come back from it, with every byte that is written
 * in another way. */
static void its_text_is_that_of_csv_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tags, *text;
    } all[] = {
        {"a", "", "a,"},
        {"a b/c", "k:v,flag", "a b/c,flag;k=v"},
        {"a,b", "", "\"a,b\","},
        {"a\"b", "k:v", "\"a\"\"b\",k=v"},
        {"a\\b\nc\rd", "", "a\\\\b\\nc\\rd,"},
        {"a", "k:v\"w", "a,\"k=v\"\"w\""},
        {"a", "k=l:v;w,m", "a,k\\=l=v\\;w;m"},
        {"a,\"", "k:\\\"\n", "\"a,\"\"\",\"k=\\\\\"\"\\n\""},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct identity *identity = make(STATSD_COUNTER, all[i].name, all[i].tags);
        assert_int_equal(identity->csv_length, strlen(all[i].text));
        assert_memory_equal(identity->bytes, all[i].text, identity->csv_length);
        assert_int_equal(identity->name_length, strlen(all[i].name));
        assert_memory_equal(identity_name(identity), all[i].name, identity->name_length);
        struct tag tags[16], sent[16];
        int count = tags_parse(TAGS_COLON, all[i].tags, strlen(all[i].tags), sent, 16);
        assert_int_equal(identity->tag_count, count);
        identity_tags(identity, tags);
        for (int j = 0; j < count; j++) {
            assert_int_equal(tags[j].key_length, sent[j].key_length);
            assert_memory_equal(tags[j].key, sent[j].key, sent[j].key_length);
            assert_int_equal(tags[j].value_length, sent[j].value_length);
            assert_memory_equal(tags[j].value, sent[j].value, sent[j].value_length);
        }
        free(identity);
    }
}

static void timers_histograms_and_distributions_are_of_one_kind(void **state)
{
    (void)state;
    assert_int_equal(metric_kind_of(STATSD_COUNTER), METRIC_COUNTER);
    assert_int_equal(metric_kind_of(STATSD_GAUGE), METRIC_GAUGE);
    assert_int_equal(metric_kind_of(STATSD_TIMER), METRIC_TIMER);
    assert_int_equal(metric_kind_of(STATSD_HISTOGRAM), METRIC_TIMER);
    assert_int_equal(metric_kind_of(STATSD_DISTRIBUTION), METRIC_TIMER);
    assert_int_equal(metric_kind_of(STATSD_SET), METRIC_SET);
    assert_string_equal(metric_kind_name(METRIC_TIMER), "timer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_come_back_as_they_went_in),
        cmocka_unit_test(nothing_is_left_to_what_the_memory_held),
        cmocka_unit_test(what_differs_in_a_part_is_another_series),
        cmocka_unit_test(the_order_of_tags_makes_no_difference),
        cmocka_unit_test(bytes_are_those_of_its_parts),
        cmocka_unit_test(its_text_is_that_of_csv_files),
        cmocka_unit_test(timers_histograms_and_distributions_are_of_one_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
