/* SPDX-License-Identifier: MIT */
#include "server/net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST_MAX 256

/* getaddrinfo() would take an empty one for 0 and a larger one modulo 65,536. */
static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits >= 1 && digits <= 5 && text[digits] == '\0' && strtoul(text, NULL, 10) <= 65535;
}

/* Parts "[host]:port" or "host:port" at its last colon. */
static bool split(const char *text, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(text, ':');
    if (!colon) {
        return false;
    }
    size_t length = (size_t)(colon - text);
    *port = colon + 1;
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length >= HOST_MAX || !is_port(*port)) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    return true;
}

static bool has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    bool usable = bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0;
    close(fd);
    return usable;
}

bool address_resolve(const char *text, int socket_type, struct address *address, char *reason,
                     size_t reason_size)
{
    char host[HOST_MAX];
    const char *port;
    if (!split(text, host, &port)) {
        snprintf(reason, reason_size, "%s: not of the form host:port", text);
        return false;
    }
    *address = (struct address){.any = host[0] == '\0'};
    const char *node = !address->any ? host : has_ipv6() ? "::" : "0.0.0.0";
    struct addrinfo hints = {.ai_socktype = socket_type, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(node, port, &hints, &found);
    if (failed) {
        snprintf(reason, reason_size, "%s: %s", text, gai_strerror(failed));
        return false;
    }
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void format_path(const struct sockaddr_un *address, char out[ADDRESS_TEXT_MAX])
{
    size_t length = strnlen(address->sun_path, sizeof(address->sun_path));
    const size_t shown = ADDRESS_TEXT_MAX - sizeof("unix:");
    snprintf(out, ADDRESS_TEXT_MAX, length > 0 ? "unix:%.*s" : "unix",
             (int)(length < shown ? length : shown), address->sun_path);
}

void address_format(const struct sockaddr *sockaddr, char out[ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (sockaddr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sockaddr, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in.sin_port));
    } else if (sockaddr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sockaddr, sizeof(in6));
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], host, sizeof(host));
            snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in6.sin6_port));
        } else {
            inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
            snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(in6.sin6_port));
        }
    } else if (sockaddr->sa_family == AF_UNIX) {
        format_path((const struct sockaddr_un *)(const void *)sockaddr, out);
    } else {
        snprintf(out, ADDRESS_TEXT_MAX, "unknown");
    }
}

static bool reaches_ipv4(const struct address *address, const struct sockaddr_storage *bound)
{
    struct sockaddr_in to, own;
    memcpy(&to, &address->storage, sizeof(to));
    memcpy(&own, bound, sizeof(own));
    bool loopback = ntohl(to.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
    return to.sin_port == own.sin_port && (to.sin_addr.s_addr == own.sin_addr.s_addr ||
                                           (loopback && own.sin_addr.s_addr == htonl(INADDR_ANY)));
}

static bool reaches_ipv6(const struct address *address, const struct sockaddr_storage *bound)
{
    struct sockaddr_in6 to, own;
    memcpy(&to, &address->storage, sizeof(to));
    memcpy(&own, bound, sizeof(own));
    bool same = memcmp(&to.sin6_addr, &own.sin6_addr, sizeof(to.sin6_addr)) == 0;
    bool any = memcmp(&own.sin6_addr, &in6addr_any, sizeof(own.sin6_addr)) == 0;
    bool loopback = memcmp(&to.sin6_addr, &in6addr_loopback, sizeof(to.sin6_addr)) == 0;
    return to.sin6_port == own.sin6_port && (same || (any && loopback));
}

/* A socket for every IPv6 address may take IPv4 as well. */
static bool reaches_both(const struct address *address, const struct sockaddr_storage *bound)
{
    struct sockaddr_in to;
    struct sockaddr_in6 own;
    memcpy(&to, &address->storage, sizeof(to));
    memcpy(&own, bound, sizeof(own));
    bool loopback = ntohl(to.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
    bool any = memcmp(&own.sin6_addr, &in6addr_any, sizeof(own.sin6_addr)) == 0;
    return to.sin_port == own.sin6_port && any && loopback;
}

bool address_reaches(const struct address *address, const struct sockaddr_storage *bound)
{
    if (address->storage.ss_family == AF_INET && bound->ss_family == AF_INET) {
        return reaches_ipv4(address, bound);
    }
    if (address->storage.ss_family == AF_INET && bound->ss_family == AF_INET6) {
        return reaches_both(address, bound);
    }
    return address->storage.ss_family == AF_INET6 && bound->ss_family == AF_INET6 &&
           reaches_ipv6(address, bound);
}
