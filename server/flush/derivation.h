/* SPDX-License-Identifier: MIT
 *
 * What the files that derive one snapshot share while they do: derive.c goes through all series and
 * makes the rows of three kinds, derive_timer.c those of timers. Private to them.
 */
#ifndef SERVER_FLUSH_DERIVATION_H
#define SERVER_FLUSH_DERIVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "server/flush/derive.h"
#include "server/flush/details.h"
#include "server/flush/draft.h"

struct derivation {
    const struct derive_options *options;
    struct draft *draft;
    uint32_t counts[METRIC_KINDS]; /* indexes looked at; series may be added meanwhile */
    uint64_t lifetime_ns;          /* of the kind in hand; 0 = for ever */
    bool judge;
    double rate_seconds; /* that rates are of */
    struct details_maker details;
    size_t totals_short; /* timers whose cumulative sketch lacks samples, memory being out */
};

static inline bool derivation_is_etsy(const struct derivation *derivation)
{
    return derivation->options->config->server.profile == PROFILE_ETSY;
}

/* Hands one figure of a series to the detector, where this snapshot is judged. */
static inline void observe(struct derivation *derivation, const struct identity *identity,
                           enum statistic statistic, double value, double noise_floor)
{
    if (derivation->judge) {
        detector_observe(derivation->options->detector, identity, statistic, value, noise_floor);
    }
}

/* The same of a series without samples in the window. */
static inline void observe_idle(struct derivation *derivation, const struct identity *identity)
{
    if (derivation->judge) {
        detector_observe_idle(derivation->options->detector, identity);
    }
}

#endif
