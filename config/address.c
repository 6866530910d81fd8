/* SPDX-License-Identifier: MIT
 *
 * Splits an address at its last colon and judges both halves. A host made of digits and dots only
 * is meant as IPv4, so that 127.0.0.300 is a fault here and not a failing name lookup at start.
 */
#include "config/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 253 /* a name in the DNS, RFC 1035 without its root dot */
#define LABEL_MAX 63 /* a part of it */
#define PORT_LARGEST 65535

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits >= 1 && digits <= 5 && text[digits] == '\0' && atoi(text) <= PORT_LARGEST;
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Labels of letters, digits, '-' and '_', none empty; a closing root dot is allowed. */
static bool is_host_name(const char *host)
{
    size_t label = 0;
    for (const char *at = host; *at; at++) {
        if (*at == '.' ? label == 0 : !is_host_character(*at))
            return false;
        label = *at == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return false;
    }
    return true;
}

/* The text between the brackets, with an optional zone (fe80::1%eth0). */
static bool is_ipv6(const char *host)
{
    char numeric[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t length = strcspn(host, "%");
    if (length >= sizeof(numeric))
        return false;
    if (host[length] == '%') {
        size_t zone = strlen(host + length + 1);
        if (zone == 0 || zone >= IF_NAMESIZE || strpbrk(host + length + 1, "%/ \t"))
            return false;
    }
    memcpy(numeric, host, length);
    numeric[length] = '\0';
    return inet_pton(AF_INET6, numeric, &address) == 1;
}

static const char *host_fault(char *host, size_t length)
{
    struct in_addr address;
    if (host[0] == '[') {
        if (length < 2 || host[length - 1] != ']')
            return "has an IPv6 address without its ]";
        host[length - 1] = '\0';
        return is_ipv6(host + 1) ? NULL : "is no IPv6 address";
    }
    if (strchr(host, ':'))
        return "needs brackets around its IPv6 address, as in [::1]:8125";
    if (length > 0 && strspn(host, "0123456789.") == length)
        return inet_pton(AF_INET, host, &address) == 1 ? NULL : "is no IPv4 address";
    return is_host_name(host) ? NULL : "is no host name";
}

const char *config_address_fault(const char *text)
{
    char host[HOST_MAX + 1];
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');
    if (!colon || (bracket && colon < bracket))
        return "has no port; write HOST:PORT";
    if (!is_port(colon + 1))
        return "has a port that is no number from 0 to 65535";
    size_t length = (size_t)(colon - text);
    if (length >= sizeof(host))
        return "is too long";
    memcpy(host, text, length);
    host[length] = '\0';
    return host_fault(host, length);
}

bool config_address_picks_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    return colon && atoi(colon + 1) == 0;
}
