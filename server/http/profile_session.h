/* SPDX-License-Identifier: MIT
 *
 * One profiling session at a time: begun by a request that waits for its end, or by one and ended
 * by another. While it lasts, the processor time of each thread and the stages of each flush are
 * added up. The loop is never held up: a timer ends it. Main thread.
 */
#ifndef SERVER_HTTP_PROFILE_SESSION_H
#define SERVER_HTTP_PROFILE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/metrics/stages.h"

struct event_base;
struct evhttp_request;
struct http_server;
struct profile_session;

#define PROFILE_SECONDS_MAX 300
#define PROFILE_SECONDS_USUAL 30

/* NULL without memory. */
struct profile_session *profile_session_new(struct http_server *server, struct event_base *base);
void profile_session_free(struct profile_session *session);

/* Begins a session of so many seconds, after which `request` is answered with the profile; it may
 * be NULL: then the profile is kept. False with the reason, and the request stays the caller's. */
bool profile_session_start(struct profile_session *session, struct evhttp_request *request,
                           unsigned seconds, char *reason, size_t reason_size);

/* Ends a session that no request waits for. False where there is none. */
bool profile_session_stop(struct profile_session *session);

/* Appends the report of the latest session that has ended, as JSON. False where there is none. */
bool profile_session_report(const struct profile_session *session, struct buffer *out);

/* The profile of the same; empty where there is none, or a request has taken it. */
const struct buffer *profile_session_profile(const struct profile_session *session);

/* A window was closed. */
void profile_session_add(struct profile_session *session, const struct flush_stages *stages);

/* The connection of the request is gone: the session it began ends with it. NULL is allowed. */
void profile_session_forget(struct profile_session *session, const struct evhttp_request *request);

/* Ends what there is, and answers who waits with 503 and the reason. NULL is allowed. */
void profile_session_refuse(struct profile_session *session, const char *reason);

#endif
