/* SPDX-License-Identifier: MIT
 *
 * Conditions of alerts: whatever the text is, the parser says yes with sane data or no with a
 * reason, and blanks at its ends change nothing.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/condition.h"
#include "server/core/require.h"

static void check_sane(const struct condition *condition)
{
    char room[CONDITION_NAME_MAX];
    bool timed = condition->form == CONDITION_ABSENT || condition->form == CONDITION_CHANGE;
    REQUIRE(isfinite(condition->threshold) && !condition_holds(condition, (double)NAN));
    REQUIRE(condition->statistic < CONDITION_STATISTICS);
    REQUIRE((condition->statistic == CONDITION_PERCENTILE) ==
            (condition->percent > 0 && condition->percent <= 100));
    REQUIRE(timed == (condition->time_ms >= CONDITION_TIME_MS_MIN &&
                      condition->time_ms <= CONDITION_TIME_MS_MAX));
    REQUIRE(strlen(condition_statistic_name(condition, room)) < CONDITION_NAME_MAX);
    REQUIRE(strlen(condition_operator_text(condition->compare)) <= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct condition condition, again;
    char why[CONDITION_WHY_MAX] = "", ignored[CONDITION_WHY_MAX];
    char *text = malloc(size + 3);
    REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    bool read = condition_parse(text, &condition, why);
    REQUIRE(read || (why[0] != '\0' && strlen(why) < CONDITION_WHY_MAX));
    if (read) {
        check_sane(&condition);
    }
    size_t length = strlen(text);
    memmove(text + 1, text, length);
    text[0] = ' ';
    memcpy(text + length + 1, "\t", 2);
    REQUIRE(condition_parse(text, &again, ignored) == read);
    REQUIRE(!read || (again.form == condition.form && again.threshold == condition.threshold));
    free(text);
    return 0;
}
