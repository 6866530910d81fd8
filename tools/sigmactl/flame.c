/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/flame.h"

#include <stdio.h>
#include <string.h>

#include "server/report/words.h"

#define WIDTH 1200.0
#define MARGIN 10.0
#define TOP 64.0
#define ROW 20.0
#define NARROWEST 0.4 /* narrower calls are hidden, and counted */
#define LETTER 7.3    /* width of one, in the font of the style */
#define TEXT_MIN 28.0
#define COLOURS 12

/* The style, and what a browser adds to the picture: flame.css and flame.js. */
extern const char flame_css[], flame_js[];

struct drawing {
    const struct flame *flame;
    struct buffer *out;
    uint64_t all;
    size_t narrow;
};

static size_t depth_of(const struct call *call)
{
    size_t deepest = 0;
    for (const struct call *below = call->first; below; below = below->next) {
        size_t depth = depth_of(below);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static double width_of(const struct drawing *drawing, uint64_t weight)
{
    double all = drawing->all > 0 ? (double)drawing->all : 1;
    return (WIDTH - 2 * MARGIN) * (double)weight / all;
}

/* One of the style's, always that of the name. */
static unsigned colour_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return (hash >> 8) % COLOURS;
}

static void put_weight(const struct drawing *drawing, uint64_t weight)
{
    char figure[96];
    double share = drawing->all > 0 ? 100 * (double)weight / (double)drawing->all : 0;
    if (drawing->flame->period_us > 0) {
        snprintf(figure, sizeof(figure), "%llu samples, %.2f s, %.1f %%",
                 (unsigned long long)weight,
                 (double)weight * (double)drawing->flame->period_us / 1e6, share);
    } else {
        snprintf(figure, sizeof(figure), "%.1f KiB, %.1f %%", (double)weight / 1024, share);
    }
    buffer_append_text(drawing->out, figure);
}

/* As much of the name as there is room for. */
static void put_name(struct buffer *out, const char *name, double width)
{
    size_t room = (size_t)((width - 6) / LETTER), length = strlen(name);
    words_put_html(out, name, length <= room ? length : room - 2);
    if (length > room) {
        buffer_append_text(out, "..");
    }
}

static void put_title(struct drawing *drawing, const struct call *call)
{
    buffer_append_text(drawing->out, "<title>");
    words_put_html(drawing->out, call->name, strlen(call->name));
    buffer_append_text(drawing->out, " (");
    put_weight(drawing, call->weight);
    buffer_append_text(drawing->out, ")</title>");
}

static void put_call(struct drawing *drawing, const struct call *call, size_t depth, double x)
{
    struct buffer *out = drawing->out;
    double y = TOP + ROW * (double)depth;
    /* The first is as wide as the picture, even where nothing was seen. */
    double width = depth > 0 ? width_of(drawing, call->weight) : WIDTH - 2 * MARGIN;
    bool narrow = width < NARROWEST;
    drawing->narrow += narrow;
    buffer_append_format(out, "<g class=\"call%s\" data-depth=\"%zu\" data-weight=\"%llu\">",
                         narrow ? " narrow" : "", depth, (unsigned long long)call->weight);
    put_title(drawing, call);
    buffer_append_format(out,
                         "<rect class=\"c%u\" x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" "
                         "height=\"%.0f\" rx=\"2\"/>",
                         colour_of(call->name), x, y, width > 1 ? width - 0.5 : width, ROW - 1);
    if (width >= TEXT_MIN) {
        buffer_append_format(out, "<text x=\"%.2f\" y=\"%.0f\">", x + 3, y + ROW - 6);
        put_name(out, call->name, width);
        buffer_append_text(out, "</text>");
    }
    buffer_append_text(out, "</g>\n");
}

/* Callers before what they call, of which flame.js makes the tree again. */
static void draw(struct drawing *drawing, const struct call *call, size_t depth, double x)
{
    put_call(drawing, call, depth, x);
    for (const struct call *below = call->first; below; below = below->next) {
        draw(drawing, below, depth + 1, x);
        x += width_of(drawing, below->weight);
    }
}

static void put_head(struct drawing *drawing, const struct call *root, double height)
{
    struct buffer *out = drawing->out;
    const char *title = drawing->flame->title;
    buffer_append_format(out,
                         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
                         "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n<title>",
                         WIDTH, height, WIDTH, height);
    words_put_html(out, title, strlen(title));
    buffer_append_text(out, "</title>\n<style><![CDATA[\n");
    buffer_append_text(out, flame_css);
    buffer_append_text(out, "]]></style>\n"
                            "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
                            "<text class=\"title\" x=\"10\" y=\"28\">");
    words_put_html(out, title, strlen(title));
    buffer_append_text(out, "</text>\n<text class=\"note\" id=\"note\" x=\"10\" y=\"50\">");
    put_weight(drawing, root->weight);
    buffer_append_text(out, "; callers above what they call, ordered by name, widths by ");
    buffer_append_text(out, drawing->flame->period_us > 0 ? "processor time" : "bytes in use");
    buffer_append_text(out, "</text>\n");
}

static void put_tail(struct drawing *drawing, double height)
{
    struct buffer *out = drawing->out;
    buffer_append_format(out, "<text class=\"note\" id=\"narrow\" x=\"10\" y=\"%.0f\">",
                         height - 12);
    if (drawing->narrow > 0) {
        words_put_count(out, (double)drawing->narrow, "call is", "calls are");
        buffer_append_text(out, " too narrow to draw here");
    }
    buffer_append_text(out, "</text>\n<script><![CDATA[\n");
    buffer_append_text(out, flame_js);
    buffer_append_text(out, "]]></script>\n</svg>\n");
}

void flame_write_svg(const struct flame *flame, const struct call *root, struct buffer *out)
{
    struct drawing drawing = {.flame = flame, .out = out, .all = root->weight};
    double height = TOP + ROW * (double)depth_of(root) + 34;
    put_head(&drawing, root, height);
    buffer_append_text(out, "<g id=\"calls\">\n");
    draw(&drawing, root, 0, MARGIN);
    buffer_append_text(out, "</g>\n");
    put_tail(&drawing, height);
}

/* What a call has itself, besides what it calls. */
static uint64_t own_weight(const struct call *call)
{
    uint64_t below = 0;
    for (const struct call *called = call->first; called; called = called->next) {
        below += called->weight;
    }
    return call->weight - below;
}

static void fold(const struct call *call, struct buffer *path, struct buffer *out)
{
    size_t length = path->length;
    buffer_append_text(path, length > 0 ? ";" : "");
    buffer_append_text(path, call->name);
    uint64_t own = own_weight(call);
    if (own > 0 && path->bytes) {
        buffer_append(out, path->bytes, path->length);
        buffer_append_format(out, " %llu\n", (unsigned long long)own);
    }
    for (const struct call *below = call->first; below; below = below->next) {
        fold(below, path, out);
    }
    path->length = length;
}

void flame_write_folded(const struct call *root, struct buffer *out)
{
    struct buffer path = {0};
    for (const struct call *below = root->first; below; below = below->next) {
        fold(below, &path, out);
    }
    out->failed |= path.failed;
    buffer_deinit(&path);
}
