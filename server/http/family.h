/* SPDX-License-Identifier: MIT
 *
 * The families and series of a catalogue: who has which name, which labels are there, and the
 * list of families. The part of the catalogue that does not know snapshots. The catalogue owns what
 * is made here.
 */
#ifndef SERVER_HTTP_FAMILY_H
#define SERVER_HTTP_FAMILY_H

#include "server/http/catalogue.h"

/* The family that an identity belongs to, found or made; the catalogue's names were asked for it
 * last. NULL with *clash = true when its name belongs to another kind, NULL with false without
 * memory. */
struct family *family_resolve(struct catalogue *catalogue, const struct identity *identity,
                              bool *clash);

/* Longer names are no OpenMetrics counters. */
#define FAMILY_NAME_MAX 4096

/* True where OpenMetrics may show the family as a counter: its name ends in `_total`, and none of
 * the names that a counter has there is another family's. */
bool family_is_openmetrics_counter(const struct catalogue *catalogue, struct family *family);

/* The series of the family with the identity's labels, found or made (then without a source). NULL
 * without memory. */
struct series *family_series(struct catalogue *catalogue, struct family *family,
                             const struct identity *identity);

/* Takes a series without sources out of its family and frees it. */
void family_drop_series(struct catalogue *catalogue, struct series *series);

/* Frees the families without series, which gives their names free. Returns how many there were. */
size_t families_reap(struct catalogue *catalogue);

/* Frees all families and series. */
void families_free(struct catalogue *catalogue);

#endif
