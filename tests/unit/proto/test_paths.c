/* SPDX-License-Identifier: MIT
 *
 * All paths of the parser give the same items, in the same order, and the same tally, as the
 * complete one, on every input: the corpus, a million mutations of it, and what lies across the
 * borders of blocks and windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/statsd.h"

#define BYTES_MAX 20000
#define ITEMS_MAX (BYTES_MAX + 64)
#define SEEDS_MAX 600
#define SEED_BYTES_MAX 200
#define MUTATIONS 1000000

struct reading {
    struct statsd_item items[ITEMS_MAX];
    size_t count;
    struct statsd_tally tally;
};

static struct {
    char bytes[SEED_BYTES_MAX];
    size_t length;
} seeds[SEEDS_MAX];
static size_t seed_count;

static uint64_t state_of_random = 20;

static size_t draw(size_t below)
{
    state_of_random =
        state_of_random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(state_of_random >> 33) % below;
}

/* False when this CPU has no such path. */
static bool read_all(struct reading *reading, enum statsd_path path, enum statsd_dialect dialect,
                     const char *bytes, size_t length, size_t capacity)
{
    static struct statsd_parser parser;
    statsd_parser_init(&parser, dialect);
    if (!statsd_parser_select(&parser, path)) {
        return false;
    }
    statsd_parser_feed(&parser, bytes, (uint32_t)length);
    reading->count = 0;
    for (size_t read = 1; read > 0; reading->count += read) {
        size_t room = ITEMS_MAX - reading->count;
        assert_true(room > 0);
        read = statsd_parser_read(&parser, &reading->items[reading->count],
                                  capacity < room ? capacity : room);
    }
    reading->tally = parser.tally;
    return true;
}

static void assert_same(const struct reading *reading, const struct reading *expected,
                        enum statsd_path path, const char *bytes, size_t length)
{
    if (reading->count != expected->count ||
        memcmp(reading->items, expected->items, expected->count * sizeof expected->items[0]) != 0 ||
        memcmp(&reading->tally, &expected->tally, sizeof expected->tally) != 0) {
        print_error("%s differs on: %.*s\n", statsd_path_name(path), (int)length, bytes);
        fail();
    }
}

/* Reads an exact-size heap copy, so that the sanitizer sees a step outside. */
static void check(enum statsd_dialect dialect, const char *bytes, size_t length, size_t capacity)
{
    static struct reading expected;
    static struct reading reading;
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    assert_true(read_all(&expected, STATSD_PATH_COMPLETE, dialect, copy, length, 64));
    for (int path = 0; path < STATSD_PATHS; path++) {
        if (read_all(&reading, (enum statsd_path)path, dialect, copy, length, capacity)) {
            assert_same(&reading, &expected, (enum statsd_path)path, copy, length);
        }
    }
    free(copy);
}

static void check_everywhere(const char *bytes, size_t length)
{
    for (int dialect = 0; dialect < STATSD_DIALECTS; dialect++) {
        check((enum statsd_dialect)dialect, bytes, length, 1);
        check((enum statsd_dialect)dialect, bytes, length, 64);
    }
}

static void add_seed(const char *bytes, size_t length)
{
    if (length > 0 && length <= SEED_BYTES_MAX && seed_count < SEEDS_MAX) {
        memcpy(seeds[seed_count].bytes, bytes, length);
        seeds[seed_count++].length = length;
    }
}

/* Inputs of the corpus that are text, and lines as clients send them. */
static int read_seeds(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "service.request.path.000123.duration:320|c",
        "service.request.path.000123.duration:12.375|ms|@0.1",
        "service.request.path.000123.duration:-7|g|#env:prod,zone:eu-west-1,host:web-07",
        "page.views:1|c|@0.25|#env:prod|c:in-1234567\nusers:abc|s\nload:+1.25|g",
        "size:123456789.25|h\nspread:1e3|d\ntiny:.5|ms\nwhole:5.|ms",
        "service.path.duration,env=prod,zone=eu-west-1,host=web-07:12.375|ms|@0.1",
        "service.path.duration[env=prod,host=web-07]:-7|g\nrequests[code=200].total:1|c",
        "service.path#env=prod,host=web-07:320|c\nrequests;code=200;method=GET:1|c|c:in-12",
        "list,a,b=c:1|c|#k:v\npath;k=v:1|c|#k:v\narray[0]:3|g\nratio#1,a=b:1|c",
        "pages:1|c|#k:v;w\nplain;:1|c\nfoo[]bar:1|ms\n,k=v:1|c",
    };
    FILE *file = fopen(TEST_DATA_DIR "/parse.jsonl", "r");
    static char line[1 << 20];
    if (!file) {
        return -1;
    }
    while (fgets(line, sizeof line, file)) {
        json_t *test = json_loads(line, JSON_ALLOW_NUL, NULL);
        const json_t *text = json_object_get(test, "in");
        if (json_is_string(text)) {
            add_seed(json_string_value(text), json_string_length(text));
        }
        json_decref(test);
    }
    fclose(file);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        add_seed(lines[i], strlen(lines[i]));
    }
    return 0;
}

static void all_agree_on_the_corpus(void **state)
{
    (void)state;
    assert_in_range(seed_count, 250, SEEDS_MAX - 1);
    for (size_t i = 0; i < seed_count; i++) {
        check_everywhere(seeds[i].bytes, seeds[i].length);
    }
}

/* One to four inputs of the corpus, with bytes changed, joined by LF. */
static size_t mutate(char *out)
{
    static const char alphabet[] = "0123456789.-+e::||@#cgmshdT,,=;[]_\n\n\r\0\x7F\x80\xC3\xA9";
    size_t length = 0;
    for (size_t lines = 1 + draw(4); lines > 0; lines--) {
        size_t seed = draw(seed_count);
        memcpy(out + length, seeds[seed].bytes, seeds[seed].length);
        length += seeds[seed].length;
        out[length++] = '\n';
    }
    for (size_t edits = draw(5); edits > 0; edits--) {
        out[draw(length)] = draw(8) > 0 ? alphabet[draw(sizeof alphabet - 1)] : (char)draw(256);
    }
    return length - draw(4) % length;
}

static void all_agree_on_mutations(void **state)
{
    (void)state;
    static char datagram[4 * (SEED_BYTES_MAX + 1)];
    for (int i = 0; i < MUTATIONS; i++) {
        size_t length = mutate(datagram);
        check((enum statsd_dialect)draw(STATSD_DIALECTS), datagram, length, i % 2 ? 64 : 1);
    }
}

static void all_agree_where_every_byte_is_a_mark(void **state)
{
    (void)state;
    static const char marks[] = {'\n', '|', ':', '\0', '\x80', ',', '#', '[', ';'};
    char datagram[200];
    for (size_t i = 0; i < sizeof marks; i++) {
        memset(datagram, marks[i], sizeof datagram);
        for (size_t length = 0; length <= sizeof datagram; length++) {
            check_everywhere(datagram, length);
        }
        memcpy(datagram + 100, "\nab:12|c\n", 9);
        check_everywhere(datagram, sizeof datagram);
    }
}

static void all_agree_at_every_place_of_a_block(void **state)
{
    (void)state;
    char datagram[300];
    for (size_t before = 0; before < 140; before++) {
        memset(datagram, 'x', sizeof datagram);
        int length = snprintf(datagram + before, sizeof datagram - before,
                              ":1|c\nabc:-2.5|g|@0.5|#a:b\n%s", before % 2 ? "d:3|ms\n" : "d:3|ms");
        check_everywhere(datagram, before + (size_t)length);
    }
}

/* A datagram of whole lines behind a name that shifts them by a byte each time; one of the lines is
 * about as long as a window, or longer. */
static void all_agree_across_windows(void **state)
{
    (void)state;
    static char datagram[BYTES_MAX];
    for (size_t shift = 1; shift < 64; shift++) {
        size_t longest = STATSD_WINDOW_BYTES - 40 + shift;
        size_t length = 0;
        memset(datagram, 'n', sizeof datagram);
        length += shift;
        while (length < 9000) {
            length += (size_t)sprintf(datagram + length, ":%zu|ms|#k:v\nname", length);
        }
        memset(datagram + length, 'n', longest);
        length += longest - 5;
        length += (size_t)sprintf(datagram + length, ":1|c\nlast:2|g\n");
        check(STATSD_AUTO, datagram, length, 64);
        check(STATSD_AUTO, datagram, length - 1, 1);
    }
}

static void a_path_can_be_chosen(void **state)
{
    (void)state;
    static struct statsd_parser parser;
    statsd_parser_init(&parser, STATSD_AUTO);
    assert_int_not_equal(parser.path, STATSD_PATH_COMPLETE);
    assert_true(statsd_parser_select(&parser, STATSD_PATH_PORTABLE));
    assert_int_equal(parser.path, STATSD_PATH_PORTABLE);
    assert_true(statsd_parser_select(&parser, STATSD_PATH_COMPLETE));
    assert_int_equal(parser.path, STATSD_PATH_COMPLETE);
    for (int path = 0; path < STATSD_PATHS; path++) {
        assert_true(strlen(statsd_path_name((enum statsd_path)path)) > 0);
    }
}

/* The last of the paths that this CPU can run, in the order of their speed, up to the one asked
 * for. */
static void the_build_says_which_path_is_the_fastest_taken(void **state)
{
    (void)state;
    static struct statsd_parser parser;
    statsd_parser_init(&parser, STATSD_AUTO);
    enum statsd_path taken = parser.path, fastest = STATSD_PATH_COMPLETE;
    for (int path = 0; path < STATSD_PATHS; path++) {
        if (statsd_parser_select(&parser, (enum statsd_path)path)) {
            fastest = (enum statsd_path)path;
        }
        if (strcmp(statsd_path_name((enum statsd_path)path), TEST_PATH) == 0) {
            break;
        }
    }
    assert_string_equal(statsd_path_name(taken), statsd_path_name(fastest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_agree_on_the_corpus),
        cmocka_unit_test(all_agree_on_mutations),
        cmocka_unit_test(all_agree_where_every_byte_is_a_mark),
        cmocka_unit_test(all_agree_at_every_place_of_a_block),
        cmocka_unit_test(all_agree_across_windows),
        cmocka_unit_test(a_path_can_be_chosen),
        cmocka_unit_test(the_build_says_which_path_is_the_fastest_taken),
    };
    return cmocka_run_group_tests(tests, read_seeds, NULL);
}
