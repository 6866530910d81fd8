/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/stamp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/units.h"
#include "proto/number.h"

#define YEAR_10000 253402300800.0

/* Steps over `[T or blank]HH:MM`; NULL where there is none. */
static const char *parse_clock(const char *text, struct tm *utc)
{
    return *text == 'T' || *text == ' ' ? strptime(text + 1, "%H:%M", utc) : NULL;
}

/* Steps over `:SS.sss`, which may be missing; NULL where it is wrong. A leap second is none. */
static const char *parse_seconds(const char *text, double *seconds)
{
    *seconds = 0;
    if (*text != ':') {
        return text;
    }
    size_t length = strspn(text + 1, "0123456789.");
    bool read = length >= 2 && number_parse(text + 1, length, seconds) && *seconds < 60;
    return read && (length == 2 || text[3] == '.') ? text + 1 + length : NULL;
}

/* timegm() takes 31 February for 3 March: a day that is none does not come back as itself. */
static bool is_day(const struct tm *utc, time_t midnight)
{
    struct tm back;
    return gmtime_r(&midnight, &back) && back.tm_mday == utc->tm_mday && back.tm_mon == utc->tm_mon;
}

static bool parse_date(const char *text, double *stamp)
{
    struct tm utc = {0};
    double seconds = 0;
    const char *at = strspn(text, "0123456789") == 4 ? strptime(text, "%Y-%m-%d", &utc) : NULL;
    if (!at || at - text != 10) {
        return false;
    }
    struct tm day = utc;
    time_t midnight = timegm(&day);
    if (!is_day(&utc, midnight)) {
        return false;
    }
    if (*at != '\0') {
        at = parse_clock(at, &utc);
        at = at ? parse_seconds(at, &seconds) : NULL;
    }
    if (!at || (strcmp(at, "") != 0 && strcmp(at, "Z") != 0)) {
        return false;
    }
    *stamp = (double)midnight + utc.tm_hour * 3600.0 + utc.tm_min * 60.0 + seconds;
    return true;
}

bool stamp_parse(const char *text, double *seconds)
{
    return parse_date(text, seconds) || number_parse(text, strlen(text), seconds);
}

bool stamp_parse_relative(const char *text, double now, double *seconds)
{
    uint64_t ms;
    if (strcmp(text, "now") == 0) {
        *seconds = now;
        return true;
    }
    if (text[0] == '-' && strcmp(text + 1, "0") != 0 && units_parse_duration(text + 1, &ms)) {
        *seconds = now - (double)ms / 1000;
        return true;
    }
    return stamp_parse(text, seconds);
}

void stamp_format(char out[STAMP_TEXT_MAX], double seconds)
{
    struct tm utc;
    if (!(seconds >= 0 && seconds < YEAR_10000 - 1)) {
        number_format(out, seconds);
        return;
    }
    int64_t ms = llround(seconds * 1000);
    time_t whole = (time_t)(ms / 1000);
    int rest = (int)(ms % 1000);
    gmtime_r(&whole, &utc);
    size_t length = strftime(out, STAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    if (rest > 0) {
        snprintf(out + length, STAMP_TEXT_MAX - length, ".%03dZ", rest);
    } else {
        snprintf(out + length, STAMP_TEXT_MAX - length, "Z");
    }
}
