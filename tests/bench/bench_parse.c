/* SPDX-License-Identifier: MIT
 *
 * What taking lines apart costs, beside the least that it could: S, a bare search for newlines by
 * memchr(), and P, parsing with numbers on every path, with and without the hash of the name and
 * the tags. All in one run, turn by turn, as nanoseconds of CPU a metric and as multiples of S,
 * because the speed of a machine drifts and others may run on it.
 *
 * Usage: bench_parse [ROUNDS]; the median of ROUNDS (default 61) is printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/statsd.h"
#include "server/core/hash.h"
#include "server/core/require.h"

#define DATAGRAMS 64
#define LINES 32 /* a datagram */
#define LINE_BYTES_MAX 160
#define PASSES 10 /* over all datagrams, for one figure */
#define ROUNDS_MAX 1000
#define ITEMS 64

/* S, then each path, then the fastest path with the hash. */
enum { FIGURE_SCAN, FIGURE_PATHS, FIGURE_HASHED = FIGURE_PATHS + STATSD_PATHS, FIGURES };

enum tagging { NO_TAGS, TAGS_BEHIND, TAGS_IN_NAME };

struct corpus {
    const char *title;
    char bytes[DATAGRAMS][LINES * LINE_BYTES_MAX];
    uint32_t length[DATAGRAMS];
};

struct series {
    double rounds[ROUNDS_MAX];
};

static uint64_t state = 20;
static uint64_t sink; /* what is computed goes here, so that it is */

static unsigned draw(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((state >> 33) % below);
}

/* Half counters, a third timers, the rest gauges; names of 35 bytes. */
static int write_line(char *out, enum tagging tagging, unsigned rated_of_ten)
{
    static const char *const places[] = {"eu-west-1", "us-east-1", "ap-east-2"};
    unsigned kind = draw(6);
    int length = sprintf(out, "service.request.path.%06u.duration", draw(10000));
    if (tagging == TAGS_IN_NAME) {
        length +=
            sprintf(out + length, ",env=prod,zone=%s,host=web-%02u", places[draw(3)], draw(100));
    }
    length += sprintf(out + length, ":");
    if (kind < 3) {
        length += sprintf(out + length, "%u|c", 1 + draw(kind == 0 ? 900 : 9));
    } else if (kind < 5) {
        length += sprintf(out + length, "%u.%03u|ms", draw(400), draw(1000));
    } else {
        length += sprintf(out + length, "%u|g", draw(100000));
    }
    if (draw(10) < rated_of_ten) {
        length += sprintf(out + length, "|@0.%u", 1 + draw(9));
    }
    if (tagging == TAGS_BEHIND) {
        length +=
            sprintf(out + length, "|#env:prod,zone:%s,host:web-%02u", places[draw(3)], draw(100));
    }
    return length + sprintf(out + length, "\n");
}

/* The last line of a datagram goes without LF, as clients send it. */
static void fill(struct corpus *corpus, const char *title, enum tagging tagging,
                 unsigned rated_of_ten)
{
    corpus->title = title;
    for (size_t i = 0; i < DATAGRAMS; i++) {
        size_t length = 0;
        for (size_t line = 0; line < LINES; line++) {
            length += (size_t)write_line(corpus->bytes[i] + length, tagging, rated_of_ten);
        }
        corpus->length[i] = (uint32_t)length - 1;
    }
}

static uint64_t scan(const struct corpus *corpus, size_t i)
{
    const char *at = corpus->bytes[i];
    const char *end = at + corpus->length[i];
    uint64_t lines = 0;
    while (at < end) {
        const char *found = memchr(at, '\n', (size_t)(end - at));
        at = found ? found + 1 : end;
        lines++;
    }
    return lines;
}

static uint64_t parse(struct statsd_parser *parser, const struct corpus *corpus, size_t i,
                      bool hashed)
{
    static struct statsd_item items[ITEMS];
    const char *bytes = corpus->bytes[i];
    uint64_t samples = 0;
    size_t count;
    statsd_parser_feed(parser, bytes, corpus->length[i]);
    while ((count = statsd_parser_read(parser, items, ITEMS)) > 0) {
        for (size_t item = 0; hashed && item < count; item++) {
            const struct statsd_item *it = &items[item];
            sink += hash_bytes(bytes + it->name.offset, it->name.length, it->type);
            if (it->tags.length > 0) {
                sink += hash_bytes(bytes + it->tags.offset, it->tags.length, STATSD_TYPES);
            }
        }
        samples += count;
    }
    return samples;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double time_figure(int figure, struct statsd_parser *parser, const struct corpus *corpus)
{
    uint64_t begun = cpu_ns();
    uint64_t metrics = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < DATAGRAMS; i++) {
            metrics += figure == FIGURE_SCAN ? scan(corpus, i)
                                             : parse(parser, corpus, i, figure == FIGURE_HASHED);
        }
    }
    uint64_t taken = cpu_ns() - begun;
    REQUIRE(metrics == (uint64_t)PASSES * DATAGRAMS * LINES);
    return (double)taken / (double)metrics;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(struct series *series, size_t rounds)
{
    qsort(series->rounds, rounds, sizeof series->rounds[0], compare_doubles);
    return series->rounds[rounds / 2];
}

static void print(const char *title, double figure, double floor)
{
    printf("  %-28s %7.2f ns  %6.2f S\n", title, figure, figure / floor);
}

static void measure(const struct corpus *corpus, size_t rounds)
{
    static struct series series[FIGURES];
    struct statsd_parser parsers[FIGURES];
    bool able[FIGURES];
    for (int i = 0; i < FIGURES; i++) {
        statsd_parser_init(&parsers[i], STATSD_AUTO);
        able[i] = i < FIGURE_PATHS || i >= FIGURE_HASHED ||
                  statsd_parser_select(&parsers[i], (enum statsd_path)(i - FIGURE_PATHS));
    }
    for (size_t round = 0; round < rounds; round++) {
        for (int i = 0; i < FIGURES; i++) {
            series[i].rounds[round] = able[i] ? time_figure(i, &parsers[i], corpus) : 0;
        }
    }
    double floor = median(&series[FIGURE_SCAN], rounds);
    printf("%s: %.1f bytes a line\n", corpus->title, (double)(corpus->length[0] + 1) / LINES);
    print("S, memchr a line", floor, floor);
    for (int i = FIGURE_PATHS; i < FIGURE_HASHED; i++) {
        if (able[i]) {
            char title[32];
            snprintf(title, sizeof title, "parse, %s",
                     statsd_path_name((enum statsd_path)(i - FIGURE_PATHS)));
            print(title, median(&series[i], rounds), floor);
        }
    }
    print("P, parse and hash", median(&series[FIGURE_HASHED], rounds), floor);
}

int main(int argc, char **argv)
{
    static struct corpus corpus;
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 61;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    hash_init();
    fill(&corpus, "plain", NO_TAGS, 0);
    measure(&corpus, rounds);
    fill(&corpus, "rated", NO_TAGS, 10);
    measure(&corpus, rounds);
    fill(&corpus, "tagged", TAGS_BEHIND, 0);
    measure(&corpus, rounds);
    fill(&corpus, "tagged and rated", TAGS_BEHIND, 10);
    measure(&corpus, rounds);
    fill(&corpus, "half rated, at random", NO_TAGS, 5);
    measure(&corpus, rounds);
    fill(&corpus, "tagged in the name", TAGS_IN_NAME, 0);
    measure(&corpus, rounds);
    return sink == 0;
}
