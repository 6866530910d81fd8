/* SPDX-License-Identifier: MIT
 *
 * Makes the requests of a window: every series that /metrics would show, by the names and labels it
 * has there; counters, gauges and sets as values, timers as native histograms of all their samples.
 * Those that have gone since the window before are told to have ended.
 *
 * All samples of a window have one stamp, its end, and stamps rise whatever the clock does. A
 * counter or timer that is new begins with nothing at the start of its first window, so that
 * increase() sees what that window had.
 *
 * One thread at a time.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_ENCODER_H
#define SERVER_MODULES_REMOTE_WRITE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/mapping.h"
#include "server/metrics/snapshot.h"
#include "server/modules/remote_write/batch.h"

struct encoder;

/* NULL with the reason. The configuration may go afterwards. */
struct encoder *encoder_new(const struct config *config, char *reason, size_t reason_size);
void encoder_free(struct encoder *encoder);

/* Other rules for names, taken over: from the next window on. */
void encoder_map(struct encoder *encoder, struct mapper mapper);

/* The requests of a closed window, in the order in which they are to be sent; the caller's. False
 * where memory was out: the window is lost, the list empty. */
bool encoder_window(struct encoder *encoder, const struct snapshot *snapshot,
                    struct batch_list *made);

/* All series have ended; they belong to the latest window. */
bool encoder_end(struct encoder *encoder, struct batch_list *made);

#endif
