/* SPDX-License-Identifier: MIT
 *
 * Names of /metrics by rules, which a mapper made for the test has, and by statsd_exporter's own:
 * budget, lifetimes, what is dropped, scaled and shown in another type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/http/catalogue.h"
#include "server/http/exposition.h"
#include "tests/unit/http/made.h"

#define SECOND_NS UINT64_C(1000000000)

static const double rule_buckets[] = {0.02, 5};
static const struct mapping_quantile rule_quantiles[] = {{0.25, 0}, {0.75, 0}};

enum rule { RULE_SCALED, RULE_DROPPED, RULE_SHORT, RULE_HISTOGRAM, RULE_SUMMARY, RULE_UNIT, RULES };

static const struct mapping_rule rules[RULES] = {
    [RULE_SCALED] = {.help = "In \\ words.", .unit = "", .scale = 0.5},
    [RULE_DROPPED] = {.help = "", .unit = "", .scale = 1, .drop = true},
    [RULE_SHORT] = {.help = "", .unit = "", .scale = 1, .options = {.ttl_ms = 2000}},
    [RULE_HISTOGRAM] = {.help = "",
                        .unit = "",
                        .scale = 1,
                        .options = {.observer = MAPPING_HISTOGRAM,
                                    .buckets = rule_buckets,
                                    .bucket_count = 2}},
    [RULE_UNIT] = {.help = "", .unit = "bytes", .scale = 1},
    [RULE_SUMMARY] = {.help = "",
                      .unit = "",
                      .scale = 1,
                      .options = {.observer = MAPPING_SUMMARY,
                                  .quantiles = rule_quantiles,
                                  .quantile_count = 2}},
};

static unsigned asked;       /* how often the mapper was */
static unsigned answer_cost; /* what each answer says it took */

/* A name that begins with the word of a rule is that rule's, whose label `rest` is the rest. */
static bool map(struct mapping *mapping, enum statsd_type type, const char *name, size_t length,
                struct mapping_answer *answer)
{
    static const char *const words[RULES] = {"scaled",    "dropped", "short",
                                             "histogram", "summary", "sized_bytes"};
    (void)mapping;
    (void)type;
    asked++;
    answer->cost = answer_cost;
    answer->outcome = MAPPING_NONE;
    for (uint16_t i = 0; i < RULES; i++) {
        size_t word = strlen(words[i]);
        if (length >= word && memcmp(name, words[i], word) == 0) {
            answer->outcome = rules[i].drop ? MAPPING_DROPPED : MAPPING_MAPPED;
            answer->rule = i;
            answer->name = words[i];
            answer->name_length = word;
            answer->labels[0] = (struct tag){"rest", name + word, 4, (uint16_t)(length - word)};
            answer->label_count = 1;
        }
    }
    return true;
}

static void keep(struct mapping *mapping)
{
    mapping->limited = 0;
}

static struct mapping mapping = {.rules = rules, .rule_count = RULES};
static const struct mapper_module module = {.free = keep, .map = map};

static struct config configuration(enum config_names names)
{
    static double bounds[] = {1};
    struct config config = {0};
    config.prometheus.buckets = config.prometheus.buckets_plain =
        (struct config_numbers){bounds, 1};
    config.prometheus.names = names;
    config.prometheus.native_schema = 8;
    config.prometheus.native_max_buckets = 160;
    return config;
}

static struct exposition *mapped(enum config_names names)
{
    struct config config = configuration(names);
    struct exposition *exposition = exposition_new(&config, true);
    assert_non_null(exposition);
    exposition_map(exposition, (struct mapper){&module, &mapping});
    asked = 0;
    answer_cost = 1;
    return exposition;
}

static void assert_format(struct exposition *exposition, struct made *made, enum format format,
                          const char *expected)
{
    struct body *body = exposition_render(exposition, &made->snapshot, format);
    assert_non_null(body);
    assert_int_equal(body->length, strlen(expected));
    assert_memory_equal(body->bytes, expected, body->length);
    body_unref(body);
    made_free(made);
}

static void assert_text(struct exposition *exposition, struct made *made, const char *expected)
{
    assert_format(exposition, made, FORMAT_TEXT, expected);
}

static void openmetrics_tells_the_unit_of_a_rule(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    struct made *made = made_new(1);
    made_gauge(made, "sized_bytes", "", 8);
    assert_format(exposition, made, FORMAT_OPENMETRICS,
                  "# HELP sized_bytes StatsD gauge sized_bytes.\n"
                  "# TYPE sized_bytes gauge\n"
                  "# UNIT sized_bytes bytes\n"
                  "sized_bytes{rest=\"\"} 8\n"
                  "# EOF\n");
    exposition_free(exposition);
}

static void a_rule_gives_name_labels_help_and_scale(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    struct made *made = made_new(1);
    made_counter(made, "scaled.a", "rest:tag,zone:eu", 8);
    made_counter(made, "scaled", "", 6);
    made_counter(made, "other.a", "", 1);
    made_counter(made, "dropped.a", "", 1);
    assert_text(exposition, made,
                "# HELP other_a_total StatsD counter other.a.\n"
                "# TYPE other_a_total counter\n"
                "other_a_total 1\n"
                "# HELP scaled In \\\\ words.\n"
                "# TYPE scaled counter\n"
                "scaled{rest=\".a\",zone=\"eu\"} 4\n"
                "scaled{rest=\"\"} 3\n");
    assert_int_equal(exposition_conflicts(exposition), 0);
    exposition_free(exposition);
}

static void a_name_is_asked_for_once(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        struct made *made = made_new(sequence);
        made_counter(made, "other", "a:1", 1);
        made_counter(made, "other", "a:2", 1);
        made_counter(made, "dropped", "", 1);
        struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_TEXT);
        body_unref(body);
        made_free(made);
    }
    assert_int_equal(asked, 2);
    exposition_free(exposition);
}

static void beyond_the_budget_names_wait_for_the_next_update(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    answer_cost = CATALOGUE_NAMING_BUDGET / 2;
    const char *const two = "# HELP a_total StatsD counter a.\n# TYPE a_total counter\na_total 1\n"
                            "# HELP b_total StatsD counter b.\n# TYPE b_total counter\nb_total 1\n";
    const char *const third =
        "# HELP c_total StatsD counter c.\n# TYPE c_total counter\nc_total 1\n";
    char all[512];
    snprintf(all, sizeof(all), "%s%s", two, third);
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        struct made *made = made_new(sequence);
        made->snapshot.taken_ns = SECOND_NS * (sequence < 3 ? 1 : 2);
        made_counter(made, "a", "", 1);
        made_counter(made, "b", "", 1);
        made_counter(made, "c", "", 1);
        assert_text(exposition, made, sequence < 3 ? two : all);
        assert_int_equal(exposition_waiting(exposition), sequence < 3 ? 1 : 0);
    }
    exposition_free(exposition);
}

static void a_series_is_hidden_from_its_ttl_to_its_next_sample(void **state)
{
    static const struct {
        double total;
        unsigned second;
        bool shown;
    } updates[] = {{1, 10, true}, {1, 11, true}, {1, 12, false}, {1, 20, false},
                   {2, 30, true}, {2, 31, true}, {2, 33, false}};
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    for (size_t i = 0; i < sizeof(updates) / sizeof(*updates); i++) {
        struct made *made = made_new(i + 1);
        made->snapshot.taken_ns = updates[i].second * SECOND_NS;
        made_counter(made, "short", "", updates[i].total)->updated = false;
        struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_TEXT);
        assert_int_equal(body->length > 0, updates[i].shown);
        body_unref(body);
        made_free(made);
    }
    exposition_free(exposition);
}

static void the_type_that_came_first_has_the_name(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_STATSD_EXPORTER);
    struct made *made = made_new(1);
    made_place(made, 0, 2);
    made_counter(made, "x", "", 1);
    made_place(made, 0, 1);
    made_gauge(made, "x", "bare,a:b", 2);
    assert_text(exposition, made, "# HELP x StatsD gauge x.\n# TYPE x gauge\nx{a=\"b\"} 2\n");
    assert_int_equal(exposition_conflicts(exposition), 1);
    exposition_free(exposition);
}

static void statsd_exporters_names_have_no_suffix_and_join_dashes(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_STATSD_EXPORTER);
    struct made *made = made_new(1);
    made_counter(made, "a--b:c/d", "", 1);
    made_counter(made, "9\xC3\xA9", "", 1);
    assert_text(exposition, made,
                "# HELP _9_ StatsD counter 9\xC3\xA9.\n# TYPE _9_ counter\n_9_ 1\n"
                "# HELP a_b_c_d StatsD counter a--b:c/d.\n# TYPE a_b_c_d counter\na_b_c_d 1\n");
    exposition_free(exposition);
}

/* 10 ms and 3 plain, as a sketch of all samples each. */
static void add_timers(struct made *made, const char *name, struct sketch **sketches,
                       struct pool_cache *cache)
{
    assert_true(sketch_add(&sketches[0], 10, 1, cache));
    assert_true(sketch_add(&sketches[1], 3, 1, cache));
    struct timer_row *ms = made_timer(made, STATSD_TIMER, name, "");
    struct timer_row *plain = made_timer(made, STATSD_HISTOGRAM, name, "");
    ms->total_count = plain->total_count = 1;
    ms->total_sum = 10;
    plain->total_sum = 3;
    ms->sketch = ms->total_sketch = sketches[0];
    plain->sketch = plain->total_sketch = sketches[1];
}

static void timers_of_all_types_share_a_series(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_STATSD_EXPORTER);
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    struct sketch *sketches[4] = {NULL};
    struct made *made = made_new(1);
    add_timers(made, "histogram", sketches, cache);
    add_timers(made, "plain", sketches + 2, cache);
    struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_TEXT);
    char *text = calloc(1, body->length + 1);
    memcpy(text, body->bytes, body->length);
    const char *histogram = "# HELP histogram StatsD timer histogram.\n"
                            "# TYPE histogram histogram\n"
                            "histogram_bucket{rest=\"\",le=\"0.02\"} 1\n"
                            "histogram_bucket{rest=\"\",le=\"5\"} 2\n"
                            "histogram_bucket{rest=\"\",le=\"+Inf\"} 2\n"
                            "histogram_sum{rest=\"\"} 3.01\n"
                            "histogram_count{rest=\"\"} 2\n"
                            "# HELP plain StatsD timer plain.\n"
                            "# TYPE plain summary\n"
                            "plain{quantile=\"0.5\"} 0.0";
    assert_memory_equal(text, histogram, strlen(histogram));
    const char *upper = strstr(text, "plain{quantile=\"0.999\"} ");
    assert_float_equal(strtod(strchr(upper, '}') + 1, NULL), 3, 0.01);
    free(text);
    body_unref(body);
    made_free(made);
    for (size_t i = 0; i < 4; i++) {
        sketch_free(&sketches[i], cache);
    }
    pool_cache_free(cache);
    pool_free(pool);
    exposition_free(exposition);
}

static void a_rule_has_quantiles_of_its_own(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    struct sketch *sketch = NULL;
    for (double value = 1; value <= 4; value++) {
        assert_true(sketch_add(&sketch, value, 1, cache));
    }
    struct made *made = made_new(1);
    made_timer(made, STATSD_DISTRIBUTION, "summary", "")->sketch = sketch;
    assert_text(exposition, made,
                "# HELP summary StatsD distribution summary.\n"
                "# TYPE summary summary\n"
                "summary{rest=\"\",quantile=\"0.25\"} 1\n"
                "summary{rest=\"\",quantile=\"0.75\"} 3\n"
                "summary_sum{rest=\"\"} 60\n"
                "summary_count{rest=\"\"} 4\n");
    sketch_free(&sketch, cache);
    pool_cache_free(cache);
    pool_free(pool);
    exposition_free(exposition);
}

static void other_rules_name_all_anew(void **state)
{
    (void)state;
    struct exposition *exposition = mapped(NAMES_MODERN);
    struct made *made = made_new(1);
    made_counter(made, "scaled", "", 2);
    struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_TEXT);
    body_unref(body);
    exposition_map(exposition, (struct mapper){0});
    assert_false(exposition_has(exposition, 1, FORMAT_TEXT));
    assert_text(exposition, made,
                "# HELP scaled_total StatsD counter scaled.\n"
                "# TYPE scaled_total counter\n"
                "scaled_total 2\n");
    exposition_free(exposition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_gives_name_labels_help_and_scale),
        cmocka_unit_test(openmetrics_tells_the_unit_of_a_rule),
        cmocka_unit_test(a_name_is_asked_for_once),
        cmocka_unit_test(beyond_the_budget_names_wait_for_the_next_update),
        cmocka_unit_test(a_series_is_hidden_from_its_ttl_to_its_next_sample),
        cmocka_unit_test(the_type_that_came_first_has_the_name),
        cmocka_unit_test(statsd_exporters_names_have_no_suffix_and_join_dashes),
        cmocka_unit_test(timers_of_all_types_share_a_series),
        cmocka_unit_test(a_rule_has_quantiles_of_its_own),
        cmocka_unit_test(other_rules_name_all_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
