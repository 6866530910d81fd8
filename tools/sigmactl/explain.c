/* SPDX-License-Identifier: MIT
 *
 * sigmactl explain: what becomes of a line, by the server's own code (explain_line.h), for people
 * or as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/number.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/explain_line.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/options.h"

/* Readable bytes that the parser may look at behind a line. */
#define SLACK_BYTES 64
#define LINE_BYTES_MAX 65535
#define OVERRIDE_MAX 128

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The label stands in front of the first line of its part only. */
static void print_label(const char *label)
{
    printf("%-12s", label);
}

static void print_number(double value)
{
    char text[NUMBER_TEXT_MAX + 1];
    text[number_format(text, value)] = '\0';
    fputs(text, stdout);
}

static void print_item(json_t *item)
{
    const char *kind = text_of(item, "kind");
    json_t *value = json_object_get(item, "value");
    print_label("parsed");
    fputs(kind, stdout);
    if (strcmp(kind, "sample") == 0) {
        printf(" of type %s, value ", text_of(item, "type"));
        if (json_is_string(value)) {
            fputs(json_string_value(value), stdout);
        } else {
            fputs(json_is_true(json_object_get(item, "delta")) && json_number_value(value) >= 0
                      ? "+"
                      : "",
                  stdout);
            print_number(json_number_value(value));
        }
        fputs(", rate ", stdout);
        print_number(json_number_value(json_object_get(item, "rate")));
    } else {
        printf(" %s%s%s", text_of(item, "title"), text_of(item, "name"), text_of(item, "reason"));
    }
    if (json_object_get(item, "timestamp")) {
        printf(", stamped %lld", (long long)json_integer_value(json_object_get(item, "timestamp")));
    }
    putchar('\n');
}

static void print_refusal(json_t *refusal)
{
    const char *why = text_of(refusal, "why");
    print_label("refused");
    printf("%s: %s%s%s\n", text_of(refusal, "what"), text_of(refusal, "reason"), *why ? ": " : "",
           why);
}

static void print_tag(const char *separator, const char *key, json_t *value)
{
    const char *text = json_string_value(value);
    printf("%s%s%s%s", separator, key, text && *text ? "=" : "", text ? text : "");
}

/* A series that no rule has been asked for has no mapping. */
static void print_mapping(json_t *series)
{
    json_t *mapping = json_object_get(series, "mapping");
    const char *outcome = text_of(mapping, "outcome");
    print_label("mapping");
    if (!mapping) {
        puts("no file is configured");
    } else if (strcmp(outcome, "none") == 0) {
        puts("no rule takes it");
    } else {
        printf("%s by the rule of line %lld: %s\n", outcome,
               (long long)json_integer_value(json_object_get(mapping, "line")),
               text_of(mapping, "match"));
    }
}

static void print_series(json_t *series)
{
    const char *key, *separator = "  ";
    json_t *value, *one;
    size_t index;
    print_label("series");
    printf("%s  type %s", text_of(series, "name"), text_of(series, "type"));
    json_object_foreach(json_object_get(series, "tags"), key, value)
    {
        if (json_is_string(value)) {
            print_tag(separator, key, value);
            separator = ";";
        }
        json_array_foreach(value, index, one)
        {
            print_tag(separator, key, one);
            separator = ";";
        }
    }
    putchar('\n');
    print_mapping(series);
}

static void print_file(json_t *file)
{
    const char *column, *separator = ": ";
    json_t *value;
    print_label("csv");
    fputs(text_of(file, "file"), stdout);
    json_object_foreach(json_object_get(file, "row"), column, value)
    {
        if (strcmp(column, "timestamp") != 0 && *json_string_value(value)) {
            printf("%s%s=%s", separator, column, json_string_value(value));
            separator = "  ";
        }
    }
    putchar('\n');
}

static void print_family(json_t *family)
{
    size_t index;
    json_t *sample;
    print_label("prometheus");
    printf("%s, a %s\n", text_of(family, "family"), text_of(family, "type"));
    json_array_foreach(json_object_get(family, "samples"), index, sample)
    {
        print_label("");
        printf("  %s\n", json_string_value(sample));
    }
}

static void print_path(json_t *path)
{
    print_label("graphite");
    puts(json_string_value(path));
}

static void print_each(json_t *object, const char *key, void (*print)(json_t *), const char *label,
                       const char *none)
{
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(object, key), index, item)
    {
        print(item);
    }
    if (none && json_array_size(json_object_get(object, key)) == 0) {
        print_label(label);
        puts(none);
    }
}

static void print_explanation(const struct config *config, json_t *object)
{
    print_label("line");
    puts(text_of(object, "line"));
    print_each(object, "items", print_item, "parsed", "nothing: the line is empty");
    print_each(object, "refused", print_refusal, NULL, NULL);
    bool kept = json_array_size(json_object_get(object, "series")) > 0;
    print_each(object, "series", print_series, NULL, NULL);
    print_each(object, "csv", print_file, "csv",
               !kept                   ? NULL
               : config->csv.directory ? "no row"
                                       : "is off");
    print_each(object, "prometheus", print_family, "prometheus",
               !kept                       ? NULL
               : config->http.listen.count ? "not shown"
                                           : "is off");
    print_each(object, "graphite", print_path, "graphite",
               !kept                              ? NULL
               : config->graphite.addresses.count ? "not shown"
                                                  : "is off");
}

static json_t *explain_argument(const struct config *config, struct mapper *mapper,
                                const char *argument)
{
    size_t length = strlen(argument);
    char *line = calloc(1, length + SLACK_BYTES);
    json_t *object = NULL;
    if (line) {
        memcpy(line, argument, length);
        object = explain_line(config, mapper, line, length);
    }
    free(line);
    return object;
}

static bool print_json(json_t *object)
{
    struct buffer out = {0};
    json_print(&out, object, 0);
    buffer_append_text(&out, "\n");
    if (!out.failed) {
        fwrite(out.bytes, 1, out.length, stdout);
    }
    bool printed = !out.failed;
    buffer_deinit(&out);
    return printed;
}

static int explain(const struct config *config, struct mapper *mapper, int count, char **lines,
                   bool json)
{
    for (int i = 0; i < count; i++) {
        json_t *object = explain_argument(config, mapper, lines[i]);
        bool printed = object != NULL;
        if (printed && json) {
            printed = print_json(object);
        } else if (printed) {
            fputs(i > 0 ? "\n" : "", stdout);
            print_explanation(config, object);
        }
        json_decref(object);
        if (!printed) {
            fprintf(stderr, "sigmactl explain: out of memory\n");
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

static struct config *load(const char *path, const char *dialect)
{
    char override[OVERRIDE_MAX];
    const char *const overrides[] = {override};
    struct config_sources sources = {.path = path,
                                     .overrides = overrides,
                                     .override_count = dialect != NULL,
                                     .environment = environ};
    snprintf(override, sizeof(override), "server.dialect=%s", dialect ? dialect : "");
    return config_load(&sources, stderr, NULL);
}

int command_explain(int argc, char **argv)
{
    const char *path = NULL, *dialect = NULL;
    bool json = false;
    const struct option_entry entries[] = {
        {"config", "FILE", "the server's (default: where sigmad looks)", OPTION_TEXT, &path, 0, 0},
        {"dialect", "D", "in place of the configuration's", OPTION_TEXT, &dialect, 0, 0},
        {"json", NULL, "one JSON object a line", OPTION_FLAG, &json, 0, 0},
    };
    const struct options options = {
        .command = "explain",
        .operands = "LINE...",
        .summary =
            "Tells what becomes of a line: what it parses to, its series with the tags in "
            "canonical\n"
            "order, and every name it comes out under, as a server with this configuration would\n"
            "have it that has seen nothing else; or why it is refused.",
        .example = "sigmactl explain 'api.requests:3|c|@0.1|#env:prod'",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    int first = options_parse(&options, argc, argv, &status);
    if (first < 0) {
        return status;
    }
    if (first == argc) {
        return options_refuse(&options, "which line?");
    }
    for (int i = first; i < argc; i++) {
        if (strlen(argv[i]) > LINE_BYTES_MAX) {
            return options_refuse(&options, "a line is longer than any datagram");
        }
    }
    struct config *config = load(path, dialect);
    if (!config) {
        return STATUS_FAILED;
    }
    struct mapper mapper = {0};
    const char *mapping = config->prometheus.mapping;
    if (mapping && !mapper_open(&mapper, mapping, "prometheus.mapping", stderr)) {
        status = STATUS_FAILED;
    } else {
        status = explain(config, &mapper, argc - first, argv + first, json);
    }
    mapper_close(&mapper);
    config_free(config);
    return status;
}
