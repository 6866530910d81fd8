/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "config/address.h"

static const struct scheme {
    const char *name;
    enum endpoint_transport transport;
} schemes[] = {
    {"udp", ENDPOINT_UDP},
    {"tcp", ENDPOINT_TCP},
    {"unix", ENDPOINT_UNIX},
    {"unix-stream", ENDPOINT_UNIX_STREAM},
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static const struct scheme *find_scheme(const char *text, size_t length)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        if (strlen(schemes[i].name) == length && memcmp(schemes[i].name, text, length) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

/* The short form, as in `tcp:host:port` and `unix:/path`: a scheme before what could not be read
 * without. Returns its length with the colon, 0 where there is none; `udp:8125` is a host. */
static size_t short_scheme_length(const char *text)
{
    size_t word = strcspn(text, ":");
    bool more = text[word] == ':' && (text[word + 1] == '/' || strchr(text + word + 1, ':'));
    return more && find_scheme(text, word) ? word + 1 : 0;
}

static bool is_path_transport(enum endpoint_transport transport)
{
    return transport == ENDPOINT_UNIX || transport == ENDPOINT_UNIX_STREAM;
}

static const char *parse_path(const char *text, struct endpoint *endpoint)
{
    struct sockaddr_un address;
    if (text[0] != '/') {
        return "has no absolute path; write unix:///PATH";
    }
    if (strlen(text) >= sizeof(address.sun_path)) {
        return "has a path longer than a Unix socket may have";
    }
    snprintf(endpoint->host, sizeof(endpoint->host), "%s", text);
    endpoint->port[0] = '\0';
    return NULL;
}

/* A lone host has no colon, or is an IPv6 address that ends in its bracket. */
static bool lacks_port(const char *text)
{
    size_t length = strlen(text);
    return strchr(text, ':') ? text[0] == '[' && text[length - 1] == ']' : true;
}

static const char *parse_host_and_port(const char *text, const char *port,
                                       struct endpoint *endpoint)
{
    char whole[ENDPOINT_TEXT_MAX];
    int length = snprintf(whole, sizeof(whole), lacks_port(text) ? "%s:%s" : "%s", text, port);
    if (length < 0 || (size_t)length >= sizeof(whole)) {
        return "is too long";
    }
    const char *fault = config_address_fault(whole);
    if (fault) {
        return fault;
    }
    if (config_address_picks_port(whole)) {
        return "has port 0, to which nothing can be sent";
    }
    char *colon = strrchr(whole, ':');
    *colon = '\0';
    bool bracketed = whole[0] == '[';
    if (bracketed) {
        colon[-1] = '\0';
    }
    const char *host = whole[0] ? whole + bracketed : "127.0.0.1";
    snprintf(endpoint->host, sizeof(endpoint->host), "%s", host);
    snprintf(endpoint->port, sizeof(endpoint->port), "%s", colon + 1);
    return NULL;
}

const char *endpoint_parse(const char *text, enum endpoint_transport transport, const char *port,
                           struct endpoint *endpoint)
{
    if (text[0] == '\0') {
        return "is empty";
    }
    const char *mark = strstr(text, "://");
    if (mark) {
        const struct scheme *scheme = find_scheme(text, (size_t)(mark - text));
        if (!scheme) {
            return "has a scheme other than udp, tcp, unix, unix-stream";
        }
        transport = scheme->transport;
        text = mark + strlen("://");
    } else if (short_scheme_length(text) > 0) {
        size_t length = short_scheme_length(text);
        transport = find_scheme(text, length - 1)->transport;
        text += length;
    }
    endpoint->transport = transport;
    return is_path_transport(transport) ? parse_path(text, endpoint)
                                        : parse_host_and_port(text, port, endpoint);
}

bool endpoint_is_stream(const struct endpoint *endpoint)
{
    return endpoint->transport == ENDPOINT_TCP || endpoint->transport == ENDPOINT_UNIX_STREAM;
}

void endpoint_format(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_MAX])
{
    const char *scheme = schemes[0].name;
    for (size_t i = 0; i < SCHEMES; i++) {
        if (schemes[i].transport == endpoint->transport) {
            scheme = schemes[i].name;
        }
    }
    if (is_path_transport(endpoint->transport)) {
        snprintf(out, ENDPOINT_TEXT_MAX, "%s://%s", scheme, endpoint->host);
    } else {
        bool brackets = strchr(endpoint->host, ':') != NULL;
        snprintf(out, ENDPOINT_TEXT_MAX, "%s://%s%s%s:%s", scheme, brackets ? "[" : "",
                 endpoint->host, brackets ? "]" : "", endpoint->port);
    }
}
