/* SPDX-License-Identifier: MIT
 *
 * Reasons by printf.
 */
#include "server/detect/verdict.h"

#include <math.h>
#include <stdio.h>

/* Beyond so many deviations the exact number says nothing more. */
#define SIGMAS_WORDED_MAX 1000

struct number_text {
    char text[20];
};

/* Four significant digits, all digits of larger integers: enough to read, too few to be a record.
 */
static struct number_text number_text(double value)
{
    struct number_text number;
    double magnitude = fabs(value);
    bool whole = magnitude >= 1e4 && magnitude < 1e15;
    snprintf(number.text, sizeof(number.text), whole ? "%.0f" : "%.4g", value);
    return number;
}

static const char *side_word(enum sigma_side side)
{
    return side == SIGMA_ABOVE ? "above" : "below";
}

static double limit_on(const struct anomaly_row *row, enum sigma_side side)
{
    return side == SIGMA_ABOVE ? row->upper : row->lower;
}

static void word_flatline(struct anomaly_row *row)
{
    snprintf(row->reason, sizeof(row->reason),
             "no samples: rate 0 where %s a second is usual (limit %s)",
             number_text(row->mean).text, number_text(row->lower).text);
}

/* "8.1 sigma above the usual 41", or "above the usual 41, which never varied". */
static void word_distance(char *out, size_t size, const struct anomaly_row *row,
                          enum sigma_side side)
{
    struct number_text mean = number_text(row->mean);
    double sigmas = fabs(row->value - row->mean) / row->stddev;
    if (!(row->stddev > 0)) {
        snprintf(out, size, "%s the usual %s, which did not vary", side_word(side), mean.text);
    } else if (sigmas >= SIGMAS_WORDED_MAX) {
        snprintf(out, size, "over %d sigma %s the usual %s", SIGMAS_WORDED_MAX, side_word(side),
                 mean.text);
    } else {
        snprintf(out, size, "%.1f sigma %s the usual %s", sigmas, side_word(side), mean.text);
    }
}

void verdict_word_start(struct anomaly_row *row, enum sigma_side side)
{
    if (row->type == ANOMALY_FLATLINE && !(row->value > 0)) {
        word_flatline(row);
        return;
    }
    char distance[72];
    word_distance(distance, sizeof(distance), row, side);
    snprintf(row->reason, sizeof(row->reason), "%s %s is %s (limit %s)",
             statistic_name(row->statistic), number_text(row->value).text, distance,
             number_text(limit_on(row, side)).text);
}

static const char *plural(unsigned windows)
{
    return windows == 1 ? "" : "s";
}

static void word_new_usual(struct anomaly_row *row, enum sigma_side side, unsigned windows,
                           double level)
{
    snprintf(row->reason, sizeof(row->reason),
             "%s was %s the usual %s for %u window%s: %s is the new usual",
             statistic_name(row->statistic), side_word(side), number_text(row->mean).text, windows,
             plural(windows), number_text(level).text);
}

static void word_crossed(struct anomaly_row *row, enum sigma_side side)
{
    snprintf(row->reason, sizeof(row->reason), "%s %s is no longer %s but %s the usual %s",
             statistic_name(row->statistic), number_text(row->value).text, side_word(side),
             side_word(side == SIGMA_ABOVE ? SIGMA_BELOW : SIGMA_ABOVE),
             number_text(row->mean).text);
}

void verdict_word_end(struct anomaly_row *row, enum verdict_end end, enum sigma_side side,
                      unsigned windows, double level)
{
    size_t size = sizeof(row->reason);
    switch (end) {
    case VERDICT_BACK:
        snprintf(row->reason, size, "%s %s is back between %s and %s",
                 statistic_name(row->statistic), number_text(row->value).text,
                 number_text(row->lower).text, number_text(row->upper).text);
        break;
    case VERDICT_CROSSED:
        word_crossed(row, side);
        break;
    case VERDICT_NEW_USUAL:
        word_new_usual(row, side, windows, level);
        break;
    case VERDICT_IDLE:
        snprintf(row->reason, size, "no samples: %s is no longer above %s",
                 statistic_name(row->statistic), number_text(row->upper).text);
        break;
    case VERDICT_SILENT:
        snprintf(row->reason, size, "no %s to judge for %u window%s: taken as over",
                 statistic_name(row->statistic), windows, plural(windows));
        break;
    case VERDICT_EXPIRED:
        snprintf(row->reason, size, "series expired");
        break;
    case VERDICT_OFF:
        snprintf(row->reason, size, "detection was switched off");
        break;
    }
}
