/* SPDX-License-Identifier: MIT */
#include "server/report/write.h"

#include <stdio.h>
#include <string.h>

#include "server/report/sections.h"

static const struct page_form *const forms[REPORT_FORMS] = {&page_markdown, &page_html};

static void put_tile(struct page *page, const char *label, double value, enum unit unit,
                     const char *note)
{
    char figure[32];
    page->form->tile(page, label, words_figure(figure, sizeof(figure), value, unit), note);
}

static double series_of(const struct report *report)
{
    double series = 0;
    for (size_t i = 0; i < STATSD_TYPES; i++) {
        series +=
            report->has_figures ? (double)report->flush.series[i] : (double)report->series_count[i];
    }
    return series;
}

/* Samples a second, and the share of datagrams that the kernel dropped. */
static void put_load_tiles(struct page *page, const struct report *report)
{
    char note[64];
    double seconds = report->points.to - report->points.from;
    double samples = (double)ingest_samples_received(&report->recent);
    double dropped = (double)report->recent.datagrams_dropped, came = dropped;
    for (size_t i = 0; i < TRANSPORTS; i++) {
        came += (double)report->recent.datagrams_received[i];
    }
    put_tile(page, "Samples", samples / (seconds > 0 ? seconds : 1), UNIT_PER_SECOND, "received");
    snprintf(note, sizeof(note), "%.0f datagrams by the kernel", dropped);
    put_tile(page, "Dropped", came > 0 ? dropped / came : 0, UNIT_SHARE, note);
}

static void put_tiles(struct page *page, const struct report *report)
{
    char note[64];
    if (report->has_figures) {
        put_load_tiles(page, report);
    }
    snprintf(note, sizeof(note), "%llu windows of %.3g s", (unsigned long long)report->windows,
             report->interval);
    put_tile(page, "Series", series_of(report), UNIT_NONE, note);
    snprintf(note, sizeof(note), "%llu last", (unsigned long long)report->anomalies_active);
    put_tile(page, "Anomalies", (double)report->anomalies_started, UNIT_NONE, note);
    snprintf(note, sizeof(note), "of %zu", report->alert_count);
    put_tile(page, "Alerts firing", (double)report->alerts_firing, UNIT_NONE,
             report->alert_count > 0 ? note : "none pending");
    page->form->tiles_end(page);
}

static void put_advice(struct page *page, const struct report *report)
{
    page->form->section(page, "Recommendations", NULL);
    if (report->advice_count == 0) {
        page->form->paragraph(page, "None: no rule found anything to mend.");
    }
    for (size_t i = 0; i < report->advice_count; i++) {
        page->form->advice(page, &report->advice[i]);
    }
}

void report_write(const struct report *report, enum report_form form, struct buffer *out)
{
    struct page page = {.form = forms[form], .out = out};
    page.form->head(&page, report);
    put_tiles(&page, report);
    section_changed(&page, report);
    put_advice(&page, report);
    section_load(&page, report);
    section_busiest(&page, report);
    section_slowest(&page, report);
    section_trends(&page, report);
    section_tags(&page, report);
    section_anomalies(&page, report);
    section_alerts(&page, report);
    section_balance(&page, report);
    section_sinks(&page, report);
    section_resources(&page, report);
    page.form->tail(&page, report);
}
