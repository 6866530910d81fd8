/* SPDX-License-Identifier: MIT */
#include "server/report/plot.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WIDTH 560
#define HEIGHT 190
#define LEFT 64
#define RIGHT 12
#define TOP 14
#define BOTTOM 26
#define LEGEND 20

/* Widths of a letter, the largest that the style gives, of the dash before a name and of half the
 * label of a time, in the usual size. */
#define LETTER 9.6
#define DASH 19.0
#define TIME_HALF 28.0

#define SPARK_WIDTH 120.0
#define SPARK_HEIGHT 22.0

/* The drawing's area and what its edges stand for. */
struct frame {
    double left, right, top, bottom; /* in the drawing */
    double from, to;                 /* Unix seconds */
    double low, high, step;          /* of the values */
};

struct range {
    double low, high;
};

static double x_of(const struct frame *frame, double stamp)
{
    double share = (stamp - frame->from) / (frame->to - frame->from);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return frame->left + share * (frame->right - frame->left);
}

static double y_of(const struct frame *frame, double value)
{
    double share = (value - frame->low) / (frame->high - frame->low);
    return frame->bottom - share * (frame->bottom - frame->top);
}

static void widen(struct range *range, const double *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++) {
        if (isfinite(values[i])) {
            range->low = fmin(range->low, values[i]);
            range->high = fmax(range->high, values[i]);
        }
    }
}

static struct range range_of(const struct plot *plot)
{
    struct range range = {HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < plot->line_count; i++) {
        widen(&range, plot->lines[i].values, plot->count);
    }
    widen(&range, plot->band.low, plot->count);
    widen(&range, plot->band.high, plot->count);
    if (plot->limit > 0 && plot->limit < 3 * range.high) {
        widen(&range, &plot->limit, 1);
    }
    return range;
}

/* The unit that words.h shows a value of this size in: ticks are round in it. */
static double tick_unit(double size, enum unit unit)
{
    double scale = unit == UNIT_SECONDS ? 1e-3 : 1;
    if (unit == UNIT_BYTES) {
        return exp2(10 * floor(fmax(0, log2(fmax(size, 1))) / 10));
    }
    if (unit == UNIT_MS || unit == UNIT_SECONDS) {
        size /= scale;
        return scale * (size >= 3600e3 ? 3600e3 : size >= 60e3 ? 60e3 : 1);
    }
    return 1;
}

/* The least of 1, 2, 5 times a power of ten, in that unit, of which four or less fit. */
static double value_step(double size, double largest, enum unit unit)
{
    double scale = tick_unit(largest, unit);
    double rough = size / scale / 4;
    double power = pow(10, floor(log10(rough)));
    double digit = rough / power;
    return scale * power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

static void fit_values(struct frame *frame, struct range range, const struct plot *plot)
{
    if (!plot->fits) {
        range.low = fmin(range.low, 0);
        range.high = fmax(range.high, 0);
    }
    double size = range.high - range.low;
    if (!(size > 1e-9 * fmax(fabs(range.high), fabs(range.low)))) {
        double half = range.high == 0 ? 0.5 : fabs(range.high) / 2;
        range.low -= plot->fits || range.low < 0 ? half : 0;
        range.high += half;
        size = range.high - range.low;
    }
    frame->step = value_step(size, fmax(fabs(range.high), fabs(range.low)), plot->unit);
    frame->low = floor(range.low / frame->step + 1e-9) * frame->step;
    frame->high = ceil(range.high / frame->step - 1e-9) * frame->step;
}

static void put_value_axis(struct buffer *out, const struct frame *frame, enum unit unit)
{
    int ticks = (int)lround((frame->high - frame->low) / frame->step);
    for (int i = 0; i <= ticks; i++) {
        double value = frame->low + i * frame->step;
        double y = y_of(frame, value);
        value = fabs(value) < frame->step / 1e6 ? 0 : value;
        buffer_append_format(out,
                             "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/>"
                             "<text class=\"tick\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">",
                             frame->left, y, frame->right, frame->left - 7, y + 4);
        words_put_figure(out, value, unit);
        buffer_append_text(out, "</text>");
    }
}

static double time_step(double seconds)
{
    static const double steps[] = {
        1,     2,     5,           10,          15,           30,          60,    120,
        300,   600,   900,         1800,        3600,         7200,        10800, 21600,
        43200, 86400, 2 * 86400.0, 7 * 86400.0, 14 * 86400.0, 28 * 86400.0};
    size_t i = 0;
    while (i + 1 < sizeof(steps) / sizeof(steps[0]) && seconds / steps[i] > 5.5) {
        i++;
    }
    return seconds / steps[i] > 12 ? ceil(seconds / 6 / 86400) * 86400 : steps[i];
}

static void put_time_label(struct buffer *out, double seconds, double step)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm parts;
    time_t whole = (time_t)seconds;
    if (!(fabs(seconds) < 1e12) || !gmtime_r(&whole, &parts)) {
        return;
    }
    if (step >= 86400) {
        buffer_append_format(out, "%s %d", months[parts.tm_mon], parts.tm_mday);
    } else if (step >= 60) {
        buffer_append_format(out, "%02d:%02d", parts.tm_hour, parts.tm_min);
    } else {
        words_put_time(out, seconds);
    }
}

/* In the middle below its tick, but for those that would be cut at the right or come below the
 * values on the left. */
static const char *time_anchor(const struct frame *frame, double x)
{
    bool first = x < frame->left + TIME_HALF;
    bool last = x > frame->right + RIGHT - TIME_HALF;
    return first ? "start" : last ? "end" : "middle";
}

static void put_time_axis(struct buffer *out, const struct frame *frame)
{
    double step = time_step(frame->to - frame->from);
    for (double at = ceil(frame->from / step) * step; at <= frame->to; at += step) {
        double x = x_of(frame, at);
        buffer_append_format(out,
                             "<path class=\"axis\" d=\"M%.1f %.0fv4\"/>"
                             "<text class=\"tick\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">",
                             x, frame->bottom, x, frame->bottom + 17, time_anchor(frame, x));
        put_time_label(out, at, step);
        buffer_append_text(out, "</text>");
    }
    buffer_append_format(out, "<path class=\"axis\" d=\"M%.0f %.0fH%.0f\"/>", frame->left,
                         frame->bottom, frame->right);
}

static bool breaks(const struct plot *plot, size_t i)
{
    return plot->break_after > 0 && i > 0 &&
           plot->stamps[i] - plot->stamps[i - 1] > plot->break_after;
}

/* A value between two gaps is a dot, which the round cap makes of a line of no length. */
static void put_line(struct buffer *out, const struct frame *frame, const struct plot *plot,
                     size_t line)
{
    const double *values = plot->lines[line].values;
    bool pen = false;
    buffer_append_format(out, "<path class=\"line c%zu\" d=\"", line + 1);
    for (size_t i = 0; i < plot->count; i++) {
        if (!isfinite(values[i])) {
            pen = false;
            continue;
        }
        pen = pen && !breaks(plot, i);
        buffer_append_format(out, "%s%.1f %.1f", pen ? "L" : "M", x_of(frame, plot->stamps[i]),
                             y_of(frame, values[i]));
        buffer_append_text(out, pen ? "" : "h0");
        pen = true;
    }
    buffer_append_text(out, "\"/>");
}

/* There along the upper edge, back along the lower one, a polygon for each stretch without a gap.
 */
static void put_band(struct buffer *out, const struct frame *frame, const struct plot *plot)
{
    const struct plot_band *band = &plot->band;
    size_t from = 0;
    buffer_append_text(out, "<path class=\"band\" d=\"");
    while (from < plot->count) {
        size_t to = from;
        while (to < plot->count && isfinite(band->low[to]) && isfinite(band->high[to]) &&
               (to == from || !breaks(plot, to))) {
            buffer_append_format(out, "%s%.1f %.1f", to == from ? "M" : "L",
                                 x_of(frame, plot->stamps[to]), y_of(frame, band->high[to]));
            to++;
        }
        for (size_t i = to; i > from; i--) {
            buffer_append_format(out, "L%.1f %.1f", x_of(frame, plot->stamps[i - 1]),
                                 y_of(frame, band->low[i - 1]));
        }
        buffer_append_text(out, to > from ? "Z" : "");
        from = to > from ? to : from + 1;
    }
    buffer_append_text(out, "\"/>");
}

/* The value of the first line at a time, NaN where there is none. */
static double value_at(const struct plot *plot, double at)
{
    size_t best = 0;
    if (plot->count == 0 || plot->line_count == 0) {
        return (double)NAN;
    }
    for (size_t i = 1; i < plot->count; i++) {
        best = fabs(plot->stamps[i] - at) < fabs(plot->stamps[best] - at) ? i : best;
    }
    return plot->lines[0].values[best];
}

static void put_marks(struct buffer *out, const struct frame *frame, const struct plot *plot)
{
    for (size_t i = 0; i < plot->mark_count; i++) {
        const struct plot_mark *mark = &plot->marks[i];
        double value = value_at(plot, mark->at);
        buffer_append_format(out, "<circle class=\"mark %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\">",
                             anomaly_severity_name(mark->severity), x_of(frame, mark->at),
                             isfinite(value) ? y_of(frame, value) : frame->top + 4);
        if (mark->reason) {
            buffer_append_text(out, "<title>");
            words_put_html(out, mark->reason, strlen(mark->reason));
            buffer_append_text(out, "</title>");
        }
        buffer_append_text(out, "</circle>");
    }
}

static void put_spans(struct buffer *out, const struct frame *frame, const struct plot *plot)
{
    for (size_t i = 0; i < plot->span_count; i++) {
        const struct plot_span *span = &plot->spans[i];
        double from = x_of(frame, span->from);
        double to = x_of(frame, span->to < span->from ? frame->to : span->to);
        buffer_append_format(
            out, "<rect class=\"span\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"/>",
            from, frame->top, fmax(to - from, 1.5), frame->bottom - frame->top);
    }
}

static bool has_legend(const struct plot *plot)
{
    return plot->line_count > 0 && plot->lines[0].name;
}

static void put_legend_entry(struct buffer *out, const char *class, const char *name, double x,
                             double y)
{
    buffer_append_format(out,
                         "<path class=\"%s\" d=\"M%.0f %.1fh14\"/>"
                         "<text class=\"tick\" x=\"%.0f\" y=\"%.1f\">",
                         class, x, y - 4, x + DASH, y);
    words_put_html(out, name, strlen(name));
    buffer_append_text(out, "</text>");
}

/* Of the n-th line, and of the band behind the last. */
static const char *legend_name(const struct plot *plot, size_t n)
{
    return n < plot->line_count ? plot->lines[n].name : plot->band.name;
}

static double legend_width(const char *name)
{
    return DASH + LETTER * ((double)strlen(name) + 1.5);
}

static void put_legend(struct buffer *out, const struct frame *frame, const struct plot *plot)
{
    size_t entries = plot->line_count + (plot->band.low && plot->band.name);
    double x = frame->left, all = 0;
    for (size_t i = 0; i < entries; i++) {
        all += legend_width(legend_name(plot, i));
    }
    double scale = fmin((frame->right - frame->left) / all, 1);
    for (size_t i = 0; i < entries; i++) {
        char class[] = "line c1";
        const char *name = legend_name(plot, i);
        class[sizeof(class) - 2] = (char)('1' + i);
        put_legend_entry(out, i < plot->line_count ? class : "swatch", name, x, 12);
        x += scale * legend_width(name);
    }
}

static void put_content(struct buffer *out, const struct plot *plot, struct frame *frame)
{
    struct range range = range_of(plot);
    if (!(range.low <= range.high)) {
        buffer_append_format(out, "<text class=\"none\" x=\"%.0f\" y=\"%.0f\">no values</text>",
                             (frame->left + frame->right) / 2, (frame->top + frame->bottom) / 2);
        put_time_axis(out, frame);
        return;
    }
    fit_values(frame, range, plot);
    put_value_axis(out, frame, plot->unit);
    put_spans(out, frame, plot);
    if (plot->band.low) {
        put_band(out, frame, plot);
    }
    if (plot->limit > 0 && plot->limit <= frame->high) {
        buffer_append_format(out, "<path class=\"limit\" d=\"M%.0f %.1fH%.0f\"/>", frame->left,
                             y_of(frame, plot->limit), frame->right);
    }
    for (size_t i = plot->line_count; i > 0; i--) {
        put_line(out, frame, plot, i - 1);
    }
    put_time_axis(out, frame);
    put_marks(out, frame, plot);
}

static void put_svg(struct buffer *out, const struct plot *plot, bool alone)
{
    unsigned width = plot->width ? plot->width : WIDTH;
    unsigned height = plot->height ? plot->height : HEIGHT;
    struct frame frame = {.left = LEFT,
                          .right = (double)width - RIGHT,
                          .top = TOP + (has_legend(plot) ? LEGEND - 6 : 0),
                          .bottom = (double)height - BOTTOM,
                          .from = plot->from,
                          .to = plot->to > plot->from ? plot->to : plot->from + 1};
    buffer_append_format(out, "<svg%s class=\"plot\" viewBox=\"0 0 %u %u\" role=\"img\"><title>",
                         alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", width, height);
    words_put_html(out, plot->title, strlen(plot->title));
    buffer_append_text(out, "</title>");
    if (alone) {
        buffer_append_text(out, "<style>");
        plot_style(out);
        buffer_append_text(out, "</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
    }
    if (has_legend(plot)) {
        put_legend(out, &frame, plot);
    }
    put_content(out, plot, &frame);
    buffer_append_text(out, "</svg>\n");
}

void plot_put(struct buffer *out, const struct plot *plot)
{
    put_svg(out, plot, false);
}

void plot_put_document(struct buffer *out, const struct plot *plot)
{
    put_svg(out, plot, true);
}

static double spark_y(double value, struct range range)
{
    double size = range.high - range.low;
    double share = size > 0 ? (value - range.low) / size : 0.5;
    return SPARK_HEIGHT - 2 - share * (SPARK_HEIGHT - 4);
}

void plot_put_sparkline(struct buffer *out, const double *values, size_t count, bool fits)
{
    struct range range = {fits ? HUGE_VAL : 0, fits ? -HUGE_VAL : 0};
    double step = count > 1 ? (SPARK_WIDTH - 4) / (double)(count - 1) : 0;
    bool pen = false;
    widen(&range, values, count);
    buffer_append_format(out,
                         "<svg class=\"spark\" viewBox=\"0 0 %.0f %.0f\" aria-hidden=\"true\">"
                         "<path class=\"line c1\" d=\"",
                         SPARK_WIDTH, SPARK_HEIGHT);
    for (size_t i = 0; i < count; i++) {
        bool here = isfinite(values[i]);
        if (here) {
            buffer_append_format(out, "%s%.1f %.1f%s", pen ? "L" : "M", 2 + (double)i * step,
                                 spark_y(values[i], range), pen ? "" : "h0");
        }
        pen = here;
    }
    buffer_append_text(out, "\"/></svg>");
}
