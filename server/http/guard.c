/* SPDX-License-Identifier: MIT */
#include "server/http/guard.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_LARGEST 65535
#define HOST_MAX 253

static bool is_loopback_v4(const unsigned char *address)
{
    return address[0] == 127;
}

static bool is_loopback_v6(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && is_loopback_v4(address->s6_addr + 12));
}

/* Writes whether `host` is an IP address, and one of loopback. */
static void judge_literal(const char *host, bool *literal, bool *loopback)
{
    struct in_addr v4;
    struct in6_addr v6;
    *literal = true;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        *loopback = is_loopback_v4((const unsigned char *)&v4);
    } else if (inet_pton(AF_INET6, host, &v6) == 1) {
        *loopback = is_loopback_v6(&v6);
    } else {
        *literal = *loopback = false;
    }
}

static bool parse_port(const char *text, unsigned *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits > 5 || text[digits] != '\0') {
        return false;
    }
    *port = (unsigned)atoi(text);
    return *port <= PORT_LARGEST;
}

static bool is_name(const char *host, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char byte = host[i];
        bool legal = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
        if (!legal) {
            return false;
        }
    }
    return length > 0 && length <= HOST_MAX && host[0] != '.';
}

static bool is_text(const struct authority *authority, const char *text)
{
    return authority->host_length == strlen(text) &&
           strncasecmp(authority->host, text, authority->host_length) == 0;
}

bool authority_parse(const char *text, struct authority *authority)
{
    bool bracket = text[0] == '[';
    const char *host = text + bracket;
    size_t length = strcspn(host, bracket ? "]" : ":");
    const char *rest = host + length;
    char copy[HOST_MAX + 1];
    if (length > HOST_MAX || (bracket && *rest++ != ']') || (*rest != '\0' && *rest != ':')) {
        return false;
    }
    *authority = (struct authority){.host = host, .host_length = length};
    if (*rest == ':' && !parse_port(rest + 1, &authority->port)) {
        return false;
    }
    memcpy(copy, host, length);
    copy[length] = '\0';
    judge_literal(copy, &authority->literal, &authority->loopback);
    authority->loopback |= is_text(authority, "localhost");
    return bracket ? authority->literal : is_name(host, length);
}

/* http.listen holds `host:port`; ":port" has no host and matches nothing. */
static bool is_listened_on(const struct guard *guard, const struct authority *host)
{
    for (size_t i = 0; i < guard->listen->count; i++) {
        struct authority listened;
        if (authority_parse(guard->listen->items[i], &listened) &&
            listened.host_length == host->host_length &&
            strncasecmp(listened.host, host->host, host->host_length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_own_host(const struct guard *guard, const struct authority *host)
{
    return host->literal || host->loopback || is_text(host, guard->host_name) ||
           is_listened_on(guard, host);
}

/* `scheme://authority`, of which the authority must be the host's; a port left out is the scheme's.
 */
static bool is_own_origin(const char *origin, const struct authority *host)
{
    bool tls = strncasecmp(origin, "https://", 8) == 0;
    struct authority from;
    if ((!tls && strncasecmp(origin, "http://", 7) != 0) ||
        !authority_parse(origin + (tls ? 8 : 7), &from)) {
        return false;
    }
    unsigned usual = tls ? 443 : 80;
    return from.host_length == host->host_length &&
           strncasecmp(from.host, host->host, host->host_length) == 0 &&
           (from.port ? from.port : usual) == (host->port ? host->port : usual);
}

static int refuse(int code, const char *text, const char **reason)
{
    *reason = text;
    return code;
}

int guard_check(const struct guard *guard, const struct guard_request *request, const char **reason)
{
    struct authority host;
    if (!request->host) {
        return request->host_needed || request->origin
                   ? refuse(400, "the request has no Host header", reason)
                   : 0;
    }
    if (!authority_parse(request->host, &host)) {
        return refuse(400, "the Host header is no host and port", reason);
    }
    if (guard->loopback_only && !host.loopback) {
        return refuse(403, "the server listens on loopback only and does not answer to this Host",
                      reason);
    }
    if (request->administers && !is_own_host(guard, &host)) {
        return refuse(403, "the Host is not one of this server's names", reason);
    }
    if (request->origin && !is_own_origin(request->origin, &host)) {
        return refuse(403, "the Origin is a foreign one", reason);
    }
    return 0;
}

static bool is_loopback_peer(const char *peer)
{
    bool literal;
    bool loopback;
    judge_literal(peer, &literal, &loopback);
    return literal && loopback;
}

/* Takes time by the length of what was sent alone, so that a guess learns nothing about the token.
 */
static bool same_secret(const char *token, const char *sent)
{
    size_t token_length = strlen(token);
    size_t sent_length = strlen(sent);
    unsigned difference = token_length != sent_length;
    for (size_t i = 0; i < sent_length; i++) {
        size_t at = token_length > 0 ? i % token_length : 0;
        difference |= (unsigned)((unsigned char)token[at] ^ (unsigned char)sent[i]);
    }
    return difference == 0;
}

static int check_token(const char *token, const char *authorization, const char **reason)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0) {
        return refuse(401, "a bearer token is needed", reason);
    }
    const char *sent = authorization + strlen(scheme);
    sent += strspn(sent, " ");
    return token && *token && same_secret(token, sent)
               ? 0
               : refuse(401, "the bearer token is wrong", reason);
}

int guard_check_admin(enum config_admin admin, const char *token, const char *peer,
                      const char *authorization, const char **reason)
{
    switch (admin) {
    case ADMIN_LOOPBACK:
        return is_loopback_peer(peer)
                   ? 0
                   : refuse(403, "http.admin = loopback: only this machine may do that", reason);
    case ADMIN_TOKEN:
        return check_token(token, authorization, reason);
    default:
        return refuse(403, "http.admin = off", reason);
    }
}
