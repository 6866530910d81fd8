/* SPDX-License-Identifier: MIT
 *
 * Brings requests to one URL with libcurl, on an event loop that it never holds up: sockets and
 * waiting are events, names are looked up by a thread of libcurl's. HTTP POSTs, or mail where the
 * URL is that of a mail server. Connections are kept, redirects are not followed. One request at a
 * time. The event loop's thread. Built into each module that needs it; who gives a URL has checked
 * it (transfer_check_url()).
 */
#ifndef SERVER_MODULES_CURL_TRANSFER_H
#define SERVER_MODULES_CURL_TRANSFER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* An answer that goes on for longer is cut off: its status stands. */
#define TRANSFER_ANSWER_BYTES_MAX 65536

struct transfer_header {
    const char *name, *value; /* one without a value is left out */
};

enum transfer_tls {
    TRANSFER_TLS_OFFERED,  /* where the server offers it, over a network always with a password */
    TRANSFER_TLS_REQUIRED, /* nothing is sent without */
    TRANSFER_TLS_NEVER
};

struct transfer_mail {
    enum transfer_tls starttls; /* of smtp://; smtps:// is TLS from its first byte */
    const char *from;
    char *const *to;
    size_t to_count;
    const char *username, *password; /* NULL = none */
};

/* All of it may go once the transfer is made. */
struct transfer_options {
    struct event_base *base;
    const char *url;
    const struct transfer_header *headers; /* of HTTP, beside User-Agent */
    size_t header_count;
    /* Further ones, "Name: value"; they take the place of those of the same name above. */
    const struct config_strings *lines; /* NULL = none */
    const char *ca_file; /* certificates that are trusted, in place of the system's; NULL = those */
    const struct transfer_mail *mail; /* of a mail server, else NULL */
    uint64_t timeout_ms;
};

struct transfer_answer {
    bool taken;  /* the status is one of success */
    long status; /* of HTTP, or the reply code of a mail server; 0 = there was no answer */
    uint64_t retry_after_s; /* 0 = unsaid */
    uint64_t sent_bytes;    /* of the body */
    char reason[128];       /* why it was not taken: the start of the body, or libcurl's words */
};

/* Whether the same may be taken later: no answer, or one that says so (HTTP 408, 429 and 5xx; of
 * mail servers 4xx, RFC 5321, 4.2.1). */
bool transfer_may_pass(const struct transfer_answer *answer, bool mail);

typedef void transfer_done(void *context, const struct transfer_answer *answer);

struct transfer;

/* done() is called from the event loop once a request, never from transfer_send(). NULL without
 * memory. */
struct transfer *transfer_new(const struct transfer_options *options, transfer_done *done,
                              void *context);

/* Has the requests after the one under way made with these options; done() stays, and whether it is
 * a mail server. False without memory; then nothing has changed. */
bool transfer_renew(struct transfer *transfer, const struct transfer_options *options);

/* Ends a request under way without a word. NULL is allowed. */
void transfer_free(struct transfer *transfer);

/* The bytes stay the caller's and must be there until done(). False where it cannot begin. */
bool transfer_send(struct transfer *transfer, const char *bytes, size_t length);

/* Whether it is the URL of an HTTP server, or of a mail server. */
bool transfer_check_url(const char *url, bool mail);

/* Whether it names a user or holds a password, which would rather be in a file. */
bool transfer_url_has_user(const char *url);

/* Whether its host is this one, so that what it is told crosses no network. */
bool transfer_url_is_loopback(const char *url);

/* Whether a file has certificates (PEM); false with what is wrong with it in words. NULL, which is
 * the system's, is right. */
bool transfer_check_ca_file(const char *path, char *why, size_t why_size);

#endif
