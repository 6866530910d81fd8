/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/explain_outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/exposition.h"
#include "server/sink/blocks.h"
#include "server/sink/csv_rows.h"
#include "server/sink/graphite_lines.h"
#include "tools/sigmactl/json_text.h"

#define FILE_NAME_MAX 64
#define COLUMN_MAX 64

/* Appends a quoted field, whose opening quote is at `from`, without its quotes. Returns where it
 * ends. */
static const char *append_quoted(struct buffer *field, const char *from, const char *end)
{
    from++;
    while (from < end && (*from != '"' || (from + 1 < end && from[1] == '"'))) {
        from += *from == '"';
        buffer_append(field, from++, 1);
    }
    return from < end ? from + 1 : end;
}

/* The field at *at of a line of RFC 4180; *at moves behind it and its comma. */
static json_t *next_field(const char **at, const char *end)
{
    struct buffer field = {0};
    const char *stop;
    if (*at < end && **at == '"') {
        stop = append_quoted(&field, *at, end);
    } else {
        stop = memchr(*at, ',', (size_t)(end - *at));
        stop = stop ? stop : end;
        buffer_append(&field, *at, (size_t)(stop - *at));
    }
    *at = stop < end ? stop + 1 : end;
    json_t *text =
        field.failed ? NULL : json_text(field.length > 0 ? field.bytes : "", field.length);
    buffer_deinit(&field);
    return text;
}

/* Both lines without their LF. */
static json_t *row_object(const char *header, const char *header_end, const char *row,
                          const char *row_end)
{
    json_t *object = json_object();
    while (object && header < header_end) {
        char column[COLUMN_MAX];
        const char *comma = memchr(header, ',', (size_t)(header_end - header));
        size_t length = (size_t)((comma ? comma : header_end) - header);
        snprintf(column, sizeof(column), "%.*s", (int)length, header);
        if (json_object_set_new(object, column, next_field(&row, row_end)) != 0) {
            json_decref(object);
            return NULL;
        }
        header += length + 1;
    }
    return object;
}

static bool add_file(json_t *files, const struct config *config, const struct snapshot *snapshot,
                     enum csv_kind kind)
{
    struct buffer text = {0};
    csv_rows_header(kind, config->flush.percentiles.items, config->flush.percentiles.count, &text);
    size_t header_length = text.length;
    csv_rows_render(kind, snapshot, 0, SIZE_MAX, &text);
    bool added = !text.failed;
    for (size_t at = header_length; added && at < text.length;) {
        const char *row = text.bytes + at;
        size_t length = (size_t)((const char *)memchr(row, '\n', text.length - at) - row);
        char name[FILE_NAME_MAX];
        snprintf(name, sizeof(name), "%s.csv", csv_kind_name(kind));
        json_t *object = row_object(text.bytes, text.bytes + header_length - 1, row, row + length);
        added = object && json_array_append_new(
                              files, json_pack("{s:s, s:o}", "file", name, "row", object)) == 0;
        at += length + 1;
    }
    buffer_deinit(&text);
    return added;
}

json_t *explain_csv(const struct config *config, const struct snapshot *snapshot)
{
    json_t *files = json_array();
    for (int i = 0; files && config->csv.directory && i < CSV_KINDS; i++) {
        if (!add_file(files, config, snapshot, (enum csv_kind)i)) {
            json_decref(files);
            return NULL;
        }
    }
    return files;
}

/* A line `# TYPE name type`. */
static bool add_family(json_t *families, const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length);
    size_t name_length = blank ? (size_t)(blank - line) : length;
    json_t *name = json_stringn(line, name_length);
    json_t *type = blank ? json_stringn(blank + 1, length - name_length - 1) : json_string("");
    json_t *family = json_pack("{s:o, s:o, s:[]}", "family", name, "type", type, "samples");
    return family && json_array_append_new(families, family) == 0;
}

/* A line `name{labels} value`; values have no blank. */
static bool add_sample(json_t *families, const char *line, size_t length)
{
    json_t *family = json_array_get(families, json_array_size(families) - 1);
    const char *blank = memrchr(line, ' ', length);
    json_t *name = json_text(line, blank ? (size_t)(blank - line) : length);
    return name && json_array_append_new(json_object_get(family, "samples"), name) == 0;
}

static bool add_line(json_t *families, const char *line, size_t length)
{
    static const char type[] = "# TYPE ";
    if (length > strlen(type) && memcmp(line, type, strlen(type)) == 0) {
        return add_family(families, line + strlen(type), length - strlen(type));
    }
    return length == 0 || *line == '#' || add_sample(families, line, length);
}

static json_t *read_exposition(const struct body *body)
{
    json_t *families = json_array();
    for (size_t at = 0; families && at < body->length;) {
        const char *line = body->bytes + at;
        const char *end = memchr(line, '\n', body->length - at);
        size_t length = end ? (size_t)(end - line) : body->length - at;
        if (!add_line(families, line, length)) {
            json_decref(families);
            return NULL;
        }
        at += length + 1;
    }
    return families;
}

/* The rules are the exposition's own from then on. */
static bool map(struct exposition *exposition, const char *path)
{
    struct mapper mapper;
    if (path && !mapper_open(&mapper, path, "prometheus.mapping", stderr)) {
        return false;
    }
    if (path) {
        exposition_map(exposition, mapper);
    }
    return true;
}

json_t *explain_prometheus(const struct config *config, const struct snapshot *snapshot,
                           bool totals)
{
    if (config->http.listen.count == 0) {
        return json_array();
    }
    struct exposition *exposition = exposition_new(config, totals);
    bool mapped = exposition && map(exposition, config->prometheus.mapping);
    struct body *body = mapped ? exposition_render(exposition, snapshot, FORMAT_TEXT) : NULL;
    json_t *families = body ? read_exposition(body) : NULL;
    body_unref(body);
    exposition_free(exposition);
    return families;
}

static bool add_paths(json_t *paths, const struct block *block)
{
    bool added = true;
    for (size_t at = 0; added && at < block->length;) {
        const char *line = block->bytes + at;
        const char *end = memchr(line, '\n', block->length - at);
        size_t length = end ? (size_t)(end - line) : block->length - at;
        const char *blank = memchr(line, ' ', length);
        added = json_array_append_new(
                    paths, json_text(line, blank ? (size_t)(blank - line) : length)) == 0;
        at += length + 1;
    }
    return added;
}

/* The last line is the server's own. */
static json_t *read_paths(const struct blocks *window)
{
    json_t *paths = json_array();
    bool added = paths != NULL && !window->failed;
    for (const struct block *block = window->first; added && block; block = block->next) {
        added = add_paths(paths, block);
    }
    if (!added) {
        json_decref(paths);
        return NULL;
    }
    if (json_array_size(paths) > 0) {
        json_array_remove(paths, json_array_size(paths) - 1);
    }
    return paths;
}

json_t *explain_graphite(const struct config *config, const struct snapshot *snapshot)
{
    if (config->graphite.addresses.count == 0) {
        return json_array();
    }
    struct config plain = *config;
    struct blocks window = {0};
    plain.graphite.protocol = GRAPHITE_PLAINTEXT;
    struct graphite_lines *lines = graphite_lines_new(&plain);
    json_t *paths = NULL;
    if (lines) {
        graphite_lines_render(lines, snapshot, &window);
        paths = read_paths(&window);
    }
    blocks_deinit(&window);
    graphite_lines_free(lines);
    return paths;
}

json_t *explain_mapping(struct mapper *mapper, const struct identity *identity)
{
    static const char *const words[] = {
        [MAPPING_NONE] = "none", [MAPPING_MAPPED] = "mapped", [MAPPING_DROPPED] = "dropped"};
    struct mapping_answer *answer = calloc(1, sizeof(*answer));
    json_t *said = NULL;
    if (answer && mapper->module->map(mapper->mapping, (enum statsd_type)identity->type,
                                      identity_name(identity), identity->name_length, answer)) {
        said = json_pack("{s:s}", "outcome", words[answer->outcome]);
    }
    if (said && answer->outcome != MAPPING_NONE) {
        const struct mapping_rule *rule = &mapper->mapping->rules[answer->rule];
        json_object_set_new(said, "line", json_integer(rule->line));
        json_object_set_new(said, "match", json_text(rule->match, strlen(rule->match)));
    }
    if (answer) {
        mapping_answer_deinit(answer);
    }
    free(answer);
    return said;
}
