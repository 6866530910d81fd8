/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/flame.h"

#include <stdio.h>
#include <string.h>

#include "server/report/words.h"

#define WIDTH 1200.0
#define MARGIN 10.0
#define TOP 64.0
#define ROW 20.0
#define NARROWEST 0.4 /* narrower calls are left out, and counted */
#define LETTER 6.9    /* width of one, in the font below */
#define TEXT_MIN 28.0

struct drawing {
    const struct flame *flame;
    struct buffer *out;
    uint64_t all;
    size_t left_out;
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

/* A warm colour that is always that of the name. */
static void put_colour(struct buffer *out, const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    buffer_append_format(out, "hsl(%u,%u%%,%u%%)", 12 + hash % 40, 68 + (hash >> 8) % 20,
                         66 + (hash >> 16) % 12);
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

static void put_call(struct drawing *drawing, const struct call *call, double x, double y,
                     double width)
{
    struct buffer *out = drawing->out;
    buffer_append_text(out, "<g><title>");
    words_put_html(out, call->name, strlen(call->name));
    buffer_append_text(out, " (");
    put_weight(drawing, call->weight);
    buffer_append_format(out,
                         ")</title><rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%.0f\" "
                         "rx=\"2\" fill=\"",
                         x, y, width > 1 ? width - 0.5 : width, ROW - 1);
    put_colour(out, call->name);
    buffer_append_text(out, "\"/>");
    if (width >= TEXT_MIN) {
        buffer_append_format(out, "<text x=\"%.2f\" y=\"%.0f\">", x + 3, y + ROW - 6);
        put_name(out, call->name, width);
        buffer_append_text(out, "</text>");
    }
    buffer_append_text(out, "</g>\n");
}

static void draw(struct drawing *drawing, const struct call *call, double x, double y)
{
    double width = width_of(drawing, call->weight);
    if (width < NARROWEST) {
        drawing->left_out++;
        return;
    }
    put_call(drawing, call, x, y, width);
    for (const struct call *below = call->first; below; below = below->next) {
        draw(drawing, below, x, y + ROW);
        x += width_of(drawing, below->weight);
    }
}

void flame_write_svg(const struct flame *flame, const struct call *root, struct buffer *out)
{
    struct drawing drawing = {.flame = flame, .out = out, .all = root->weight};
    double height = TOP + ROW * (double)depth_of(root) + 34;
    buffer_append_format(out,
                         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
                         "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n",
                         WIDTH, height, WIDTH, height);
    buffer_append_text(out, "<style>text{font:11px ui-monospace,\"DejaVu Sans Mono\",Menlo,"
                            "monospace;fill:#1c1917;pointer-events:none}"
                            ".title{font:600 17px system-ui,sans-serif}"
                            ".note{font:12px system-ui,sans-serif;fill:#57534e}"
                            "g:hover rect{stroke:#1c1917}</style>\n"
                            "<rect width=\"100%\" height=\"100%\" fill=\"#fffdfa\"/>\n"
                            "<text class=\"title\" x=\"10\" y=\"28\">");
    words_put_html(out, flame->title, strlen(flame->title));
    buffer_append_text(out, "</text>\n<text class=\"note\" x=\"10\" y=\"48\">");
    put_weight(&drawing, root->weight);
    buffer_append_text(out, "; callers above what they call, ordered by name, widths by ");
    buffer_append_text(out, flame->period_us > 0 ? "processor time" : "bytes in use");
    buffer_append_text(out, "</text>\n");
    draw(&drawing, root, MARGIN, TOP);
    if (drawing.left_out > 0) {
        buffer_append_format(out,
                             "<text class=\"note\" x=\"10\" y=\"%.0f\">%zu calls too narrow to "
                             "draw are left out</text>\n",
                             height - 12, drawing.left_out);
    }
    buffer_append_text(out, "</svg>\n");
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
