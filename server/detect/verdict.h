/* SPDX-License-Identifier: MIT
 *
 * How an anomaly is put into words: its reason from the numbers of its row. Pure functions; the
 * words depend on nothing but the arguments. They are UTF-8: ASCII and the dash of a range.
 */
#ifndef SERVER_DETECT_VERDICT_H
#define SERVER_DETECT_VERDICT_H

#include "server/detect/auto.h"
#include "server/detect/sigma.h"
#include "server/metrics/snapshot.h"

/* Why an anomaly ends. */
enum verdict_end {
    VERDICT_BACK,      /* a window is inside the limits again */
    VERDICT_CROSSED,   /* a window is beyond the limit of the other side */
    VERDICT_NEW_USUAL, /* so many windows lay on its side that the baseline restarts from them */
    VERDICT_IDLE,      /* no sample in this window: what was too high is not so any more */
    VERDICT_SILENT,    /* nothing to judge for so many windows */
    VERDICT_EXPIRED,   /* the series is forgotten */
    VERDICT_METHOD,    /* detection goes on by another method */
    VERDICT_OFF        /* detection was switched off */
};

/* Fills row->reason of a start from the other fields; `side` is where the value lies. */
void verdict_word_start(struct anomaly_row *row, enum sigma_side side);

/* The same of what auto found, as "p99 214 ms, usual 38–61 at this hour, highest in 6 h", from the
 * verdict and the limits of the row; `unit` is "" where it is not known. */
void verdict_word_auto(struct anomaly_row *row, const struct auto_verdict *verdict,
                       const char *unit);

/* Fills row->reason of an end; `windows` counts those the reason speaks of and `level` is the mean
 * of a restarted baseline (VERDICT_NEW_USUAL only). */
void verdict_word_end(struct anomaly_row *row, enum verdict_end end, enum sigma_side side,
                      unsigned windows, double level);

#endif
