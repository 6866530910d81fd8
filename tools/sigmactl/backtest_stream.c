/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/backtest_stream.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "proto/number.h"
#include "tools/sigmactl/backtest_judge.h"
#include "tools/sigmactl/csv_line.h"
#include "tools/sigmactl/stamp.h"

static const char header[] = "timestamp,value,anomaly_score,severity\n";

struct stream {
    const char *name;
    FILE *in, *out;
    uint64_t line, faults;
    struct judge judge;
    char text[BACKTEST_LINE_MAX + 1];
    char kept[BACKTEST_LINE_MAX + 1]; /* the line as it came */
};

static void tell(struct stream *stream, const char *why)
{
    fprintf(stderr, "sigmactl backtest: %s:%" PRIu64 ": %s\n", stream->name, stream->line, why);
    stream->faults++;
}

/* The next line, without its end; false at the end. What is beyond its bound is left out, and
 * *length is then the bound. */
static bool read_line(struct stream *stream, size_t *length)
{
    int byte = getc(stream->in);
    if (byte == EOF) {
        return false;
    }
    stream->line++;
    for (*length = 0; byte != '\n' && byte != EOF; byte = getc(stream->in)) {
        if (*length < BACKTEST_LINE_MAX) {
            stream->text[(*length)++] = (char)byte;
        }
    }
    *length -= *length > 0 && stream->text[*length - 1] == '\r';
    stream->text[*length] = '\0';
    return true;
}

static const char *value_of(const struct csv_field *field, double *value)
{
    if (!number_parse(field->text, field->length, value) || !isfinite(*value)) {
        return "the value is no finite number";
    }
    return fabs(*value) <= DETECTOR_VALUE_MAX ? NULL : "the value is too large to be judged";
}

/* NULL, or what is wrong with the row in stream->text. */
static const char *take_apart(struct stream *stream, size_t length, double *stamp, double *value)
{
    struct csv_line line;
    if (length >= BACKTEST_LINE_MAX || memchr(stream->text, '\0', length) != NULL) {
        return length >= BACKTEST_LINE_MAX ? "the line is too long" : "the line holds a NUL";
    }
    const char *fault = csv_line_split(stream->text, length, &line);
    if (fault != NULL) {
        return fault;
    }
    if (line.count != 2) {
        return length == 0 ? "the line is empty" : "not two fields, timestamp and value";
    }
    if (!stamp_parse(line.fields[0].text, stamp)) {
        return "the timestamp is neither Unix seconds nor YYYY-MM-DD HH:MM:SS";
    }
    return value_of(&line.fields[1], value);
}

static void judge_row(struct stream *stream, size_t length)
{
    double stamp;
    double value;
    memcpy(stream->kept, stream->text, length + 1);
    const char *fault = take_apart(stream, length, &stamp, &value);
    if (fault != NULL) {
        tell(stream, fault);
        return;
    }
    struct judgement judgement = judge_take(&stream->judge, stamp, value, 0);
    char score[NUMBER_TEXT_MAX];
    number_format(score, judgement.reading.score);
    fprintf(stream->out, "%s,%s,%s\n", stream->kept, score,
            judgement.start != NULL ? anomaly_severity_name(judgement.start->severity) : "");
}

static bool is_header(const char *text)
{
    return strcmp(text, "timestamp,value") == 0;
}

bool backtest_stream(const struct config *config, FILE *in, const char *name, FILE *out)
{
    struct stream stream = {.name = name, .in = in, .out = out};
    bool made = judge_init(&stream.judge, config, STATSD_GAUGE, "value", STATISTIC_VALUE);
    fputs(header, out);
    for (size_t length; made && !ferror(out) && read_line(&stream, &length);) {
        if (stream.line > 1 || !is_header(stream.text)) {
            judge_row(&stream, length);
        }
    }
    judge_deinit(&stream.judge);
    if (!made) {
        fprintf(stderr, "sigmactl backtest: out of memory\n");
        return false;
    }
    if (ferror(in) || fflush(out) != 0 || ferror(out)) {
        fprintf(stderr, "sigmactl backtest: %s: %s\n", ferror(in) ? name : "standard output",
                strerror(errno));
        return false;
    }
    return stream.faults == 0;
}
