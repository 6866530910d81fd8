/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/sigmactl/baseline_check.h"
#include "tools/sigmactl/baseline_print.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/snapshot_series.h"

/* Of a running server. */
#define WINDOWS_USUAL 60

static bool collect(struct baseline_job *job, char reason[CSV_READER_REASON_MAX])
{
    const struct csv_series_query query = {job->csv,    CSV_SERIES_KINDS,      job->from, job->to,
                                           job->metric, job->rules.statistics, 0};
    return job->csv ? csv_series_collect(&job->list, &query, reason)
                    : snapshot_series_collect(&job->list, &job->server,
                                              job->windows > 0 ? job->windows : WINDOWS_USUAL,
                                              job->metric, reason);
}

/* Says why where the run has nothing to go by. */
static bool read_run(struct baseline_job *job)
{
    char reason[CSV_READER_REASON_MAX] = "out of memory";
    job->rules.skip_s = (double)job->skip_ms / 1000;
    job->rules.file = &job->file;
    if (!collect(job, reason) || !baseline_measures_init(&job->measures, &job->list, &job->rules)) {
        fprintf(stderr, "sigmactl baseline: %s\n", reason);
        return false;
    }
    if (job->measures.unnamed > 0) {
        fprintf(stderr, "sigmactl baseline: %zu series are left out: their names are not UTF-8\n",
                job->measures.unnamed);
    }
    if (job->list.faults > 0) {
        fprintf(stderr, "sigmactl baseline: %" PRIu64 " damaged rows are left out\n",
                job->list.faults);
    }
    if (job->measures.count == job->measures.few) {
        fprintf(stderr,
                "sigmactl baseline: the run has no statistic of at least %d windows "
                "(%" PRIu64 " rows of %zu series)\n",
                BASELINE_WINDOWS_MIN, job->list.rows, job->list.count);
        return false;
    }
    return true;
}

static void release(struct baseline_job *job)
{
    baseline_file_deinit(&job->file);
    baseline_measures_deinit(&job->measures);
    csv_series_deinit(&job->list);
}

static bool write_file(const struct baseline_job *job)
{
    bool written = baseline_file_write(&job->file, job->path);
    if (!written) {
        fprintf(stderr, "sigmactl baseline: %s: %s\n", job->path, strerror(errno));
    }
    return written;
}

static bool update_file(struct baseline_job *job, const struct config *config)
{
    struct baseline_update update = {.config = config, .wishes = &job->wishes, .reset = job->reset};
    if (!read_run(job)) {
        return false;
    }
    if (!baseline_update_run(&update, &job->file, &job->measures)) {
        fprintf(stderr, "sigmactl baseline: out of memory\n");
        return false;
    }
    if (!write_file(job)) {
        return false;
    }
    printf("%s: %zu statistics taken in, %zu of them new", job->path, update.taken, update.made);
    if (update.known > 0) {
        printf("; %zu hold this run already", update.known);
    }
    if (job->measures.few > 0) {
        printf("; %zu of fewer than %d windows left out", job->measures.few, BASELINE_WINDOWS_MIN);
    }
    size_t held = update.taken + update.known;
    if (job->file.count > held) {
        printf("; %zu of the file are not in the run", job->file.count - held);
    }
    putchar('\n');
    return true;
}

int baseline_job_update(struct baseline_job *job)
{
    const struct config_sources sources = {.path = job->config_path, .environment = environ};
    struct config *config = config_load(&sources, stderr, NULL);
    if (!config) {
        return STATUS_FAILED;
    }
    bool updated = baseline_file_read(&job->file, job->path, stderr) != BASELINE_FILE_DAMAGED &&
                   update_file(job, config);
    config_free(config);
    release(job);
    return updated ? STATUS_OK : STATUS_FAILED;
}

/* Why a check that found nothing worse is none; NULL where it is one. */
static const char *gap(const struct baseline_job *job, const struct baseline_check *check)
{
    if (baseline_check_judged(check) == 0) {
        return "nothing of the baseline is in the run";
    }
    if (check->states[BASELINE_MISSING] > 0 && !job->allow_missing) {
        return "statistics of the baseline are missing from the run (--allow-missing lets them)";
    }
    return NULL;
}

static bool write_markdown(const struct baseline_job *job, const struct baseline_check *check,
                           const char *verdict)
{
    struct buffer text = {0};
    baseline_print_markdown(check, verdict, job->all, &text);
    FILE *file = text.failed ? NULL : fopen(job->markdown, "we");
    bool written = file && fwrite(text.bytes, 1, text.length, file) == text.length;
    written = file && fclose(file) == 0 && written;
    if (!written) {
        fprintf(stderr, "sigmactl baseline: %s: %s\n", job->markdown,
                text.failed ? "out of memory" : strerror(errno));
    }
    buffer_deinit(&text);
    return written;
}

static bool print_json(const struct baseline_check *check, const char *verdict)
{
    struct buffer text = {0};
    json_t *root = baseline_print_json(check, verdict);
    if (root) {
        json_print(&text, root, 0);
    }
    bool printed = root && !text.failed;
    if (printed) {
        fwrite(text.bytes, 1, text.length, stdout);
        putchar('\n');
    }
    json_decref(root);
    buffer_deinit(&text);
    return printed;
}

static bool print_text(const struct baseline_job *job, const struct baseline_check *check)
{
    struct buffer summary = {0};
    bool printed = baseline_print_table(check, job->all, stdout);
    baseline_print_summary(check, &summary);
    printed = printed && !summary.failed;
    if (printed) {
        fwrite(summary.bytes, 1, summary.length, stdout);
        putchar('\n');
    }
    buffer_deinit(&summary);
    return printed;
}

static int tell(const struct baseline_job *job, const struct baseline_check *check)
{
    const char *missing = gap(job, check);
    const char *verdict = baseline_check_worse(check) > 0 ? "failed"
                          : missing                       ? "not checked"
                                                          : "passed";
    bool told = job->json ? print_json(check, verdict) : print_text(job, check);
    if (!told) {
        fprintf(stderr, "sigmactl baseline: out of memory\n");
    }
    if (job->markdown && !write_markdown(job, check, verdict)) {
        told = false;
    }
    if (missing) {
        fprintf(stderr, "sigmactl baseline: %s\n", missing);
    }
    if (baseline_check_early(check) > 0) {
        fprintf(stderr,
                "sigmactl baseline: %zu of the worse have fewer than %d runs in the file, so that "
                "the spread between runs is not known\n",
                baseline_check_early(check), BASELINE_RUNS_SPREAD);
    }
    if (baseline_check_worse(check) > 0) {
        return STATUS_REGRESSION;
    }
    return told && !missing ? STATUS_OK : STATUS_FAILED;
}

static int hold_against(struct baseline_job *job)
{
    struct baseline_check check;
    const struct baseline_check_rules rules = {job->metric, &job->rules, job->level};
    baseline_wishes_apply(&job->wishes, &job->file);
    int status = STATUS_FAILED;
    if (!read_run(job)) {
        return status;
    }
    if (baseline_check_init(&check, &job->file, &job->measures, &rules)) {
        status = tell(job, &check);
    } else {
        fprintf(stderr, "sigmactl baseline: out of memory\n");
    }
    baseline_check_deinit(&check);
    return status;
}

int baseline_job_check(struct baseline_job *job)
{
    int status = STATUS_FAILED;
    enum baseline_file_status found = baseline_file_read(&job->file, job->path, stderr);
    if (found == BASELINE_FILE_READ) {
        status = hold_against(job);
    } else if (found == BASELINE_FILE_MISSING) {
        fprintf(stderr, "%s: there is no such file; sigmactl baseline update makes it\n",
                job->path);
    }
    release(job);
    return status;
}
