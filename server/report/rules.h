/* SPDX-License-Identifier: MIT
 *
 * The recommendations: a table of rules, each a small function that looks at the facts of a report
 * and says, or not, what is wrong, by which figures that is known, and which setting would mend it.
 * Thresholds stand beside the rules, and in what they say. Rules look at nothing but the report.
 * One thread.
 */
#ifndef SERVER_REPORT_RULES_H
#define SERVER_REPORT_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "server/report/model.h"

struct rule {
    const char *name;
    /* True where it applies: then severity and texts are set, and settings where there are any. */
    bool (*judge)(const struct report *report, struct advice *advice);
};

/* The rules in the tables of rules_*.c: of losses, of bounds, and of what is configured. Each ends
 * with a NULL name. */
extern const struct rule rules_of_losses[];
extern const struct rule rules_of_bounds[];
extern const struct rule rules_of_settings[];

/* The rule of that name; NULL when there is none. */
const struct rule *rule_find(const char *name);

/* For rules. Texts as printf(); settings as they are written in statsd.ini, `was` as in force. */
void advice_title(struct advice *advice, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void advice_evidence(struct advice *advice, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void advice_action(struct advice *advice, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void advice_set(struct advice *advice, const char *section, const char *key, const char *value,
                const char *was);
/* The same of a size, a duration in ms, or a whole number. */
void advice_set_size(struct advice *advice, const char *section, const char *key, uint64_t bytes,
                     uint64_t was);
void advice_set_duration(struct advice *advice, const char *section, const char *key, uint64_t ms,
                         uint64_t was);
void advice_set_count(struct advice *advice, const char *section, const char *key, uint64_t value,
                      uint64_t was);

/* Has all rules judge, the gravest advice first, and in the order of the tables where they are
 * equally grave. */
void rules_judge(struct report *report);

#endif
