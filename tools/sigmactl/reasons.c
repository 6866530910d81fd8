/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/reasons.h"

#include "proto/statsd.h"
#include "server/metrics/figures.h"

static const char *const sentences[LOSS_REASONS] = {
    [STATSD_NO_COLON] = "no `:` stands behind the name",
    [STATSD_EMPTY_NAME] = "nothing stands in front of the first `:`",
    [STATSD_BAD_NAME] = "a name may hold neither `|` nor NUL",
    [STATSD_BAD_UTF8] = "the line is not UTF-8",
    [STATSD_NO_TYPE] = "no `|` with a type stands behind the value",
    [STATSD_UNKNOWN_TYPE] = "the types are c, g, ms, h, d and s",
    [STATSD_EMPTY_VALUE] = "nothing stands between `:` and `|`",
    [STATSD_BAD_VALUE] = "the value is no finite decimal number",
    [STATSD_NEGATIVE_TIMER] = "a timer cannot be below 0",
    [STATSD_BAD_RATE] = "the rate behind `@` is no number above 0 and up to 1",
    [STATSD_BAD_SECTION] = "a section behind the type is unknown to the dialect, or there twice",
    [STATSD_BAD_EVENT] = "the event does not have the form _e{TITLE,TEXT}:title|text",
    [STATSD_BAD_SERVICE_CHECK] = "the service check does not have the form _sc|NAME|0 to 3",
    [LOSS_RATE_BELOW_MINIMUM] = "the rate is below metrics.min_sample_rate",
    [LOSS_NAME_TOO_LONG] = "the name is longer than limits.max_name",
    [LOSS_TOO_MANY_TAGS] = "there are more tags than limits.max_tags",
    [LOSS_TAGS_TOO_LONG] = "the tags are longer than limits.max_tag_bytes",
    [LOSS_SERIES_LIMIT] = "limits.max_series is reached",
    [LOSS_MEMORY_LIMIT] = "limits.memory is reached",
    [LOSS_OUT_OF_RANGE] = "the value is so large that sums could overflow",
};

const char *reason_sentence(unsigned reason)
{
    return reason < LOSS_REASONS && sentences[reason] ? sentences[reason] : "";
}
