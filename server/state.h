/* SPDX-License-Identifier: MIT
 *
 * What survives a restart, in one file (state_text.h). Parts hand over their sections whenever
 * something in them has changed; a thread of its own writes the file, since a disk may hang, and
 * swaps it in whole (written beside it, synced, renamed). It is shown with
 * the outputs, aside from those of the figures: what fails is tried again, counted and told of, and
 * holds up nobody.
 *
 * Nothing is written, no folder made and no lock taken before there is something to keep. Two
 * servers do not share the folder of the file: who comes second keeps nothing, and says so.
 */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include <stddef.h>

#include "server/core/buffer.h"
#include "server/sink/sink.h"

struct state;

/* Reads the file, where there is one, and begins the thread. A file that cannot be read, or not all
 * of it, is set aside as PATH.bad, which is logged; known is what was sound. `locked` is a folder
 * that the caller has locked, or NULL. NULL without memory or a thread. */
struct state *state_new(const char *path, const char *locked, sink_notify *notify, void *context);

/* The state as a sink, which is to be stopped; that frees the state. */
struct sink *state_sink(struct state *state);

/* What the file had of a section when it was read; empty where it had none. Valid until the first
 * state_keep(). */
struct state_span {
    const char *text;
    size_t length;
};
struct state_span state_known(struct state *state, const char *section);

/* The section was not what its part has written: the file is set aside as well. */
void state_refuse(struct state *state, const char *section);

/* Makes lines of what a part handed over, and lets go of what that holds; `lines` is NULL where
 * nobody wants them any more. Called once, mostly on the state's thread. */
typedef void state_render(const struct buffer *kept, struct buffer *lines);

/* Any thread, never blocks: takes over the bytes of `kept` (which is empty then) as what the
 * section is made of by `render`; without it they are its lines. To be called before the window
 * that has changed them is submitted. */
void state_keep(struct state *state, const char *section, struct buffer *kept,
                state_render *render);

#endif
