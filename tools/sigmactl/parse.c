/* SPDX-License-Identifier: MIT
 *
 * sigmactl parse: shows what the server's own parser makes of a datagram.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name_tags.h"
#include "proto/number.h"
#include "proto/statsd.h"
#include "proto/tags.h"
#include "proto/text.h"
#include "tools/sigmactl/commands.h"

#define ITEMS_AT_ONCE 64

static const char usage[] =
    "usage: sigmactl parse [--dialect D] < DATAGRAM\n"
    "\n"
    "Reads standard input as one datagram and prints one JSON object a line for each metric,\n"
    "event, service check and refusal. A packed line gives one object a value.\n"
    "\n"
    "  --dialect D   auto (default) takes whatever any dialect takes; etsy refuses what may not\n"
    "                follow the type; dogstatsd reads as the DogStatsD protocol has it; influxdb\n"
    "                (n,k=v), signalfx (n[k=v]), librato (n#k=v) and graphite (n;k=v) take tags\n"
    "                in names\n"
    "  --help        this text\n";

/* The datagram, its parser, and room for what of it is written: escaped text and tags. */
struct work {
    char *bytes;
    size_t length;
    char *escaped, *scratch;
    struct tag *tags;
    size_t tags_max;
    struct statsd_parser parser;
};

/* Reads all of standard input. False, with a message, when that fails or it is no size of a
 * datagram. */
static bool read_input(struct work *work)
{
    size_t capacity = 65536;
    work->bytes = malloc(capacity);
    while (work->bytes) {
        work->length += fread(work->bytes + work->length, 1, capacity - work->length, stdin);
        if (work->length < capacity) {
            break;
        }
        capacity *= 2;
        char *larger = capacity <= UINT32_MAX ? realloc(work->bytes, capacity) : NULL;
        if (!larger) {
            free(work->bytes);
        }
        work->bytes = larger;
    }
    if (!work->bytes || ferror(stdin)) {
        fprintf(stderr, "sigmactl parse: standard input: %s\n",
                work->bytes ? strerror(errno) : "too large");
        return false;
    }
    return true;
}

static bool prepare(struct work *work)
{
    size_t marks = 0;
    for (size_t i = 0; i < work->length; i++) {
        marks += work->bytes[i] == ',' || work->bytes[i] == ';';
    }
    work->tags_max = marks + 1;
    work->tags = calloc(work->tags_max, sizeof *work->tags);
    work->escaped = malloc(6 * work->length + 1);
    work->scratch = malloc(2 * work->length + 1);
    if (!work->tags || !work->escaped || !work->scratch) {
        fprintf(stderr, "sigmactl parse: out of memory\n");
        return false;
    }
    return true;
}

static void print_text(struct work *work, const char *text, size_t length)
{
    size_t written = text_escape_json(work->escaped, text, length);
    putchar('"');
    fwrite(work->escaped, 1, written, stdout);
    putchar('"');
}

static void print_span(struct work *work, struct span span)
{
    print_text(work, work->bytes + span.offset, span.length);
}

/* Prints `,"key":"text"` unless the text is empty. */
static void print_optional(struct work *work, const char *key, struct span span)
{
    if (span.length > 0) {
        printf(",\"%s\":", key);
        print_span(work, span);
    }
}

/* Prints a text in which the two characters \n stand for a newline. */
static void print_unescaped(struct work *work, struct span span)
{
    const char *text = work->bytes + span.offset;
    putchar('"');
    for (size_t i = 0; i < span.length;) {
        size_t stop = i;
        while (stop < span.length &&
               !(text[stop] == '\\' && stop + 1 < span.length && text[stop + 1] == 'n')) {
            stop++;
        }
        size_t written = text_escape_json(work->escaped, text + i, stop - i);
        fwrite(work->escaped, 1, written, stdout);
        if (stop < span.length) {
            fputs("\\n", stdout);
            stop += 2;
        }
        i = stop;
    }
    putchar('"');
}

static void print_number(double value)
{
    char text[NUMBER_TEXT_MAX];
    number_format(text, value);
    fputs(text, stdout);
}

static bool same_key(const struct tag *a, const struct tag *b)
{
    return a->key_length == b->key_length && memcmp(a->key, b->key, a->key_length) == 0;
}

/* Values in the order in which they were sent: their places in the datagram tell it. */
static int compare_places(const void *left, const void *right)
{
    const struct tag *a = left;
    const struct tag *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

static void print_values(struct work *work, struct tag *tags, size_t count)
{
    qsort(tags, count, sizeof *tags, compare_places);
    if (count > 1) {
        putchar('[');
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            putchar(',');
        }
        print_text(work, tags[i].value, tags[i].value_length);
    }
    if (count > 1) {
        putchar(']');
    }
}

/* Tags that are longer than any limit of the server can be are left out. */
static void print_tags(struct work *work, enum tags_style style, const char *text, size_t length)
{
    int parsed = tags_parse(style, text, length, work->tags, work->tags_max);
    size_t count = parsed > 0 ? (size_t)parsed : 0;
    fputs(",\"tags\":{", stdout);
    for (size_t i = 0; i < count;) {
        size_t stop = i + 1;
        while (stop < count && same_key(&work->tags[i], &work->tags[stop])) {
            stop++;
        }
        if (i > 0) {
            putchar(',');
        }
        print_text(work, work->tags[i].key, work->tags[i].key_length);
        putchar(':');
        print_values(work, &work->tags[i], stop - i);
        i = stop;
    }
    putchar('}');
}

static void print_own_tags(struct work *work, const struct statsd_item *item)
{
    print_tags(work, TAGS_COLON, work->bytes + item->tags.offset, item->tags.length);
}

static void print_timestamp(const struct statsd_item *item)
{
    if (item->timestamp > 0) {
        printf(",\"timestamp\":%lld", (long long)item->timestamp);
    }
}

static void print_sample(struct work *work, const struct statsd_item *item)
{
    struct statsd_details details;
    statsd_parser_details(&work->parser, item, &details);
    enum tags_style style = (enum tags_style)item->tags_style;
    struct name_tags_text text = {.name = work->bytes + item->name.offset,
                                  .tags = work->bytes + item->tags.offset,
                                  .name_length = item->name.length,
                                  .tags_length = item->tags.length};
    name_tags_resolve(style, &text, work->scratch);
    fputs("{\"name\":", stdout);
    print_text(work, text.name, text.name_length);
    printf(",\"type\":\"%s\",\"value\":", statsd_type_name((enum statsd_type)item->type));
    if (item->type == STATSD_SET) {
        print_span(work, item->text);
    } else {
        print_number(item->value);
    }
    if (item->type == STATSD_GAUGE) {
        printf(",\"delta\":%s", item->delta ? "true" : "false");
    }
    fputs(",\"rate\":", stdout);
    print_number(item->rate);
    print_tags(work, style, text.tags, text.tags_length);
    print_timestamp(item);
    print_optional(work, "container_id", details.container);
    puts("}");
}

static void print_event(struct work *work, const struct statsd_item *item)
{
    struct statsd_details details;
    statsd_parser_details(&work->parser, item, &details);
    fputs("{\"event\":{\"title\":", stdout);
    print_unescaped(work, item->name);
    fputs(",\"text\":", stdout);
    print_unescaped(work, item->text);
    print_timestamp(item);
    print_optional(work, "host", details.host);
    print_optional(work, "priority", details.priority);
    print_optional(work, "alert_type", details.alert_type);
    print_optional(work, "aggregation_key", details.aggregation_key);
    print_optional(work, "source_type", details.source_type);
    print_optional(work, "container_id", details.container);
    print_own_tags(work, item);
    puts("}}");
}

static void print_service_check(struct work *work, const struct statsd_item *item)
{
    struct statsd_details details;
    statsd_parser_details(&work->parser, item, &details);
    fputs("{\"service_check\":{\"name\":", stdout);
    print_span(work, item->name);
    printf(",\"status\":%u", (unsigned)item->status);
    print_timestamp(item);
    print_optional(work, "host", details.host);
    if (item->text.length > 0) {
        fputs(",\"message\":", stdout);
        print_unescaped(work, item->text);
    }
    print_optional(work, "container_id", details.container);
    print_own_tags(work, item);
    puts("}}");
}

static void print_item(struct work *work, const struct statsd_item *item)
{
    switch ((enum statsd_kind)item->kind) {
    case STATSD_SAMPLE:
        print_sample(work, item);
        break;
    case STATSD_EVENT:
        print_event(work, item);
        break;
    case STATSD_SERVICE_CHECK:
        print_service_check(work, item);
        break;
    case STATSD_REFUSED:
        printf("{\"error\":\"%s\",\"line\":", statsd_reason_name((enum statsd_reason)item->reason));
        print_span(work, item->line);
        puts("}");
        break;
    }
}

static void print_datagram(struct work *work, enum statsd_dialect dialect)
{
    struct statsd_item items[ITEMS_AT_ONCE];
    statsd_parser_init(&work->parser, dialect);
    statsd_parser_feed(&work->parser, work->bytes, (uint32_t)work->length);
    for (;;) {
        size_t count = statsd_parser_read(&work->parser, items, ITEMS_AT_ONCE);
        if (count == 0) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            print_item(work, &items[i]);
        }
    }
}

/* Returns -1 when the command is to run, else the exit status. */
static int read_options(int argc, char **argv, enum statsd_dialect *dialect)
{
    static const struct option options[] = {
        {"dialect", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return STATUS_OK;
        }
        if (option != 'd') {
            fputs(usage, stderr);
            return STATUS_USAGE;
        }
        if (!statsd_dialect_by_name(optarg, dialect)) {
            fprintf(stderr, "sigmactl parse: no dialect '%s'\n%s", optarg, usage);
            return STATUS_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sigmactl parse: unexpected '%s'\n%s", argv[optind], usage);
        return STATUS_USAGE;
    }
    return -1;
}

int command_parse(int argc, char **argv)
{
    enum statsd_dialect dialect = STATSD_AUTO;
    int status = read_options(argc, argv, &dialect);
    if (status >= 0) {
        return status;
    }
    struct work work = {0};
    status = STATUS_FAILED;
    if (read_input(&work) && prepare(&work)) {
        print_datagram(&work, dialect);
        status = fflush(stdout) == 0 && !ferror(stdout) ? STATUS_OK : STATUS_FAILED;
        if (status != STATUS_OK) {
            fprintf(stderr, "sigmactl parse: standard output: %s\n", strerror(errno));
        }
    }
    free(work.tags);
    free(work.escaped);
    free(work.scratch);
    free(work.bytes);
    return status;
}
