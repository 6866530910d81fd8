/* SPDX-License-Identifier: MIT
 *
 * sigmactl import: reads the configuration of another server, finds out whose it is, and prints the
 * statsd.ini.
 */
#include "tools/sigmactl/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/import_literal.h"
#include "tools/sigmactl/options.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define WORDS_MAX 256

const char *import_text(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

double import_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    double number;
    if (text && number_parse(text, strlen(text), &number)) {
        return number;
    }
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static bool read_file(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "rbe");
    char *room = file ? buffer_room(text, FILE_BYTES_MAX + 1) : NULL;
    if (room) {
        text->length = fread(room, 1, FILE_BYTES_MAX + 1, file);
    }
    const char *why = !file                              ? strerror(errno)
                      : !room                            ? "out of memory"
                      : ferror(file)                     ? strerror(errno)
                      : text->length > FILE_BYTES_MAX    ? "is too large for a configuration"
                      : memchr(room, '\0', text->length) ? "is no text"
                                                         : NULL;
    if (file) {
        fclose(file);
    }
    if (why) {
        fprintf(stderr, "sigmactl import: %s: %s\n", path, why);
    }
    return !why;
}

/* Whether the text, behind blanks and comments, begins with a brace. A command line may have
 * comments of `#`. */
static bool is_object(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '{') {
            return true;
        }
        if (i + 1 < length && text[i] == '/' && text[i + 1] == '*') {
            const char *stop = memmem(text + i, length - i, "*/", 2);
            i = stop ? (size_t)(stop - text) + 1 : length;
        } else if (i + 1 < length && text[i] == '/' && text[i + 1] == '/') {
            const char *stop = memchr(text + i, '\n', length - i);
            i = stop ? (size_t)(stop - text) : length;
        } else if (!strchr(" \t\r\n\xEF\xBB\xBF", text[i])) {
            return false;
        }
    }
    return false;
}

static bool import_object(const char *path, const struct buffer *text, const char **whose,
                          struct draft *draft)
{
    struct buffer skipped = {0};
    struct literal_fault fault;
    json_t *config = literal_read(text->bytes, text->length, &skipped, &fault);
    if (!config) {
        fprintf(stderr, "sigmactl import: %s:%u: %s\n", path, fault.line, fault.reason);
        buffer_deinit(&skipped);
        return false;
    }
    bool brubeck = import_is_brubeck(config);
    *whose = brubeck ? "brubeck" : "etsy statsd";
    (brubeck ? import_brubeck : import_etsy)(config, draft);
    for (size_t at = 0; at < skipped.length;) {
        const char *line = skipped.bytes + at;
        const char *end = memchr(line, '\n', skipped.length - at);
        size_t length = end ? (size_t)(end - line) : skipped.length - at;
        draft_remark(draft, "%.*s: an expression, whose value has to be set by hand", (int)length,
                     line);
        at += length + 1;
    }
    json_decref(config);
    buffer_deinit(&skipped);
    return true;
}

/* Parts the text in place as a shell would: quotes hold blanks together, a backslash at the end of
 * a line continues it, # begins a comment. Returns how many words there are. */
static size_t split_words(char *text, char **words)
{
    size_t count = 0;
    for (char *at = text; *at && count < WORDS_MAX;) {
        at += strspn(at, " \t\r\n");
        if (*at == '#') {
            at += strcspn(at, "\n");
            continue;
        }
        char *out = at, *word = at, quote = '\0';
        while (*at && (quote || !strchr(" \t\r\n", *at))) {
            if (*at == '\\' && at[1] && quote != '\'') {
                at++;
                *out = *at;
                out += *at != '\n';
            } else if (quote ? *at == quote : strchr("\"'", *at) != NULL) {
                quote = quote ? '\0' : *at;
            } else {
                *out++ = *at;
            }
            at++;
        }
        at += *at != '\0';
        *out = '\0';
        if (out > word) {
            words[count++] = word;
        }
    }
    return count;
}

static bool import_words(const char *path, struct buffer *text, struct draft *draft)
{
    char *words[WORDS_MAX];
    bool flags = false;
    buffer_append(text, "", 1);
    size_t count = text->failed ? 0 : split_words(text->bytes, words);
    for (size_t i = 0; i < count; i++) {
        flags = flags || strncmp(words[i], "--", 2) == 0;
    }
    if (!flags && !(count == 1 && strstr(words[0], "statsd_exporter"))) {
        fprintf(stderr,
                "sigmactl import: %s: is neither a configuration of etsy statsd or brubeck, which "
                "begins with {, nor a command line of statsd_exporter\n",
                path);
        return false;
    }
    import_exporter(words, count, draft);
    return true;
}

static bool import(const char *path, struct buffer *text, struct draft *draft)
{
    const char *whose = "statsd_exporter";
    bool object = is_object(text->bytes, text->length);
    if (!(object ? import_object(path, text, &whose, draft) : import_words(path, text, draft))) {
        return false;
    }
    printf("; From %s, a configuration of %s; sigmad --check -c FILE checks it.\n", path, whose);
    if (!draft_write(draft, stdout)) {
        fprintf(stderr, "sigmactl import: out of memory\n");
        return false;
    }
    return true;
}

static struct draft draft; /* too large for the stack */

int command_import(int argc, char **argv)
{
    const struct options options = {
        .command = "import",
        .operands = "FILE",
        .summary = "Prints the statsd.ini that takes the place of another server, from its "
                   "configuration:\n"
                   "config.js of etsy statsd, the JSON of brubeck, or a file that holds the "
                   "command line of\n"
                   "statsd_exporter, whose mapping file is used as it is. What has no counterpart "
                   "is listed\n"
                   "in comments, with the reason.",
        .example = "sigmactl import /etc/statsd/config.js > statsd.ini\n"
                   "systemctl cat statsd-exporter | grep -o 'statsd_exporter .*' > line\n"
                   "sigmactl import line > statsd.ini",
        .entries = NULL,
        .count = 0,
    };
    int status;
    const char *path = options_parse_operand(&options, argc, argv, "file", &status);
    if (!path) {
        return status;
    }
    struct buffer text = {0};
    bool done = read_file(path, &text) && import(path, &text, &draft);
    buffer_deinit(&text);
    draft_deinit(&draft);
    return done ? STATUS_OK : STATUS_FAILED;
}
