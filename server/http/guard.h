/* SPDX-License-Identifier: MIT
 *
 * Who may ask: judges the Host and Origin of a request and the right to administer. It keeps web
 * pages out, the ones that reach a local server through a name of their own (DNS rebinding) or send
 * requests across origins; it is no protection against programs, which write any header. Functions
 * of their arguments.
 */
#ifndef SERVER_HTTP_GUARD_H
#define SERVER_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* The two halves of `host:port` or `[v6]:port`; the host without brackets. */
struct authority {
    const char *host;
    size_t host_length;
    unsigned port; /* 0 = none was given */
    bool literal;  /* an IP address */
    bool loopback; /* of 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, or "localhost" */
};

/* False when the text is no authority: no host, illegal characters, a bad port. */
bool authority_parse(const char *text, struct authority *authority);

struct guard {
    bool loopback_only;                  /* every listener is on loopback */
    const char *host_name;               /* of this machine */
    const struct config_strings *listen; /* http.listen */
};

struct guard_request {
    const char *host;   /* NULL = no such header */
    const char *origin; /* likewise */
    bool host_needed;   /* HTTP/1.1 */
    bool administers;   /* may change something on the word of its origin alone */
};

/* Returns 0 when the request may go on, else 400 or 403 with the reason in *reason, a constant.
 *
 * Bound to loopback only, the host must be loopback. Bound elsewhere, any host will do for reading,
 * since scrapers use whatever name their network gives; an administering request must use an
 * address, `localhost`, this machine's name or one that is listened on. An origin must be that of
 * the host. */
int guard_check(const struct guard *guard, const struct guard_request *request,
                const char **reason);

/* Returns 0 when a request from `peer` (an IP address) with this Authorization header (NULL = none)
 * may administer, else 401 or 403 with the reason. Tokens are compared in constant time. */
int guard_check_admin(enum config_admin admin, const char *token, const char *peer,
                      const char *authorization, const char **reason);

#endif
