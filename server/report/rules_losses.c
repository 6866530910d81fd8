/* SPDX-License-Identifier: MIT
 *
 * Rules about what was received and is not in the figures, or was never received. Any loss that a
 * setting mends is told of; what senders do wrong is told of from one line in a hundred on.
 */
#include <math.h>
#include <string.h>

#include "proto/number.h"
#include "server/report/rules.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* A worker is saturated that takes so much of a processor over a whole window. */
#define SATURATED 0.8
/* Memory that the kernel counts for a datagram beside its bytes, in the measure of the setting:
 * struct sk_buff and the rounding of its data, half of what is charged (net/core/sock.c doubles
 * what is asked for). */
#define DATAGRAM_OVERHEAD 640
#define BUFFER_MAX (1024 * MIB)
/* Shares of all lines, or samples, from which on senders are told of. */
#define BAD_SHARE 0.01
#define LATE_SHARE 0.01

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static uint64_t power_above(double value)
{
    return (uint64_t)exp2(ceil(log2(fmax(value, 1))));
}

static double total(const uint64_t *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
    }
    return sum;
}

/* The window that dropped most, when one was dropped at all. */
static const struct tick *worst_drop(const struct report *report)
{
    const struct tick *worst = ticks_most(report->ticks, TICK_DROPPED, report->points.from);
    return worst && worst->figures[TICK_DROPPED] > 0 ? worst : NULL;
}

static bool is_saturated(const struct report *report)
{
    const struct tick *worst = worst_drop(report);
    return worst && worst->figures[TICK_WORKER] >= SATURATED;
}

/* What would have held the worst window's drops as well, doubled; at least the default. */
static uint64_t buffer_wanted(const struct report *report)
{
    const struct tick *worst = worst_drop(report);
    double bytes = (double)report->config->server.receive_buffer_bytes;
    if (worst) {
        double each = ratio(worst->figures[TICK_BYTES], worst->figures[TICK_DATAGRAMS]);
        bytes += worst->figures[TICK_DROPPED] * (each / 2 + DATAGRAM_OVERHEAD);
    }
    uint64_t wanted = power_above(2 * bytes);
    wanted = wanted > 8 * MIB ? wanted : 8 * MIB;
    return wanted < BUFFER_MAX ? wanted : BUFFER_MAX;
}

static void tell_drops(const struct report *report, struct advice *advice)
{
    const struct tick *worst = worst_drop(report);
    char size[32], granted[32], stamp[32];
    struct buffer text = {0};
    double dropped = (double)report->recent.datagrams_dropped;
    double came = dropped + total(report->recent.datagrams_received, TRANSPORTS);
    words_put_stamp(&text, worst ? worst->timestamp : 0);
    snprintf(stamp, sizeof(stamp), "%.*s", (int)text.length, text.bytes ? text.bytes : "");
    buffer_deinit(&text);
    advice_evidence(advice,
                    "The kernel dropped %.0f datagrams, %.3g %% of those that came, %.0f of them "
                    "in the window that "
                    "ended %s UTC. A socket may hold %s and was granted %s; the busiest worker "
                    "then took %.0f %% of "
                    "a processor.",
                    dropped, 100 * ratio(dropped, came), worst ? worst->figures[TICK_DROPPED] : 0.0,
                    stamp,
                    words_figure(size, sizeof(size),
                                 (double)report->config->server.receive_buffer_bytes, UNIT_BYTES),
                    report->receive_buffer_granted > 0
                        ? words_figure(granted, sizeof(granted),
                                       (double)report->receive_buffer_granted, UNIT_BYTES)
                        : "that",
                    worst ? 100 * worst->figures[TICK_WORKER] : 0.0);
    advice->severity = ratio(dropped, came) >= 0.01 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

/* The kernel dropped a datagram within the time, and no worker was saturated meanwhile. */
static bool receive_buffer(const struct report *report, struct advice *advice)
{
    uint64_t now = report->config->server.receive_buffer_bytes;
    uint64_t wanted = buffer_wanted(report);
    if (!report->has_figures || report->recent.datagrams_dropped == 0 || is_saturated(report) ||
        wanted <= now) {
        return false;
    }
    char size[32];
    words_figure(size, sizeof(size), (double)wanted, UNIT_BYTES);
    tell_drops(report, advice);
    advice_title(advice, "The receive buffer is too small: the kernel dropped %llu datagrams",
                 (unsigned long long)report->recent.datagrams_dropped);
    advice_action(
        advice,
        "Give each socket room for a burst: receive_buffer = %s, which takes a restart. Where the "
        "server may not pass it, also: sysctl -w net.core.rmem_max=%llu.",
        size, (unsigned long long)wanted);
    advice_set_size(advice, "server", "receive_buffer", wanted, now);
    return true;
}

/* Logs with [resources] on tell of a drop; how many at a time they do not, nor what was granted. */
static bool drops_logged(const struct report *report, struct advice *advice)
{
    uint64_t now = report->config->server.receive_buffer_bytes;
    uint64_t wanted = now < BUFFER_MAX / 4 ? 4 * now : BUFFER_MAX;
    if (report->has_figures || !report->config_known || report->drops_logged < 1 || wanted <= now) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "The kernel dropped %.0f datagrams", report->drops_logged);
    advice_evidence(advice, "sigmad_datagrams_dropped_total grew by so much within the time.");
    advice_action(
        advice,
        "Give each socket a larger buffer, or have more workers; a report of the running server "
        "tells which. It takes a restart.");
    advice_set_size(advice, "server", "receive_buffer", wanted > 8 * MIB ? wanted : 8 * MIB, now);
    return true;
}

/* The kernel dropped a datagram, and the sockets were granted less than is configured. */
static bool receive_buffer_granted(const struct report *report, struct advice *advice)
{
    uint64_t asked = report->config->server.receive_buffer_bytes;
    uint64_t granted = report->receive_buffer_granted;
    char wanted[32], has[32];
    if (!report->has_figures || granted == 0 || granted >= asked) {
        return false;
    }
    bool dropped = report->recent.datagrams_dropped > 0;
    words_figure(wanted, sizeof(wanted), (double)asked, UNIT_BYTES);
    words_figure(has, sizeof(has), (double)granted, UNIT_BYTES);
    advice->severity = dropped ? SEVERITY_CRITICAL : SEVERITY_INFO;
    advice_title(advice, "The kernel grants a smaller receive buffer than is configured");
    advice_evidence(
        advice,
        "server.receive_buffer is %s, sockets were granted %s, and %llu datagrams were dropped.",
        wanted, has, (unsigned long long)report->recent.datagrams_dropped);
    advice_action(
        advice,
        "Raise the system's bound, sysctl -w net.core.rmem_max=%llu (and in /etc/sysctl.d to "
        "keep it), or give the server CAP_NET_ADMIN; then restart it.",
        (unsigned long long)asked);
    return true;
}

/* The kernel dropped a datagram in a window in which a worker was saturated. */
static bool workers(const struct report *report, struct advice *advice)
{
    unsigned now = report->config->server.workers;
    unsigned most = report->cpus < 8 ? report->cpus : 8;
    if (!report->has_figures || !is_saturated(report) || now >= most) {
        return false;
    }
    tell_drops(report, advice);
    advice_title(advice, "A worker is saturated: the kernel dropped %llu datagrams",
                 (unsigned long long)report->recent.datagrams_dropped);
    advice_action(advice,
                  "Let more threads receive: the process may use %u processors. It takes a "
                  "restart; the order "
                  "of one sender's samples is kept.",
                  report->cpus);
    advice_set_count(advice, "server", "workers", 2 * now < most ? 2 * now : most, now);
    return true;
}

static const char *most_common(const uint64_t *values, size_t count, uint64_t *most)
{
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    *most = values[best];
    return loss_reason_name((unsigned)best);
}

/* At least one line in a hundred was refused; a sender is named that at least half of the logged
 * ones are from. */
static bool bad_lines(const struct report *report, struct advice *advice)
{
    uint64_t most;
    double refused = (double)ingest_lines_rejected(&report->recent);
    double lines = total(report->recent.lines_received, TRANSPORTS);
    const char *reason = most_common(report->recent.lines_rejected, STATSD_REASONS, &most);
    const struct report_sender *sender = &report->senders[0];
    bool one = report->sender_count > 0 && 2 * sender->lines >= report->refusals_logged;
    if (!report->has_figures || refused < 1 || refused < BAD_SHARE * lines) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "%.3g %% of all lines are refused%s%s", 100 * ratio(refused, lines),
                 one ? ", most of them from " : "", one ? sender->address : "");
    advice_evidence(
        advice, "%.0f of %.0f lines were refused, %llu of them for the reason %s.%s%s%s", refused,
        lines, (unsigned long long)most, reason, one ? " The latest that was logged: " : "",
        one ? sender->line : "", one ? "." : "");
    advice_action(
        advice, "Mend the sender; `sigmactl explain LINE` tells what is wrong with a line. The log "
                "names senders within log.bad_lines.");
    return true;
}

/* A sample was refused that a bound of the configuration would have let pass, had it been larger.
 */
static bool refused_by_bound(const struct report *report, struct advice *advice)
{
    static const struct {
        enum loss_reason reason;
        const char *key;
    } bounds[] = {{LOSS_NAME_TOO_LONG, "max_name"},
                  {LOSS_TOO_MANY_TAGS, "max_tags"},
                  {LOSS_TAGS_TOO_LONG, "max_tag_bytes"}};
    const uint64_t now[] = {report->config->limits.max_name_bytes, report->config->limits.max_tags,
                            report->config->limits.max_tag_bytes};
    const uint64_t most[] = {4096, 256, 16384};
    for (size_t i = 0; report->has_figures && i < 3; i++) {
        uint64_t lost = report->recent.samples_rejected[bounds[i].reason];
        if (lost == 0 || now[i] >= most[i]) {
            continue;
        }
        uint64_t next = 2 * now[i] < 1 ? 8 : 2 * now[i];
        advice->severity = SEVERITY_WARNING;
        advice_title(advice, "Samples are refused at limits.%s", bounds[i].key);
        advice_evidence(advice, "%llu samples were refused for the reason %s; the bound is %llu.",
                        (unsigned long long)lost, loss_reason_name(bounds[i].reason),
                        (unsigned long long)now[i]);
        advice_action(advice, "Raise the bound if these names are wanted; it takes a restart.");
        advice_set_count(advice, "limits", bounds[i].key, next < most[i] ? next : most[i], now[i]);
        return true;
    }
    return false;
}

/* A sample was refused since its rate is below metrics.min_sample_rate. */
static bool sample_rates(const struct report *report, struct advice *advice)
{
    uint64_t lost = report->recent.samples_rejected[LOSS_RATE_BELOW_MINIMUM];
    double now = report->config->metrics.min_sample_rate;
    char value[NUMBER_TEXT_MAX], was[NUMBER_TEXT_MAX];
    if (!report->has_figures || lost == 0 || now <= 0) {
        return false;
    }
    snprintf(value, sizeof(value), "%.3g", now / 1000);
    number_format(was, now);
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "Samples are refused for their rate");
    advice_evidence(advice,
                    "%llu samples had a rate (|@) below %s: each would count for more than %.3g.",
                    (unsigned long long)lost, was, 1 / now);
    advice_action(
        advice,
        "Most likely the sender is wrong. If it is not, allow smaller rates; it takes a restart.");
    advice_set(advice, "metrics", "min_sample_rate", value, was);
    return true;
}

/* At least one sample in a hundred carried a stamp of another window. */
static bool late_samples(const struct report *report, struct advice *advice)
{
    double late = (double)report->recent.samples_late;
    double samples = (double)ingest_samples_received(&report->recent);
    uint64_t now = report->config->flush.interval_ms;
    if (!report->has_figures || late < 1 || late < LATE_SHARE * samples) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "%.3g %% of all samples come late", 100 * ratio(late, samples));
    advice_evidence(
        advice,
        "%.0f of %.0f samples had a stamp (|T) of a window that was over, or not yet begun.", late,
        samples);
    advice_action(
        advice,
        "Look at the clocks of the senders and at how long they hold samples back; a longer "
        "window takes in more of them.");
    advice_set_duration(advice, "flush", "interval", 2 * now < 86400000 ? 2 * now : 86400000, now);
    return true;
}

/* A datagram did not fit into the buffer, or a line of a stream into server.stream_line. */
static bool lines_cut(const struct report *report, struct advice *advice)
{
    uint64_t lines = report->recent.lines_rejected[STATSD_LINE_TOO_LONG];
    uint64_t now = report->config->server.stream_line_bytes;
    if (!report->has_figures || lines == 0 || now >= 64 * KIB) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "%llu lines of streams are too long", (unsigned long long)lines);
    advice_evidence(advice, "They were longer than server.stream_line, %llu bytes.",
                    (unsigned long long)now);
    advice_action(advice, "Let lines be longer; it takes a restart.");
    advice_set_size(advice, "server", "stream_line", 4 * now < 64 * KIB ? 4 * now : 64 * KIB, now);
    return true;
}

/* A connection was closed as soon as it was accepted. */
static bool connections(const struct report *report, struct advice *advice)
{
    uint64_t refused = report->recent.connections_ended[CONNECTION_LIMIT];
    uint64_t now = report->config->server.stream_connections_max;
    if (!report->has_figures || refused == 0 || now >= 1000000) {
        return false;
    }
    advice->severity = SEVERITY_WARNING;
    advice_title(advice, "%llu connections were refused", (unsigned long long)refused);
    advice_evidence(advice, "server.stream_connections allows %llu at a time.",
                    (unsigned long long)now);
    advice_action(advice, "Allow more, and as many descriptors (LimitNOFILE); it takes a restart.");
    advice_set_count(advice, "server", "stream_connections", 2 * now < 1000000 ? 2 * now : 1000000,
                     now);
    return true;
}

/* An output fails at present, or gave up a window since the start, or has four fifths of its queue
 * in use. The first such output is told of. */
static bool sinks(const struct report *report, struct advice *advice)
{
    for (size_t i = 0; report->has_figures && i < report->sink_count; i++) {
        const struct report_sink *sink = &report->sinks[i];
        double used = ratio((double)sink->queue_bytes, (double)sink->queue_bytes_max);
        if (!sink->failing && sink->windows_lost == 0 && used < 0.8) {
            continue;
        }
        advice->severity = sink->failing || used >= 0.8 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
        advice_title(advice, "The output %s %s", sink->name,
                     sink->failing ? "fails"
                     : used >= 0.8 ? "cannot keep up"
                                   : "has lost windows");
        advice_evidence(advice, "%llu errors, %llu windows lost, %.0f %% of its queue in use.%s%s",
                        (unsigned long long)sink->errors, (unsigned long long)sink->windows_lost,
                        100 * used, sink->failing ? " The reason: " : "",
                        sink->failing ? sink->reason : "");
        advice_action(advice, "See to the receiver; a larger queue lasts over a longer outage.");
        if (sink->key && sink->queue_bytes_max > 0 && sink->queue_bytes_max <= 16 * KIB * MIB) {
            advice_set_size(advice, sink->section, sink->key, 4 * sink->queue_bytes_max,
                            sink->queue_bytes_max);
        }
        return true;
    }
    return false;
}

const struct rule rules_of_losses[] = {
    {"receive_buffer", receive_buffer},
    {"drops_logged", drops_logged},
    {"receive_buffer_granted", receive_buffer_granted},
    {"workers", workers},
    {"sinks", sinks},
    {"bad_lines", bad_lines},
    {"refused_by_bound", refused_by_bound},
    {"sample_rates", sample_rates},
    {"late_samples", late_samples},
    {"lines_cut", lines_cut},
    {"connections", connections},
    {NULL, NULL},
};
