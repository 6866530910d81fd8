/* SPDX-License-Identifier: MIT
 *
 * POSTs requests to one URL with libcurl, on an event loop that it never holds up: sockets and
 * waiting are events, names are looked up by a thread of libcurl's. Connections are kept. One
 * request at a time. The event loop's thread.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_TRANSPORT_H
#define SERVER_MODULES_REMOTE_WRITE_TRANSPORT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport_options {
    struct event_base *base;
    const char *url, *tenant, *token; /* may go afterwards; NULL or "" = none, but for url */
    uint64_t timeout_ms;
};

struct transport_answer {
    long status;            /* of HTTP; 0 = there was no answer */
    uint64_t retry_after_s; /* 0 = unsaid */
    uint64_t sent_bytes;    /* of the body */
    char reason[128];       /* why it was not taken: the start of the body, or libcurl's words */
};

typedef void transport_done(void *context, const struct transport_answer *answer);

struct transport;

/* done() is called from the event loop once a request, never from transport_post(). NULL with the
 * reason. */
struct transport *transport_new(const struct transport_options *options, transport_done *done,
                                void *context, char *reason, size_t reason_size);
void transport_free(struct transport *transport);

/* The bytes stay the caller's and must be there until done(). False where it cannot begin. */
bool transport_post(struct transport *transport, const char *bytes, size_t length);

/* Whether new() would take the URL. */
bool transport_check_url(const char *url, char *reason, size_t reason_size);

#endif
