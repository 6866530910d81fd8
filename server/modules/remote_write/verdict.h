/* SPDX-License-Identifier: MIT
 *
 * What an answer means for the request. Only what may pass is tried again: a connection that did
 * not come to an answer, 5xx, and 429. On 400 the receiver has taken nothing of the request,
 * whichever series was at fault, and on 413 it is too large: it is cut in two, down to the one that
 * is refused. All else refuses the request for good. Pure.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_VERDICT_H
#define SERVER_MODULES_REMOTE_WRITE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

enum verdict { VERDICT_TAKEN, VERDICT_AGAIN, VERDICT_HALVE, VERDICT_LOST };

/* `status` of the HTTP answer, 0 where there was none; `series` in the request; `halvings` that may
 * still be done for the sake of its window. */
enum verdict verdict_of(long status, size_t series, unsigned halvings);

#endif
