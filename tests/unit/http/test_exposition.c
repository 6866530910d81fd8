/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/exposition.h"
#include "tests/unit/http/made.h"

static double bounds_seconds[] = {0.01, 0.1};
static double bounds_plain[] = {5};

static struct config configuration(enum config_timer_type timer_type)
{
    struct config config = {0};
    config.prometheus.timer_type = timer_type;
    config.prometheus.buckets = (struct config_numbers){bounds_seconds, 2};
    config.prometheus.buckets_plain = (struct config_numbers){bounds_plain, 1};
    return config;
}

static int setup(void **state)
{
    struct config config = configuration(TIMER_TYPE_SUMMARY);
    *state = exposition_new(&config, false);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    exposition_free(*state);
    return 0;
}

/* The text of a snapshot, to be freed. */
static char *render(struct exposition *exposition, const struct made *made)
{
    struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_TEXT);
    assert_non_null(body);
    char *text = malloc(body->length + 1);
    assert_non_null(text);
    memcpy(text, body->bytes, body->length);
    text[body->length] = '\0';
    body_unref(body);
    return text;
}

static void assert_text(struct exposition *exposition, struct made *made, const char *expected)
{
    char *text = render(exposition, made);
    assert_string_equal(text, expected);
    free(text);
    made_free(made);
}

static void shows_every_kind_by_its_rules(void **state)
{
    static const double percentiles[] = {10, 20};
    struct made *made = made_new(1);
    made_counter(made, "api.hits", "env:prod,dc:a", 7);
    made_counter(made, "never.up", "", 0);
    made_gauge(made, "depth", "", -1.5);
    made_timer(made, STATSD_TIMER, "took", "")->percentiles = percentiles;
    made_timer(made, STATSD_HISTOGRAM, "size", "a")->percentiles = percentiles;
    made_timer(made, STATSD_DISTRIBUTION, "idle", "");
    made_set(made, "users", "", 3);
    assert_text(*state, made,
                "# HELP api_hits_total StatsD counter api.hits.\n"
                "# TYPE api_hits_total counter\n"
                "api_hits_total{dc=\"a\",env=\"prod\"} 7\n"
                "# HELP depth StatsD gauge depth.\n"
                "# TYPE depth gauge\n"
                "depth -1.5\n"
                "# HELP idle StatsD distribution idle.\n"
                "# TYPE idle summary\n"
                "idle{quantile=\"0.5\"} NaN\n"
                "idle{quantile=\"0.999\"} NaN\n"
                "idle_sum 60\n"
                "idle_count 4\n"
                "# HELP never_up_total StatsD counter never.up.\n"
                "# TYPE never_up_total counter\n"
                "never_up_total 0\n"
                "# HELP size StatsD histogram size.\n"
                "# TYPE size summary\n"
                "size{a=\"true\",quantile=\"0.5\"} 10\n"
                "size{a=\"true\",quantile=\"0.999\"} 20\n"
                "size_sum{a=\"true\"} 60\n"
                "size_count{a=\"true\"} 4\n"
                "# HELP took_seconds StatsD timer took.\n"
                "# TYPE took_seconds summary\n"
                "took_seconds{quantile=\"0.5\"} 0.01\n"
                "took_seconds{quantile=\"0.999\"} 0.02\n"
                "took_seconds_sum 0.06\n"
                "took_seconds_count 4\n"
                "# HELP users StatsD set users.\n"
                "# TYPE users gauge\n"
                "users 3\n");
}

static void histograms_are_cumulative_and_end_at_the_count(void **state)
{
    /* The last is above the count by a rounding error, as sums of weights may be. */
    static const double seconds[] = {1, 4.0000000000000009};
    static const double plain[] = {3};
    struct config config = configuration(TIMER_TYPE_HISTOGRAM);
    struct exposition *exposition = exposition_new(&config, false);
    struct made *made = made_new(1);
    (void)state;
    made_timer(made, STATSD_TIMER, "took", "")->buckets = seconds;
    made_timer(made, STATSD_HISTOGRAM, "size", "a:b")->buckets = plain;
    assert_text(exposition, made,
                "# HELP size StatsD histogram size.\n"
                "# TYPE size histogram\n"
                "size_bucket{a=\"b\",le=\"5\"} 3\n"
                "size_bucket{a=\"b\",le=\"+Inf\"} 4\n"
                "size_sum{a=\"b\"} 60\n"
                "size_count{a=\"b\"} 4\n"
                "# HELP took_seconds StatsD timer took.\n"
                "# TYPE took_seconds histogram\n"
                "took_seconds_bucket{le=\"0.01\"} 1\n"
                "took_seconds_bucket{le=\"0.1\"} 4\n"
                "took_seconds_bucket{le=\"+Inf\"} 4\n"
                "took_seconds_sum 0.06\n"
                "took_seconds_count 4\n");
    exposition_free(exposition);
}

static void assert_openmetrics(struct exposition *exposition, struct made *made,
                               const char *expected)
{
    struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_OPENMETRICS);
    assert_non_null(body);
    assert_int_equal(body->length, strlen(expected));
    assert_memory_equal(body->bytes, expected, body->length);
    body_unref(body);
    made_free(made);
}

static void openmetrics_has_families_without_total(void **state)
{
    struct made *made = made_new(1);
    made_counter(made, "a\"b", "k:v", 1.5);
    assert_openmetrics(*state, made,
                       "# HELP a_b StatsD counter a\\\"b.\n"
                       "# TYPE a_b counter\n"
                       "a_b_total{k=\"v\"} 1.5\n"
                       "# EOF\n");
    made = made_new(2);
    assert_openmetrics(*state, made, "# EOF\n");
}

/* As names come and go, a counter's family is found out about again. */
static void openmetrics_counters_give_way_to_other_families(void **state)
{
    struct made *made = made_new(1);
    made_counter(made, "user", "", 1);
    made_counter(made, "user.created", "", 2);
    assert_openmetrics(*state, made,
                       "# HELP user_created_total StatsD counter user.created.\n"
                       "# TYPE user_created_total unknown\n"
                       "user_created_total 2\n"
                       "# HELP user StatsD counter user.\n"
                       "# TYPE user counter\n"
                       "user_total 1\n"
                       "# EOF\n");
    made = made_new(2);
    made_counter(made, "user", "", 1);
    made_gauge(made, "user", "", 5);
    assert_openmetrics(*state, made,
                       "# HELP user StatsD gauge user.\n"
                       "# TYPE user gauge\n"
                       "user 5\n"
                       "# HELP user_total StatsD counter user.\n"
                       "# TYPE user_total unknown\n"
                       "user_total 1\n"
                       "# EOF\n");
    made = made_new(3);
    made_counter(made, "user", "", 1);
    assert_openmetrics(*state, made,
                       "# HELP user StatsD counter user.\n"
                       "# TYPE user counter\n"
                       "user_total 1\n"
                       "# EOF\n");
}

static void openmetrics_leaves_out_what_may_not_be_negative(void **state)
{
    static const double percentiles[] = {-10, 20};
    struct made *made = made_new(1);
    struct timer_row *row = made_timer(made, STATSD_HISTOGRAM, "h", "");
    row->percentiles = percentiles;
    row->total_sum = -5;
    row->total_count = 4.75;
    assert_openmetrics(*state, made,
                       "# HELP h StatsD histogram h.\n"
                       "# TYPE h summary\n"
                       "h{quantile=\"0.999\"} 20\n"
                       "h_count 4\n"
                       "# EOF\n");
}

static void openmetrics_bounds_have_a_point(void **state)
{
    static const double plain[] = {3.3};
    struct config config = configuration(TIMER_TYPE_HISTOGRAM);
    struct exposition *exposition = exposition_new(&config, false);
    struct made *made = made_new(1);
    (void)state;
    made_timer(made, STATSD_HISTOGRAM, "h", "")->buckets = plain;
    assert_openmetrics(exposition, made,
                       "# HELP h StatsD histogram h.\n"
                       "# TYPE h histogram\n"
                       "h_bucket{le=\"5.0\"} 3\n"
                       "h_bucket{le=\"+Inf\"} 4\n"
                       "h_sum 60\n"
                       "h_count 4\n"
                       "# EOF\n");
    exposition_free(exposition);
}

/* Two names that come to one series, whose sketches are one in text as in protobuf. */
static void native_timers_have_classic_buckets_in_text(void **state)
{
    struct config config = configuration(TIMER_TYPE_NATIVE);
    config.prometheus.native_schema = 8;
    config.prometheus.native_max_buckets = 160;
    struct exposition *exposition = exposition_new(&config, false);
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    struct sketch *sketches[2] = {NULL};
    struct made *made = made_new(1);
    (void)state;
    for (int i = 1; i <= 4; i++) {
        assert_true(sketch_add(&sketches[i % 2], i * 9, 1, cache));
    }
    for (int i = 0; i < 2; i++) {
        struct timer_row *row = made_timer(made, STATSD_TIMER, i ? "t.x" : "t-x", "");
        row->total_sketch = sketches[i];
        row->total_count = 2;
        row->total_sum = 45;
    }
    struct body *body = exposition_render(exposition, &made->snapshot, FORMAT_PROTOBUF);
    assert_non_null(body);
    body_unref(body);
    assert_text(exposition, made,
                "# HELP t_x_seconds StatsD timer t-x.\n"
                "# TYPE t_x_seconds histogram\n"
                "t_x_seconds_bucket{le=\"0.01\"} 1\n"
                "t_x_seconds_bucket{le=\"0.1\"} 4\n"
                "t_x_seconds_bucket{le=\"+Inf\"} 4\n"
                "t_x_seconds_sum 0.09\n"
                "t_x_seconds_count 4\n");
    exposition_free(exposition);
    for (int i = 0; i < 2; i++) {
        sketch_free(&sketches[i], cache);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

static void merges_what_comes_to_one_name(void **state)
{
    struct made *made = made_new(1);
    made_counter(made, "a.b", "x:1", 2);
    made_counter(made, "a-b", "x:1", 3);
    made_counter(made, "a.b.total", "x:1", 4);
    made_counter(made, "a.b", "x:2", 5);
    made_gauge(made, "g.h", "", 1)->updated_ns = 30;
    made_gauge(made, "g-h", "", 2)->updated_ns = 40;
    made_gauge(made, "g h", "", 3)->updated_ns = 20;
    made_set(made, "s.t", "", 4);
    made_set(made, "s-t", "", 5);
    assert_text(*state, made,
                "# HELP a_b_total StatsD counter a.b.\n"
                "# TYPE a_b_total counter\n"
                "a_b_total{x=\"1\"} 9\n"
                "a_b_total{x=\"2\"} 5\n"
                "# HELP g_h StatsD gauge g.h.\n"
                "# TYPE g_h gauge\n"
                "g_h 2\n"
                "# HELP s_t StatsD set s.t.\n"
                "# TYPE s_t gauge\n"
                "s_t 9\n");
}

static void merges_members_and_quantiles_not_their_numbers(void **state)
{
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    struct sketch *sketches[2] = {NULL, NULL};
    struct set *sets[2] = {NULL, NULL};
    static const double high[] = {1, 2};
    struct made *made = made_new(1);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned sample = 0; sample < 3; sample++) {
            assert_true(sketch_add(&sketches[i], 10.0 * (3 * i + sample + 1), 1, cache));
            assert_true(set_add(&sets[i], (uint64_t)(sample + i + 1) << 32, cache));
        }
        struct timer_row *row = made_timer(made, STATSD_TIMER, i ? "t.u" : "t-u", "");
        row->percentiles = high;
        row->sketch = sketches[i];
        struct set_row *set = made_set(made, i ? "s.t" : "s-t", "", 3);
        set->set = sets[i];
    }
    assert_text(*state, made,
                "# HELP s_t StatsD set s-t.\n"
                "# TYPE s_t gauge\n"
                "s_t 4\n"
                "# HELP t_u_seconds StatsD timer t-u.\n"
                "# TYPE t_u_seconds summary\n"
                "t_u_seconds{quantile=\"0.5\"} 0.03\n"
                "t_u_seconds{quantile=\"0.999\"} 0.06\n"
                "t_u_seconds_sum 0.12\n"
                "t_u_seconds_count 8\n");
    for (unsigned i = 0; i < 2; i++) {
        sketch_free(&sketches[i], cache);
        set_free(&sets[i], cache);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

static void one_name_in_every_type_stays_valid(void **state)
{
    struct made *made = made_new(1);
    made_set(made, "x", "", 1);
    made_gauge(made, "x", "", 2);
    made_timer(made, STATSD_TIMER, "x", "");
    made_timer(made, STATSD_HISTOGRAM, "x", "");
    made_timer(made, STATSD_DISTRIBUTION, "x", "");
    made_counter(made, "x", "", 3);
    char *text = render(*state, made);
    assert_non_null(strstr(text, "x_total 3\n"));
    assert_non_null(strstr(text, "x_gauge 2\n"));
    assert_non_null(strstr(text, "x_set 1\n"));
    assert_non_null(strstr(text, "x_seconds_count 4\n"));
    assert_non_null(strstr(text, "x_count 8\n")); /* h and d are one summary */
    assert_int_equal(exposition_conflicts(*state), 0);
    free(text);
    made_free(made);
}

static void names_of_a_summary_are_reserved(void **state)
{
    struct made *made = made_new(1);
    made_timer(made, STATSD_HISTOGRAM, "x", "");
    made_timer(made, STATSD_HISTOGRAM, "y_sum", "");
    made_timer(made, STATSD_HISTOGRAM, "y", "");
    made_gauge(made, "x_sum", "", 1);
    made_gauge(made, "x.count", "", 2);
    made_set(made, "x_bucket", "", 3);
    made_gauge(made, "x_gauge", "", 4)->updated_ns = 9;
    made_gauge(made, "x", "", 5);
    char *text = render(*state, made);
    assert_non_null(strstr(text, "\nx_sum_gauge 1\n"));
    assert_non_null(strstr(text, "\nx_count_gauge 2\n"));
    assert_non_null(strstr(text, "\nx_bucket_set 3\n"));
    assert_non_null(strstr(text, "\ny_sum_count 4\n"));
    assert_null(strstr(text, "\ny_count"));
    /* x goes by x_gauge, where a gauge is already: the same name and labels are merged. */
    assert_non_null(strstr(text, "\nx_gauge 4\n"));
    assert_int_equal(exposition_conflicts(*state), 1);
    free(text);
    made_free(made);
}

static void first_come_stays_and_the_refused_follow_when_it_is_gone(void **state)
{
    struct exposition *exposition = *state;
    struct made *first = made_new(1);
    made_gauge(first, "x", "", 1);
    assert_text(exposition, first, "# HELP x StatsD gauge x.\n# TYPE x gauge\nx 1\n");

    struct made *both = made_new(2);
    made_gauge(both, "x", "", 2);
    made_timer(both, STATSD_HISTOGRAM, "x", "");
    assert_text(exposition, both, "# HELP x StatsD gauge x.\n# TYPE x gauge\nx 2\n");
    assert_int_equal(exposition_conflicts(exposition), 1);

    struct made *later = made_new(3);
    made_timer(later, STATSD_HISTOGRAM, "x", "");
    char *text = render(exposition, later);
    assert_non_null(strstr(text, "# TYPE x summary\n"));
    assert_null(strstr(text, "gauge"));
    assert_int_equal(exposition_conflicts(exposition), 1);
    free(text);
    made_free(later);
}

static void an_index_used_again_is_another_series(void **state)
{
    struct exposition *exposition = *state;
    struct made *before = made_new(1);
    made_place(before, 5, 1);
    made_counter(before, "old", "", 1);
    assert_text(exposition, before,
                "# HELP old_total StatsD counter old.\n# TYPE old_total counter\nold_total 1\n");
    struct made *after = made_new(2);
    made_place(after, 5, 2);
    made_counter(after, "new", "", 2);
    assert_text(exposition, after,
                "# HELP new_total StatsD counter new.\n# TYPE new_total counter\nnew_total 2\n");
}

static void a_snapshot_is_rendered_once(void **state)
{
    struct made *made = made_new(9);
    made_counter(made, "a", "", 1);
    struct body *first = exposition_render(*state, &made->snapshot, FORMAT_TEXT);
    made->counters[0].total = 2;
    struct body *again = exposition_render(*state, &made->snapshot, FORMAT_TEXT);
    assert_ptr_equal(first, again);
    made->snapshot.sequence++;
    struct body *next = exposition_render(*state, &made->snapshot, FORMAT_TEXT);
    assert_ptr_not_equal(first, next);
    assert_memory_equal(first->bytes + first->length - 3, " 1\n", 3);
    assert_memory_equal(next->bytes + next->length - 3, " 2\n", 3);
    body_unref(first);
    body_unref(again);
    body_unref(next);
    made_free(made);
}

/* The properties: whatever comes and goes, what the cache gives is what a fresh start would give,
 * and no line but of comments is there twice. */

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static size_t sorted_lines(char *text, char **lines, size_t lines_max)
{
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(count < lines_max);
        lines[count++] = line;
    }
    qsort(lines, count, sizeof(*lines), compare_lines);
    return count;
}

static void random_rows(struct made *made, unsigned round)
{
    static const char *const names[] = {"a", "b.c", "b-c", "d e", "f"};
    static const char *const tags[] = {"", "k:1", "k:2,l", "k.l:1"};
    unsigned live = (unsigned)rand();
    for (unsigned i = 0; i < 20; i++) {
        /* Which series has an index changes over time, the generation with it. */
        unsigned generation = (round + i) / 7;
        unsigned which = (i * 7 + generation * 3) % 20;
        if ((live >> (i % 31) & 3) == 0) {
            continue;
        }
        made_place(made, i, generation);
        made_counter(made, names[which % 5], tags[which / 5], (double)(i + round));
        made_gauge(made, names[which % 5], tags[which / 5], (double)i)->updated_ns = i;
        made_timer(made, STATSD_TIMER, names[which % 5], tags[which / 5])->total_count = i;
    }
}

static void the_cache_gives_what_a_fresh_start_gives(void **state)
{
    struct config config = configuration(TIMER_TYPE_SUMMARY);
    static char *kept[2000];
    static char *fresh[2000];
    srand(3);
    for (unsigned round = 1; round <= 200; round++) {
        struct made *made = made_new(round);
        random_rows(made, round);
        struct exposition *other = exposition_new(&config, false);
        char *kept_text = render(*state, made);
        char *fresh_text = render(other, made);
        size_t count = sorted_lines(kept_text, kept, 2000);
        assert_int_equal(count, sorted_lines(fresh_text, fresh, 2000));
        for (size_t i = 0; i < count; i++) {
            if (strncmp(fresh[i], "# HELP", 6) == 0) {
                continue; /* names whoever came first */
            }
            assert_string_equal(kept[i], fresh[i]);
            assert_true(i == 0 || strcmp(kept[i], kept[i - 1]) != 0);
        }
        free(kept_text);
        free(fresh_text);
        exposition_free(other);
        made_free(made);
    }
}

static void the_smallest_steps_give_what_one_step_gives(void **state)
{
    struct config config = configuration(TIMER_TYPE_SUMMARY);
    struct exposition *other = exposition_new(&config, false);
    srand(5);
    for (unsigned round = 1; round <= 20; round++) {
        struct made *made = made_new(round);
        random_rows(made, round);
        char *expected = render(other, made);
        exposition_begin(*state, &made->snapshot, FORMAT_TEXT);
        assert_true(exposition_is_busy(*state));
        assert_false(exposition_has(*state, round, FORMAT_TEXT));
        while (!exposition_step(*state, 1)) {
        }
        assert_true(exposition_has(*state, round, FORMAT_TEXT));
        assert_false(exposition_has(*state, round + 1, FORMAT_TEXT));
        struct body *body = exposition_body(*state, FORMAT_TEXT);
        assert_int_equal(body->length, strlen(expected));
        assert_memory_equal(body->bytes, expected, body->length);
        body_unref(body);
        free(expected);
        made_free(made);
    }
    exposition_free(other);
}

static void a_body_is_compressed_once(void **state)
{
    struct made *made = made_new(1);
    made_counter(made, "a", "", 1);
    assert_true(exposition_pack(*state, FORMAT_TEXT));
    assert_null(exposition_packed(*state, FORMAT_TEXT));
    body_unref(exposition_render(*state, &made->snapshot, FORMAT_TEXT));
    assert_null(exposition_packed(*state, FORMAT_TEXT));
    assert_false(exposition_pack(*state, FORMAT_TEXT));
    assert_true(exposition_step(*state, SIZE_MAX));
    const struct body *packed = exposition_packed(*state, FORMAT_TEXT)->body;
    assert_true(exposition_pack(*state, FORMAT_TEXT));
    assert_ptr_equal(exposition_packed(*state, FORMAT_TEXT)->body, packed);
    made->snapshot.sequence++;
    exposition_begin(*state, &made->snapshot, FORMAT_TEXT);
    assert_null(exposition_packed(*state, FORMAT_TEXT));
    assert_true(exposition_step(*state, SIZE_MAX));
    made_free(made);
}

static void families_are_in_order_however_they_came(void **state)
{
    srand(4);
    for (unsigned round = 1; round <= 60; round++) {
        char name[8];
        struct made *made = made_new(round);
        for (unsigned i = 0; i < round; i++) {
            snprintf(name, sizeof(name), "n%u", (i * 7919u) % 10007u);
            made_gauge(made, name, "", i);
        }
        char *text = render(*state, made);
        char previous[32] = "";
        unsigned families = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            char current[32];
            if (sscanf(line, "# HELP %31s", current) == 1) {
                assert_true(strcmp(previous, current) < 0);
                memcpy(previous, current, sizeof(previous));
                families++;
            }
        }
        assert_int_equal(families, round);
        free(text);
        made_free(made);
    }
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_every_kind_by_its_rules),
        TEST(histograms_are_cumulative_and_end_at_the_count),
        TEST(openmetrics_has_families_without_total),
        TEST(openmetrics_counters_give_way_to_other_families),
        TEST(openmetrics_leaves_out_what_may_not_be_negative),
        TEST(openmetrics_bounds_have_a_point),
        TEST(native_timers_have_classic_buckets_in_text),
        TEST(merges_what_comes_to_one_name),
        TEST(merges_members_and_quantiles_not_their_numbers),
        TEST(one_name_in_every_type_stays_valid),
        TEST(names_of_a_summary_are_reserved),
        TEST(first_come_stays_and_the_refused_follow_when_it_is_gone),
        TEST(an_index_used_again_is_another_series),
        TEST(a_snapshot_is_rendered_once),
        TEST(the_cache_gives_what_a_fresh_start_gives),
        TEST(the_smallest_steps_give_what_one_step_gives),
        TEST(a_body_is_compressed_once),
        TEST(families_are_in_order_however_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
