/* SPDX-License-Identifier: MIT
 *
 * A report as one HTML file: styles and plots are in it, scripts and references to anything outside
 * are not, and its own policy forbids both. Light or dark by the reader's scheme, and fit for
 * printing and for narrow screens.
 */
#include <string.h>

#include "server/report/page.h"

static const char style[] =
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,sans-serif;-webkit-text-size-adjust:100%}\n"
    "main{max-width:1180px;margin:0 auto;padding:28px 20px 48px}\n"
    "h1{font-size:26px;line-height:1.25;margin:0;font-weight:650;letter-spacing:-.01em}\n"
    "h2{font-size:18px;margin:40px 0 10px;padding-top:14px;border-top:1px solid var(--rule);"
    "font-weight:650}\n"
    "p{margin:0 0 "
    "10px;max-width:82ch;overflow-wrap:anywhere}.note,footer,.range{color:var(--soft);font-size:13."
    "5px}\n"
    ".title{display:flex;gap:12px;align-items:center;flex-wrap:wrap}.range{margin:4px 0 0}\n"
    ".summary{font-size:17px;margin:16px 0 20px}\n"
    ".badge{display:inline-block;border-radius:4px;padding:1px "
    "8px;font-size:12.5px;font-weight:650;"
    "color:var(--paper);background:var(--info);white-space:nowrap}\n"
    "h1+.badge{font-size:15px;padding:3px 12px}\n"
    ".badge.ok{background:var(--good)}.badge.warning{background:var(--warning)}"
    ".badge.critical{background:var(--critical)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px}\n"
    ".tile{border:1px solid var(--rule);border-radius:8px;padding:10px 14px}\n"
    ".tile b{display:block;font-size:22px;line-height:1.3;font-weight:600;"
    "font-variant-numeric:tabular-nums}\n"
    ".tile span,.tile i{display:block;color:var(--soft);font-size:13px;font-style:normal;"
    "text-wrap:balance}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));"
    "gap:20px 28px;margin:12px 0 20px}\n"
    "figure{margin:0;min-width:0}figcaption{font-size:13.5px;margin-bottom:4px;"
    "overflow-wrap:anywhere}\n"
    ".scroll{overflow-x:auto;margin:0 0 8px}\n"
    "table{border-collapse:collapse;width:100%;font-size:14px}\n"
    "th{text-align:left;font-weight:600;color:var(--soft);font-size:13px;white-space:nowrap}\n"
    "th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}\n"
    "th:last-child,td:last-child{padding-right:0}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "td svg{display:block;margin-left:10px}\n"
    "bdi{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;"
    "overflow-wrap:anywhere}\n"
    "td bdi{display:inline-block;min-width:11em}\n"
    ".tags{color:var(--soft);display:block}\n"
    ".advice{border-left:4px solid var(--info);padding:2px 0 2px 16px;margin:0 0 18px}\n"
    ".advice.warning{border-color:var(--warning)}.advice.critical{border-color:var(--critical)}\n"
    ".advice h3{font-size:15.5px;margin:0 0 4px;font-weight:650;overflow-wrap:anywhere}\n"
    ".advice p{margin:0 0 6px}\n"
    "code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;"
    "background:color-mix(in srgb,var(--rule) 45%,transparent);border-radius:4px;padding:2px 6px;"
    "overflow-wrap:anywhere}\n"
    "footer{margin-top:40px;border-top:1px solid var(--rule);padding-top:10px}\n"
    "@media print{main{max-width:none;padding:0}h2{break-after:avoid}"
    "figure,.advice,tr,.tile{break-inside:avoid}.scroll{overflow:visible}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}\n";

static void put(struct page *page, const char *text)
{
    words_put_html(page->out, text, strlen(text));
}

static void raw(struct page *page, const char *text)
{
    buffer_append_text(page->out, text);
}

static void put_badge(struct page *page, enum anomaly_severity severity, bool status)
{
    const char *word = anomaly_severity_name(severity);
    word = status && severity == SEVERITY_INFO ? "ok" : word;
    buffer_append_format(page->out, "<span class=\"badge %s\">%s</span>", word, word);
}

static void head(struct page *page, const struct report *report)
{
    raw(page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>sigmad "
        "report</title>\n<style>\n");
    plot_style(page->out);
    raw(page, style);
    raw(page, "</style>\n</head>\n<body>\n<main>\n<header>\n<div class=\"title\"><h1>sigmad "
              "report</h1>");
    put_badge(page, report->status, true);
    raw(page, "</div>\n<p class=\"range\">");
    put(page, report->origin);
    raw(page, " · ");
    words_put_stamp(page->out, report->points.from);
    raw(page, " to ");
    words_put_stamp(page->out, report->points.to);
    raw(page, " UTC</p>\n<p class=\"summary\">");
    put(page, report->summary);
    raw(page, "</p>\n</header>\n<div class=\"tiles\">\n");
}

static void tail(struct page *page, const struct report *report)
{
    raw(page, "<footer>Made ");
    words_put_stamp(page->out, report->made);
    raw(page, " UTC by sigmad " SIGMAD_VERSION ".</footer>\n</main>\n</body>\n</html>\n");
}

static void tile(struct page *page, const char *label, const char *figure, const char *note)
{
    raw(page, "<div class=\"tile\"><span>");
    put(page, label);
    raw(page, "</span><b>");
    put(page, figure);
    raw(page, "</b><i>");
    put(page, note);
    raw(page, "</i></div>\n");
}

static void tiles_end(struct page *page)
{
    raw(page, "</div>\n");
}

static void section(struct page *page, const char *heading, const char *note)
{
    raw(page, "<h2>");
    put(page, heading);
    raw(page, "</h2>\n");
    if (note) {
        raw(page, "<p class=\"note\">");
        put(page, note);
        raw(page, "</p>\n");
    }
}

static void paragraph(struct page *page, const char *text)
{
    raw(page, "<p>");
    put(page, text);
    raw(page, "</p>\n");
}

static void put_setting(struct page *page, const struct report_setting *setting)
{
    raw(page, "<p><code>[");
    put(page, setting->section);
    raw(page, "] ");
    put(page, setting->key);
    raw(page, " = ");
    put(page, setting->value);
    raw(page, "</code> instead of <code>");
    put(page, setting->was[0] ? setting->was : "nothing");
    raw(page, "</code></p>\n");
}

static void advice(struct page *page, const struct advice *advice)
{
    buffer_append_format(page->out, "<section class=\"advice %s\">\n<h3>",
                         anomaly_severity_name(advice->severity));
    put(page, advice->title);
    raw(page, " ");
    put_badge(page, advice->severity, false);
    raw(page, "</h3>\n<p>");
    put(page, advice->evidence);
    raw(page, "</p>\n<p>");
    put(page, advice->action);
    raw(page, "</p>\n");
    for (size_t i = 0; i < advice->setting_count; i++) {
        put_setting(page, &advice->settings[i]);
    }
    raw(page, "</section>\n");
}

static void plots_begin(struct page *page)
{
    raw(page, "<div class=\"plots\">\n");
}

static void put_plot(struct page *page, const struct plot *plot)
{
    raw(page, "<figure><figcaption>");
    put(page, plot->title);
    raw(page, "</figcaption>");
    plot_put(page->out, plot);
    raw(page, "</figure>\n");
}

static void table_begin(struct page *page)
{
    raw(page, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t i = 0; i < page->column_count; i++) {
        raw(page, page->columns[i].number ? "<th class=\"n\">" : "<th>");
        put(page, page->columns[i].heading);
        raw(page, "</th>");
    }
    raw(page, "</tr></thead>\n<tbody>\n");
}

static void row_begin(struct page *page)
{
    raw(page, "<tr>");
}

static void row_end(struct page *page)
{
    raw(page, "</tr>\n");
}

static void table_end(struct page *page)
{
    raw(page, "</tbody>\n</table></div>\n");
}

static void text(struct page *page, const char *text, size_t length)
{
    raw(page, page->columns[page->column].number ? "<td class=\"n\">" : "<td>");
    words_put_html(page->out, text, length);
    raw(page, "</td>");
}

static void series(struct page *page, const char *name, size_t name_length, const char *tags,
                   size_t tags_length)
{
    raw(page, "<td><bdi>");
    words_put_html(page->out, name, name_length);
    raw(page, "</bdi>");
    if (tags_length > 0) {
        raw(page, "<bdi class=\"tags\">");
        words_put_html(page->out, tags, tags_length);
        raw(page, "</bdi>");
    }
    raw(page, "</td>");
}

static void severity(struct page *page, enum anomaly_severity severity)
{
    raw(page, "<td>");
    put_badge(page, severity, false);
    raw(page, "</td>");
}

static void line(struct page *page, const double *values, size_t count, bool fits)
{
    raw(page, "<td>");
    plot_put_sparkline(page->out, values, count, fits);
    raw(page, "</td>");
}

const struct page_form page_html = {
    .draws = true,
    .head = head,
    .tail = tail,
    .tile = tile,
    .tiles_end = tiles_end,
    .section = section,
    .paragraph = paragraph,
    .advice = advice,
    .plots_begin = plots_begin,
    .plot = put_plot,
    .plots_end = tiles_end,
    .table_begin = table_begin,
    .row_begin = row_begin,
    .row_end = row_end,
    .table_end = table_end,
    .text = text,
    .series = series,
    .severity = severity,
    .line = line,
};
