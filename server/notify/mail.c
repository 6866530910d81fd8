/* SPDX-License-Identifier: MIT
 *
 * The body is in base64, so that neither its bytes nor the length of its lines matter to a server;
 * a subject that is not printable ASCII is made of encoded words (RFC 2047), cut between
 * characters.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/text.h"
#include "server/notify/render.h"
#include "server/notify/texts.h"

#define LINE_INPUT_BYTES 57 /* 76 characters of base64 */
#define WORD_INPUT_BYTES 45 /* 60 of them: an encoded word has at most 75 with what is around */
#define SUBJECT_BYTES_MAX 900

static void put_base64(struct buffer *out, const char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < length; at += 3) {
        size_t left = length - at;
        unsigned group = (unsigned)(unsigned char)bytes[at] << 16;
        group |= left > 1 ? (unsigned)(unsigned char)bytes[at + 1] << 8 : 0;
        group |= left > 2 ? (unsigned)(unsigned char)bytes[at + 2] : 0;
        const char text[4] = {digits[group >> 18], digits[group >> 12 & 63],
                              left > 1 ? digits[group >> 6 & 63] : '=',
                              left > 2 ? digits[group & 63] : '='};
        buffer_append(out, text, sizeof(text));
    }
}

/* Whether it may stand in a header as it is: ASCII, and nothing that would be decoded. */
static bool is_plain(const struct buffer *text)
{
    if (memmem(text->bytes, text->length, "=?", 2)) {
        return false;
    }
    for (size_t i = 0; i < text->length; i++) {
        if (text->bytes[i] < ' ' || text->bytes[i] > '~') {
            return false;
        }
    }
    return true;
}

/* As many bytes as fit without cutting a character of UTF-8 in two; of what is none, all that fit.
 */
static size_t cut(const char *text, size_t length, size_t bytes_max)
{
    if (length <= bytes_max) {
        return length;
    }
    size_t end = bytes_max;
    while (end > bytes_max - 4 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    return end > bytes_max - 4 ? end : bytes_max;
}

static void put_words(struct buffer *out, const struct buffer *text)
{
    for (size_t at = 0; at < text->length;) {
        size_t length = cut(text->bytes + at, text->length - at, WORD_INPUT_BYTES);
        buffer_append_text(out, at > 0 ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        put_base64(out, text->bytes + at, length);
        buffer_append_text(out, "?=");
        at += length;
    }
}

static void put_subject(struct buffer *out, const struct notify_batch *batch)
{
    struct buffer text = {0};
    const char *subject = batch->config->subject;
    notify_text_fill(&text, subject, strlen(subject), batch->items[0], batch->config->name,
                     NOTIFY_FILL_LINE);
    if (batch->count > 1) {
        buffer_append_format(&text, " and %zu more", batch->count - 1);
    }
    buffer_append_text(out, "Subject: ");
    if (!text.failed && text.length > 0) {
        text.length = cut(text.bytes, text.length, SUBJECT_BYTES_MAX);
        if (is_plain(&text)) {
            buffer_append(out, text.bytes, text.length);
        } else {
            put_words(out, &text);
        }
    }
    buffer_append_text(out, "\r\n");
    out->failed = out->failed || text.failed;
    buffer_deinit(&text);
}

/* An address of the configuration; nothing of it can begin a line. */
static void put_address(struct buffer *out, const char *address)
{
    for (; *address; address++) {
        buffer_append(out, (unsigned char)*address < ' ' ? " " : address, 1);
    }
}

static void put_date(struct buffer *out, double now)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)now;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    buffer_append_format(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[parts.tm_wday],
                         parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                         parts.tm_min, parts.tm_sec);
}

/* The domain of the sender, as far as it is one. */
static void put_message_id(struct buffer *out, const struct notify_batch *batch)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const char *at = strrchr(batch->config->from, '@');
    const char *domain = at ? at + 1 : "";
    int length = (int)strspn(domain, allowed);
    buffer_append_format(
        out, "Message-ID: <%016llx.%016llx@%.*s>\r\n", (unsigned long long)batch->identifier[0],
        (unsigned long long)batch->identifier[1], length > 0 ? length : (int)strlen("sigmad"),
        length > 0 ? domain : "sigmad");
}

static void put_headers(struct buffer *out, const struct notify_batch *batch)
{
    const struct config_strings *to = &batch->config->to;
    put_date(out, batch->now);
    buffer_append_text(out, "From: ");
    put_address(out, batch->config->from);
    buffer_append_text(out, "\r\nTo: ");
    for (size_t i = 0; i < to->count; i++) {
        buffer_append_text(out, i > 0 ? ",\r\n " : "");
        put_address(out, to->items[i]);
    }
    buffer_append_text(out, "\r\n");
    put_message_id(out, batch);
    put_subject(out, batch);
    buffer_append_text(out, "Auto-Submitted: auto-generated\r\n"
                            "MIME-Version: 1.0\r\n"
                            "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
}

static void put_line(struct buffer *out, const char *name, const char *value)
{
    if (value[0]) {
        buffer_append_format(out, "  %-10s ", name);
        buffer_append_text(out, value);
        buffer_append_text(out, "\n");
    }
}

static void put_alert(struct buffer *out, const struct notification *notification)
{
    char time[NOTIFY_TIME_BYTES];
    const struct alert_row *row = &notification->row;
    buffer_append_format(out, "[%s] ", notification_status(notification));
    notify_text_title(out, notification);
    buffer_append_text(out, "\n");
    put_line(out, "reason", row->reason);
    put_line(out, "about", row->description);
    put_line(out, "condition", row->condition);
    put_line(out, "severity", anomaly_severity_name(row->severity));
    notify_text_time(time, row->firing_since);
    put_line(out, "since", time);
    if (notification_is_over(notification)) {
        notify_text_time(time, row->resolved_at);
        put_line(out, "until", time);
    }
    buffer_append_text(out, "\n");
}

static void put_body(struct buffer *out, const struct notify_batch *batch)
{
    struct buffer text = {0};
    if (batch->template) {
        notify_text_fill(&text, batch->template, batch->template_length, batch->items[0],
                         batch->config->name, NOTIFY_FILL_PLAIN);
    }
    for (size_t i = 0; !batch->template && i < batch->count; i++) {
        put_alert(&text, batch->items[i]);
    }
    for (size_t at = 0; at < text.length && !text.failed; at += LINE_INPUT_BYTES) {
        size_t left = text.length - at;
        put_base64(out, text.bytes + at, left < LINE_INPUT_BYTES ? left : LINE_INPUT_BYTES);
        buffer_append_text(out, "\r\n");
    }
    out->failed = out->failed || text.failed;
    buffer_deinit(&text);
}

void notify_render_mail(const struct notify_batch *batch, struct buffer *out)
{
    put_headers(out, batch);
    put_body(out, batch);
}
