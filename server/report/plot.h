/* SPDX-License-Identifier: MIT
 *
 * Line plots and sparklines as SVG, to stand in an HTML page or alone in a file. Time runs to the
 * right in UTC, the axes have round ticks, and where a value is missing (NaN) the line has a gap.
 * Colours are classes of plot_style(), which a page contains once; they follow the reader's light
 * or dark scheme, and are told apart by the colour-blind as well (Okabe and Ito 2008). No scripts,
 * no references to anything outside.
 *
 * Functions of their arguments; any thread. What the caller points to is read during the call.
 */
#ifndef SERVER_REPORT_PLOT_H
#define SERVER_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/metrics/severity.h"
#include "server/report/words.h"

#define PLOT_LINES_MAX 4

/* A line with a value at each stamp of the plot; the n-th has the n-th colour. */
struct plot_line {
    const char *name; /* for the legend; NULL where there is none */
    const double *values;
};

/* What lies between two values at each stamp, such as the usual range; gaps as of a line. */
struct plot_band {
    const char *name;
    const double *low, *high;
};

/* A dot on the first line, or at the top where it has a gap; its reason shows on hovering. */
struct plot_mark {
    double at; /* Unix seconds */
    enum anomaly_severity severity;
    const char *reason; /* may be NULL */
};

/* A time span that is shaded; an end before its beginning means: until the end of the plot. */
struct plot_span {
    double from, to;
};

struct plot {
    const char *title; /* what is shown, read out to who cannot see it; any bytes */
    enum unit unit;
    double from, to;      /* Unix seconds, from < to */
    const double *stamps; /* ascending Unix seconds, `count` of them */
    size_t count;
    struct plot_line lines[PLOT_LINES_MAX];
    size_t line_count;
    struct plot_band band; /* none where `low` is NULL */
    const struct plot_mark *marks;
    size_t mark_count;
    const struct plot_span *spans;
    size_t span_count;
    double break_after;     /* seconds between two stamps that are a gap; 0 = none is */
    bool fits;              /* the axis begins near the smallest value; else at zero */
    double limit;           /* a dashed line across, NaN or 0 = none */
    unsigned width, height; /* of the drawing, which scales to its place; 0 = 560 by 190 */
};

/* An <svg> element. Where there is no value it says so. */
void plot_put(struct buffer *out, const struct plot *plot);

/* The same as a file of its own, with its style. */
void plot_put_document(struct buffer *out, const struct plot *plot);

/* A line without axes, as high as a line of text. From zero, or near the smallest value where it
 * `fits`. `count` values at equal distances, NaN where there is a gap. */
void plot_put_sparkline(struct buffer *out, const double *values, size_t count, bool fits);

/* The rules of CSS for all of these. */
void plot_style(struct buffer *out);

#endif
