/* SPDX-License-Identifier: MIT
 *
 * sigmactl profile: a CPU or heap profile of a running server, drawn as a flame graph. The server
 * names the addresses, from its own symbol tables, so that neither its binary nor addr2line is
 * needed here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/flame.h"
#include "tools/sigmactl/http_client.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/replace_file.h"
#include "tools/sigmactl/stacks.h"

#define TIMEOUT_S 30
#define SECONDS_MAX 300
#define BODY_SHOWN_MAX 200

/* Addresses in one question: the server takes 16 KiB for the head of a request. */
#define NAMES_AT_ONCE 500

struct wanted {
    struct endpoint server;
    uint64_t seconds;
    const char *svg, *raw;
    bool heap, folded;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sigmactl profile: %s: %s\n", what, why);
    return STATUS_FAILED;
}

/* True with an answer of 200; else it was told why not. */
static bool fetch(const struct wanted *wanted, const char *path, int timeout_s,
                  struct http_reply *reply)
{
    char reason[HTTP_CLIENT_REASON_MAX];
    if (!http_client_request(&wanted->server, HTTP_CLIENT_GET, path, timeout_s, reply, reason)) {
        fprintf(stderr, "sigmactl profile: cannot reach the server at %s port %s: %s\n",
                wanted->server.host, wanted->server.port, reason);
        return false;
    }
    if (reply->status != 200) {
        int shown = (int)strcspn(reply->body, "\r\n");
        fprintf(stderr, "sigmactl profile: %s port %s answered %d: %.*s\n", wanted->server.host,
                wanted->server.port, reply->status, shown < BODY_SHOWN_MAX ? shown : BODY_SHOWN_MAX,
                reply->body);
        http_reply_deinit(reply);
        return false;
    }
    return true;
}

/* Lines `ADDRESS<TAB>NAME`, in the order they were asked for. */
static bool take_names(char *body, char **names, size_t count)
{
    char *rest = body;
    for (size_t i = 0; i < count; i++) {
        char *line = strsep(&rest, "\n");
        char *tab = line ? strchr(line, '\t') : NULL;
        names[i] = tab ? strdup(tab + 1) : NULL;
        if (!names[i]) {
            return false;
        }
    }
    return true;
}

static bool fetch_names(const struct wanted *wanted, const uint64_t *addresses, char **names,
                        size_t count)
{
    struct buffer path = {0};
    struct http_reply reply;
    buffer_append_text(&path, "/debug/pprof/symbol?");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&path, "%s0x%llx", i > 0 ? "+" : "", (unsigned long long)addresses[i]);
    }
    buffer_append(&path, "", 1);
    bool right = !path.failed && fetch(wanted, path.bytes, TIMEOUT_S, &reply);
    if (right) {
        right = take_names(reply.body, names, count);
        if (!right) {
            fail("symbols", "the server's answer cannot be read");
        }
        http_reply_deinit(&reply);
    }
    buffer_deinit(&path);
    return right;
}

/* NULL after a fault, which was told. */
static char **name_all(const struct wanted *wanted, const uint64_t *addresses, size_t count)
{
    char **names = calloc(count + 1, sizeof(*names));
    for (size_t at = 0; names && at < count; at += NAMES_AT_ONCE) {
        size_t some = count - at < NAMES_AT_ONCE ? count - at : NAMES_AT_ONCE;
        if (!fetch_names(wanted, addresses + at, names + at, some)) {
            for (size_t i = 0; i < count; i++) {
                free(names[i]);
            }
            free(names);
            return NULL;
        }
    }
    return names;
}

static int write_file(const char *path, const char *bytes, size_t length)
{
    return replace_file(path, bytes, length) ? STATUS_OK : fail(path, strerror(errno));
}

static int draw(const struct wanted *wanted, const struct stacks *stacks, const struct call *root)
{
    char title[512];
    struct buffer out = {0};
    int status = STATUS_OK;
    snprintf(title, sizeof(title), "sigmad at %s port %s: %s", wanted->server.host,
             wanted->server.port, wanted->heap ? "heap in use" : "processor time");
    if (wanted->folded) {
        flame_write_folded(root, &out);
        fwrite(out.bytes ? out.bytes : "", 1, out.length, stdout);
        out.length = 0;
    }
    if (wanted->svg) {
        struct flame flame = {title, stacks->period_us};
        flame_write_svg(&flame, root, &out);
        status = out.failed ? fail("flame graph", "out of memory")
                            : write_file(wanted->svg, out.bytes, out.length);
    }
    buffer_deinit(&out);
    return status;
}

static int show(const struct wanted *wanted, const struct stacks *stacks)
{
    size_t count;
    uint64_t *addresses = stacks_addresses(stacks, &count);
    char **names = addresses ? name_all(wanted, addresses, count) : NULL;
    struct call *root = names ? stacks_tree(stacks, addresses, names, count) : NULL;
    int status = root ? draw(wanted, stacks, root) : STATUS_FAILED;
    if (root && stacks->count == 0) {
        fprintf(stderr, "sigmactl profile: no samples: the server was idle\n");
    }
    call_free(root);
    for (size_t i = 0; names && i < count; i++) {
        free(names[i]);
    }
    free(names);
    free(addresses);
    return status;
}

static int read_profile(const struct wanted *wanted, const struct http_reply *reply)
{
    struct stacks stacks;
    const char *fault;
    bool right = wanted->heap ? stacks_read_heap(&stacks, reply->body, reply->length, &fault)
                              : stacks_read_cpu(&stacks, reply->body, reply->length, &fault);
    int status = right ? show(wanted, &stacks) : fail("the answer", fault);
    stacks_deinit(&stacks);
    return status;
}

static int take(const struct wanted *wanted)
{
    char path[64];
    struct http_reply reply;
    snprintf(path, sizeof(path),
             wanted->heap ? "/debug/pprof/heap" : "/debug/pprof/profile?seconds=%llu",
             (unsigned long long)wanted->seconds);
    if (!fetch(wanted, path, TIMEOUT_S + (int)wanted->seconds, &reply)) {
        return STATUS_FAILED;
    }
    int status = wanted->raw ? write_file(wanted->raw, reply.body, reply.length) : STATUS_OK;
    if (status == STATUS_OK && (wanted->svg || wanted->folded)) {
        status = read_profile(wanted, &reply);
    }
    http_reply_deinit(&reply);
    return status;
}

int command_profile(int argc, char **argv)
{
    struct wanted wanted = {.seconds = 30};
    int status;
    endpoint_parse("127.0.0.1", ENDPOINT_TCP, OPTIONS_HTTP_PORT, &wanted.server);
    const struct option_entry entries[] = {
        {"server", "HOST:PORT", "HTTP of the running server (default 127.0.0.1:9102)",
         OPTION_SERVER, &wanted.server, 0, 0},
        {"seconds", "N", "how long to look (default 30)", OPTION_COUNT, &wanted.seconds, 1,
         SECONDS_MAX},
        {"heap", NULL, "what is allocated, instead of processor time ([profiling] heap)",
         OPTION_FLAG, &wanted.heap, 0, 0},
        {"o", "FILE", "where the flame graph goes, an SVG file (default profile.svg)", OPTION_TEXT,
         &wanted.svg, 0, 0},
        {"raw", "FILE", "the profile itself, for pprof", OPTION_TEXT, &wanted.raw, 0, 0},
        {"folded", NULL, "stacks on standard output, a line `a;b;c N` each", OPTION_FLAG,
         &wanted.folded, 0, 0},
    };
    const struct options options = {
        .command = "profile",
        .operands = "",
        .summary = "A CPU or heap profile of a running server ([profiling] enabled) as a flame "
                   "graph.",
        .example = "sigmactl profile --seconds 10 -o cpu.svg",
        .entries = entries,
        .count = sizeof(entries) / sizeof(*entries),
    };
    if (!options_parse_only(&options, argc, argv, &status)) {
        return status;
    }
    wanted.svg = wanted.svg || wanted.raw || wanted.folded ? wanted.svg : "profile.svg";
    return take(&wanted);
}
