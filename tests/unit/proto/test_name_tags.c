/* SPDX-License-Identifier: MIT
 *
 * Tags in names: each dialect takes its own block, auto takes those that can be nothing else, and
 * whatever the way, name and tags come out as `|#k:v` would have given them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name_tags.h"
#include "proto/statsd.h"
#include "proto/tags.h"

#define SERIES_MAX 256

/* The series of the one sample of `line`, as `name{k=v;k2=v2}`, or `!reason`. */
static void series_of(enum statsd_dialect dialect, enum statsd_path path, const char *line,
                      char *out)
{
    static struct statsd_parser parser;
    struct statsd_item item;
    char scratch[SERIES_MAX];
    struct tag tags[16];
    statsd_parser_init(&parser, dialect);
    assert_true(statsd_parser_select(&parser, path));
    statsd_parser_feed(&parser, line, (uint32_t)strlen(line));
    assert_int_equal(statsd_parser_read(&parser, &item, 1), 1);
    if (item.kind == STATSD_REFUSED) {
        sprintf(out, "!%s", statsd_reason_name((enum statsd_reason)item.reason));
        return;
    }
    enum tags_style style = (enum tags_style)item.tags_style;
    struct name_tags_text text = {line + item.name.offset, line + item.tags.offset,
                                  item.name.length, item.tags.length};
    name_tags_resolve(style, &text, scratch);
    int count = tags_parse(style, text.tags, text.tags_length, tags, 16);
    assert_true(count >= 0);
    int length = sprintf(out, "%.*s{", (int)text.name_length, text.name);
    length += (int)tags_format_csv(out + length, tags, (size_t)count);
    strcpy(out + length, "}");
}

struct name_case {
    const char *line, *series;
};

static void check(enum statsd_dialect dialect, const struct name_case *cases, size_t count)
{
    static const enum statsd_path paths[] = {STATSD_PATH_COMPLETE, STATSD_PATH_PORTABLE};
    for (size_t i = 0; i < count; i++) {
        for (size_t path = 0; path < sizeof paths / sizeof paths[0]; path++) {
            char found[SERIES_MAX];
            series_of(dialect, paths[path], cases[i].line, found);
            assert_string_equal(found, cases[i].series);
        }
    }
}

#define CHECK(dialect, cases) check(dialect, cases, sizeof(cases) / sizeof(cases)[0])

static void auto_takes_a_block_where_every_part_is_a_pair(void **state)
{
    (void)state;
    const struct name_case cases[] = {
        {"n,k=v,a=b:1|c", "n{a=b;k=v}"},
        {"n#k=v,a=b:1|c", "n{a=b;k=v}"},
        {"n;k=v;a=b:1|c", "n{a=b;k=v}"},
        {"n[k=v,a=b]:1|c", "n{a=b;k=v}"},
        {"n.[k=v]m:1|c", "n.m{k=v}"},
        {"[k=v]m:1|c", "m{k=v}"},
        {"n:1|c|#k:v", "n{k=v}"},
        {"n,k=v=w:1|c", "n{k=v\\=w}"},
        {"n,k=v,k=w:1|c", "n{k=w}"},
        {"n;k=a,b=c:1|c", "n{k=a,b\\=c}"},
        {"n,k=a;b=c:1|c", "n{k=a\\;b\\=c}"},
    };
    CHECK(STATSD_AUTO, cases);
}

static void auto_leaves_any_other_name_alone(void **state)
{
    (void)state;
    const struct name_case cases[] = {
        {"a,b:1|c", "a,b{}"},       {"a,b=c,d:1|c", "a,b=c,d{}"}, {"a,b=:1|c", "a,b={}"},
        {"a,=b:1|c", "a,=b{}"},     {"a,b=c,:1|c", "a,b=c,{}"},   {"a[0]:1|c", "a[0]{}"},
        {"a[b=c:1|c", "a[b=c{}"},   {"a]b=c[:1|c", "a]b=c[{}"},   {"a#1:1|c", "a#1{}"},
        {"a;b=c;:1|c", "a;b=c;{}"}, {"a,b:1|c|#k:v", "a,b{k=v}"}, {"a=b:1|c", "a=b{}"},
    };
    CHECK(STATSD_AUTO, cases);
}

static void auto_tries_the_first_of_each_mark(void **state)
{
    (void)state;
    const struct name_case cases[] = {
        {"a#1,k=v:1|c", "a#1{k=v}"},
        {"a[0],k=v:1|c", "a[0]{k=v}"},
        {"a,b,k=v:1|c", "a,b,k=v{}"},
        {"a;b;c[k=v]:1|c", "a;b;c{k=v}"},
    };
    CHECK(STATSD_AUTO, cases);
}

static void refuses_tags_in_both_places_and_empty_names(void **state)
{
    (void)state;
    const struct name_case cases[] = {
        {"n,k=v:1|c|#a:b", "!bad_section"}, {"n#k=v:1|c|@0.1|#a:b", "!bad_section"},
        {"n[k=v]:1|c|#", "!bad_section"},   {",k=v:1|c", "!empty_name"},
        {"#k=v:1|c", "!empty_name"},        {"[k=v]:1|c", "!empty_name"},
        {";k=v:1|c", "!empty_name"},
    };
    CHECK(STATSD_AUTO, cases);
}

static void a_dialect_by_name_drops_what_is_no_pair(void **state)
{
    (void)state;
    const struct name_case influxdb[] = {
        {"n,k:1|c", "n{}"},       {"n,:1|c", "n{}"},         {"n,k=,a=b:1|c", "n{a=b}"},
        {"n,=v:1|c", "n{}"},      {"n#k=v:1|c", "n#k=v{}"},  {"n[k=v]:1|c", "n[k=v]{}"},
        {"n;k=v:1|c", "n;k=v{}"}, {"n,:1|c|#k:v", "n{k=v}"}, {",k:1|c", "!empty_name"},
    };
    const struct name_case signalfx[] = {
        {"n[k]m:1|c", "nm{}"},        {"n[]:1|c", "n{}"},
        {"n[]m:1|c", "nm{}"},         {"a[k=v]b[x=y]:1|c", "ab[x=y]{k=v}"},
        {"a]b[k=v]:1|c", "a]b{k=v}"}, {"a[b:1|c", "a[b{}"},
        {"n,k=v:1|c", "n,k=v{}"},     {"[]:1|c", "!empty_name"},
    };
    const struct name_case librato[] = {
        {"n#k:1|c", "n{}"},
        {"n#k=v#a=b:1|c", "n{k=v#a\\=b}"},
        {"n,k=v:1|c", "n,k=v{}"},
    };
    const struct name_case graphite[] = {
        {"n;k;;a=b:1|c", "n{a=b}"},
        {"n;k=1;k=2:1|c", "n{k=2}"},
        {"n:1|c|#k:v;w,a:b", "n{a=b;k=v_w}"},
        {"n;k=v:1|c|x", "!bad_section"},
    };
    CHECK(STATSD_INFLUXDB, influxdb);
    CHECK(STATSD_SIGNALFX, signalfx);
    CHECK(STATSD_LIBRATO, librato);
    CHECK(STATSD_GRAPHITE, graphite);
}

static void etsy_and_dogstatsd_know_no_blocks(void **state)
{
    (void)state;
    const struct name_case cases[] = {
        {"n,k=v:1|c", "n,k=v{}"},
        {"n[k=v]:1|c", "n[k=v]{}"},
        {"n#k=v:1|c|#a:b", "n#k=v{a=b}"},
        {"n;k=v:1|c", "n;k=v{}"},
    };
    CHECK(STATSD_ETSY, cases);
    CHECK(STATSD_DOGSTATSD, cases);
}

/* A name whose only fault is at its end, with as many marks as there is room for: reading it must
 * not begin anew at every mark. */
static void a_hostile_name_costs_linear_time(void **state)
{
    (void)state;
    enum { PARTS = 1 << 20 };
    char *name = malloc(4 * (size_t)PARTS + 1);
    assert_non_null(name);
    for (size_t i = 0; i < PARTS; i++) {
        memcpy(name + 4 * i, ",k=v", 4);
    }
    name[4 * (size_t)PARTS] = ',';
    struct name_tags found;
    uint32_t length = 4 * (uint32_t)PARTS + 1;
    assert_true(name_tags_find(STATSD_AUTO, name, 0, 0, length, &found));
    assert_int_equal(found.name.length, length);
    assert_int_equal(found.style, TAGS_COLON);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_takes_a_block_where_every_part_is_a_pair),
        cmocka_unit_test(auto_leaves_any_other_name_alone),
        cmocka_unit_test(auto_tries_the_first_of_each_mark),
        cmocka_unit_test(refuses_tags_in_both_places_and_empty_names),
        cmocka_unit_test(a_dialect_by_name_drops_what_is_no_pair),
        cmocka_unit_test(etsy_and_dogstatsd_know_no_blocks),
        cmocka_unit_test(a_hostile_name_costs_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
