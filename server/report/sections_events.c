/* SPDX-License-Identifier: MIT */
#include "server/report/sections.h"

static void put_names(struct page *page, const char *metric, const char *tags)
{
    page_series(page, metric, strlen(metric), tags, strlen(tags));
}

void section_anomalies(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {{"Began", false}, {"Lasted", true},
                                                 {"", false},      {"Series", false},
                                                 {"Type", false},  {"Why", false}};
    page->form->section(page, "Anomalies", NULL);
    if (report->anomaly_count == 0) {
        page->form->paragraph(page, "None.");
        return;
    }
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->anomaly_count; i++) {
        const struct report_anomaly *anomaly = &report->anomalies[i];
        page_row(page);
        page_stamp(page, anomaly->from);
        if (anomaly->to > 0) {
            page_span(page, anomaly->to - anomaly->from);
        } else {
            page_text(page, "lasts");
        }
        page_severity(page, anomaly->severity);
        put_names(page, anomaly->metric, anomaly->tags);
        page_text(page, anomaly_type_name(anomaly->type));
        page_text(page, anomaly->reason);
        page_row_end(page);
    }
    page_table_end(page);
}

void section_alerts(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {{"Alert", false}, {"State", false},
                                                 {"", false},      {"Series", false},
                                                 {"Since", false}, {"Why", false}};
    if (report->alert_count == 0) {
        return;
    }
    page->form->section(page, "Alerts", NULL);
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->alert_count; i++) {
        const struct report_alert *alert = &report->alerts[i];
        page_row(page);
        page_text(page, alert->name);
        page_text(page, alert_state_name(alert->state));
        page_severity(page, alert->severity);
        put_names(page, alert->metric, alert->tags);
        page_stamp(page, alert->since);
        page_text(page, alert->reason);
        page_row_end(page);
    }
    page_table_end(page);
}
