/* SPDX-License-Identifier: MIT
 *
 * Reasons by printf.
 */
#include "server/detect/verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* Three significant digits, for limits, which are no exact figures. */
static struct number_text limit_text(double value)
{
    struct number_text number;
    bool whole = fabs(value) >= 1e3 && fabs(value) < 1e15;
    snprintf(number.text, sizeof(number.text), whole ? "%.0f" : "%.3g", value);
    return number;
}

/* "usual 38–61 at this hour", "usual -3 to 5", "usual 7". */
static void word_usual(char *out, size_t size, const struct anomaly_row *row, bool of_the_hour)
{
    struct number_text lower = limit_text(row->lower);
    struct number_text upper = limit_text(row->upper);
    const char *hour = of_the_hour ? " at this hour" : "";
    if (strcmp(lower.text, upper.text) == 0) {
        snprintf(out, size, "usual %s%s", upper.text, hour);
        return;
    }
    snprintf(out, size, "usual %s%s%s%s", lower.text, row->lower < 0 ? " to " : "–", upper.text,
             hour);
}

/* What the range of the row does not tell. */
static const char *part_words(enum auto_part part, enum sigma_side side)
{
    switch (part) {
    case AUTO_SHAPE:
        return ", a course not seen before";
    case AUTO_UNREST:
        return ", steps larger than ever of late";
    case AUTO_LEVEL:
        return side == SIGMA_ABOVE ? ", its level has risen" : ", its level has fallen";
    case AUTO_ZERO:
        return ", where 0 hardly ever comes";
    default:
        return "";
    }
}

/* ", highest in 6 h"; "" where it is not. */
static void word_extreme(char *out, size_t size, double seconds, enum sigma_side side)
{
    const char *word = side == SIGMA_ABOVE ? "highest" : "lowest";
    if (seconds >= 2 * 3600.0) {
        snprintf(out, size, ", %s in %.0f h", word, floor(seconds / 3600));
    } else if (seconds >= 120) {
        snprintf(out, size, ", %s in %.0f min", word, floor(seconds / 60));
    } else if (seconds > 0) {
        snprintf(out, size, ", %s in %.3g s", word, seconds);
    } else {
        out[0] = '\0';
    }
}

void verdict_word_auto(struct anomaly_row *row, const struct auto_verdict *verdict,
                       const char *unit)
{
    char usual[64];
    char extreme[32];
    const char *blank = unit[0] != '\0' && unit[0] != '/' ? " " : "";
    word_usual(usual, sizeof(usual), row, verdict->of_the_hour);
    word_extreme(extreme, sizeof(extreme), verdict->extreme_s, verdict->side);
    snprintf(row->reason, sizeof(row->reason), "%s %s%s%s, %s%s%s", statistic_name(row->statistic),
             number_text(row->value).text, blank, unit, usual,
             part_words(verdict->part, verdict->side), extreme);
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
    case VERDICT_METHOD:
        snprintf(row->reason, size, "the method of detection was changed");
        break;
    case VERDICT_OFF:
        snprintf(row->reason, size, "detection was switched off");
        break;
    }
}
