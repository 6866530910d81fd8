/* SPDX-License-Identifier: MIT */
#include "server/modules/curl/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/small_file.h"

#define CA_FILE_BYTES_MAX (1 << 20)

/* How long one attempt at connecting may take, of the timeout of a request. */
#define CONNECT_MS_MAX 10000

/* What requests are made with. */
struct form {
    CURL *easy;
    struct curl_slist *list; /* headers, or who a mail is for */
};

struct transfer {
    struct event_base *base;
    CURLM *multi;
    struct form form;
    struct form renewed; /* takes its place with the next request; all zero = none */
    struct event *timer;
    transfer_done *done;
    void *context;
    bool mail, busy;
    const char *bytes; /* of the request in hand */
    size_t length, given;
    char error[CURL_ERROR_SIZE];
    char body[128]; /* the start of the answer's */
    size_t body_length, answer_bytes;
};

bool transfer_check_url(const char *url, bool mail)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    CURLUcode code = parsed ? curl_url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK) {
        code = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    }
    const char *plain = mail ? "smtp" : "http", *safe = mail ? "smtps" : "https";
    bool right = code == CURLUE_OK && (strcmp(scheme, plain) == 0 || strcmp(scheme, safe) == 0);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return right;
}

bool transfer_url_has_user(const char *url)
{
    CURLU *parsed = curl_url();
    char *user = NULL, *password = NULL;
    bool has = false;
    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
        has = curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK;
        has = curl_url_get(parsed, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK || has;
    }
    curl_free(user);
    curl_free(password);
    curl_url_cleanup(parsed);
    return has;
}

bool transfer_url_is_loopback(const char *url)
{
    CURLU *parsed = curl_url();
    char *host = NULL;
    bool is = parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
               (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host)));
    curl_free(host);
    curl_url_cleanup(parsed);
    return is;
}

bool transfer_check_ca_file(const char *path, char *why, size_t why_size)
{
    static const char beginning[] = "-----BEGIN ", kind[] = "CERTIFICATE-----";
    char *text = path ? malloc(CA_FILE_BYTES_MAX + 1) : NULL;
    ssize_t length = text ? config_read_small_file(path, text, CA_FILE_BYTES_MAX + 1) : -1;
    bool right =
        !path || (length > 0 && memmem(text, (size_t)length, beginning, strlen(beginning)) &&
                  memmem(text, (size_t)length, kind, strlen(kind)));
    if (length < 0 && path) {
        snprintf(why, why_size, "'%s': %s", path, strerror(errno));
    } else if (!right) {
        snprintf(why, why_size, "'%s' has no certificate (PEM)", path);
    }
    free(text);
    return right;
}

bool transfer_may_pass(const struct transfer_answer *answer, bool mail)
{
    long status = answer->status;
    if (mail) {
        return status < 500;
    }
    return status < 200 || status == 408 || status == 429 || status >= 500;
}

/* The status that counts. Of HTTP it does once the whole answer, or more than is read of one, is
 * there; a mail server's last reply may be to a step before the one that failed. */
static long read_status(const struct transfer *transfer, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(transfer->form.easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK) {
        return status;
    }
    if (transfer->mail) {
        return status >= 400 ? status : 0;
    }
    return transfer->answer_bytes > TRANSFER_ANSWER_BYTES_MAX ? status : 0;
}

static void give_reason(const struct transfer *transfer, CURLcode result,
                        struct transfer_answer *answer)
{
    if (answer->status > 0 && !transfer->mail) {
        size_t length = strcspn(transfer->body, "\r\n");
        snprintf(answer->reason, sizeof(answer->reason), "HTTP %ld%s%.*s", answer->status,
                 length > 0 ? ": " : "", (int)length, transfer->body);
    } else {
        const char *words = transfer->error[0] ? transfer->error : curl_easy_strerror(result);
        snprintf(answer->reason, sizeof(answer->reason), "%.*s", (int)sizeof(answer->reason) - 1,
                 words);
    }
}

static void finish(struct transfer *transfer, CURLcode result)
{
    struct transfer_answer answer = {0};
    curl_off_t value = 0;
    curl_multi_remove_handle(transfer->multi, transfer->form.easy);
    if (curl_easy_getinfo(transfer->form.easy, CURLINFO_SIZE_UPLOAD_T, &value) == CURLE_OK) {
        answer.sent_bytes = (uint64_t)value;
    }
    answer.status = read_status(transfer, result);
    answer.taken = transfer->mail ? result == CURLE_OK : answer.status / 100 == 2;
    if (curl_easy_getinfo(transfer->form.easy, CURLINFO_RETRY_AFTER, &value) == CURLE_OK) {
        answer.retry_after_s = (uint64_t)value;
    }
    give_reason(transfer, result, &answer);
    transfer->busy = false;
    transfer->done(transfer->context, &answer);
}

static void look_for_end(struct transfer *transfer)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(transfer->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            finish(transfer, message->data.result);
            return; /* there is one request at a time, and done() may have begun the next */
        }
    }
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct transfer *transfer = context;
    int running;
    int action =
        ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(transfer->multi, fd, action, &running);
    look_for_end(transfer);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct transfer *transfer = context;
    int running;
    curl_multi_socket_action(transfer->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_for_end(transfer);
}

/* libcurl says what it wants to know of a socket; the event is what it has assigned to it. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    (void)easy;
    struct transfer *transfer = context;
    if (assigned) {
        event_free(assigned);
        curl_multi_assign(transfer->multi, fd, NULL);
    }
    if (what == CURL_POLL_REMOVE) {
        return 0;
    }
    short events = (short)(EV_PERSIST | ((what & CURL_POLL_IN) ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) ? EV_WRITE : 0));
    struct event *event = event_new(transfer->base, fd, events, on_socket, transfer);
    if (!event || event_add(event, NULL) != 0) {
        if (event) {
            event_free(event);
        }
        return -1;
    }
    curl_multi_assign(transfer->multi, fd, event);
    return 0;
}

static int watch_time(CURLM *multi, long wait_ms, void *context)
{
    (void)multi;
    struct transfer *transfer = context;
    if (wait_ms < 0) {
        return evtimer_del(transfer->timer);
    }
    const struct timeval wait = {.tv_sec = wait_ms / 1000,
                                 .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    return evtimer_add(transfer->timer, &wait);
}

static size_t keep_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;
    size_t room = sizeof(transfer->body) - 1 - transfer->body_length;
    size_t kept = length < room ? length : room;
    memcpy(transfer->body + transfer->body_length, bytes, kept);
    transfer->body_length += kept;
    transfer->body[transfer->body_length] = '\0';
    transfer->answer_bytes += length;
    return transfer->answer_bytes > TRANSFER_ANSWER_BYTES_MAX ? 0 : length;
}

/* The next bytes of a mail. */
static size_t give_bytes(char *room, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t left = transfer->length - transfer->given;
    size_t length = left < size * count ? left : size * count;
    memcpy(room, transfer->bytes + transfer->given, length);
    transfer->given += length;
    return length;
}

static bool append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    *list = longer ? longer : *list;
    return longer != NULL;
}

/* Whether a further header takes the place of this one. */
static bool is_replaced(const struct transfer_header *header, const struct config_strings *lines)
{
    size_t length = strlen(header->name);
    for (size_t i = 0; lines && i < lines->count; i++) {
        if (strncasecmp(lines->items[i], header->name, length) == 0 &&
            lines->items[i][length] == ':') {
            return true;
        }
    }
    return false;
}

static bool add_header(struct curl_slist **list, const struct transfer_header *header,
                       const struct config_strings *lines)
{
    char *line = NULL;
    if (!header->value || !header->value[0] || is_replaced(header, lines)) {
        return true;
    }
    if (asprintf(&line, "%s: %s", header->name, header->value) < 0) {
        return false;
    }
    bool added = append(list, line);
    free(line);
    return added;
}

static bool add_headers(struct curl_slist **list, const struct transfer_options *options)
{
    static const struct transfer_header agent = {"User-Agent", "sigmad/" SIGMAD_VERSION};
    const struct config_strings *lines = options->lines;
    bool added = add_header(list, &agent, lines) && append(list, "Expect:");
    for (size_t i = 0; added && i < options->header_count; i++) {
        added = add_header(list, &options->headers[i], lines);
    }
    for (size_t i = 0; added && lines && i < lines->count; i++) {
        added = append(list, lines->items[i]);
    }
    return added;
}

static bool set_up_http(struct form *form, const struct transfer_options *options)
{
    bool added = add_headers(&form->list, options);
    curl_easy_setopt(form->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(form->easy, CURLOPT_HTTPHEADER, form->list);
    curl_easy_setopt(form->easy, CURLOPT_POST, 1L);
    return added;
}

/* A mail server that offers STARTTLS is spoken to through it, unless that is turned off. It has to
 * where a password is to go over a network. */
static long starttls_level(const struct transfer_options *options, bool secret)
{
    switch (options->mail->starttls) {
    case TRANSFER_TLS_REQUIRED:
        return CURLUSESSL_ALL;
    case TRANSFER_TLS_NEVER:
        return CURLUSESSL_NONE;
    default:
        return secret && !transfer_url_is_loopback(options->url) ? CURLUSESSL_ALL : CURLUSESSL_TRY;
    }
}

static bool set_up_mail(struct transfer *transfer, struct form *form,
                        const struct transfer_options *options)
{
    const struct transfer_mail *mail = options->mail;
    CURL *easy = form->easy;
    bool added = true;
    bool secret = mail->username && mail->username[0];
    for (size_t i = 0; added && i < mail->to_count; i++) {
        added = append(&form->list, mail->to[i]);
    }
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_USE_SSL, starttls_level(options, secret));
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, form->list);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_bytes);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    if (secret) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, mail->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, mail->password ? mail->password : "");
    }
    return added;
}

/* A file of our own is small, and read for every connection, so that a new one is seen. */
static void set_up_trust(CURL *easy, const char *ca_file)
{
    if (ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x075700
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
    }
}

static bool set_up(struct transfer *transfer, struct form *form,
                   const struct transfer_options *options)
{
    CURL *easy = form->easy;
    long timeout_ms = (long)options->timeout_ms;
    curl_easy_setopt(easy, CURLOPT_URL, options->url);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     timeout_ms < CONNECT_MS_MAX ? timeout_ms : CONNECT_MS_MAX);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    set_up_trust(easy, options->ca_file);
    return transfer->mail ? set_up_mail(transfer, form, options) : set_up_http(form, options);
}

static void free_form(struct form *form)
{
    curl_easy_cleanup(form->easy);
    curl_slist_free_all(form->list);
    *form = (struct form){0};
}

static bool make_form(struct transfer *transfer, struct form *form,
                      const struct transfer_options *options)
{
    *form = (struct form){.easy = curl_easy_init()};
    bool made = form->easy && set_up(transfer, form, options);
    if (!made) {
        free_form(form);
    }
    return made;
}

static bool make_multi(struct transfer *transfer)
{
    transfer->multi = curl_multi_init();
    curl_multi_setopt(transfer->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(transfer->multi, CURLMOPT_SOCKETDATA, transfer);
    curl_multi_setopt(transfer->multi, CURLMOPT_TIMERFUNCTION, watch_time);
    curl_multi_setopt(transfer->multi, CURLMOPT_TIMERDATA, transfer);
    return transfer->multi != NULL;
}

struct transfer *transfer_new(const struct transfer_options *options, transfer_done *done,
                              void *context)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (transfer && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(transfer);
        transfer = NULL;
    }
    if (!transfer) {
        return NULL;
    }
    transfer->base = options->base;
    transfer->done = done;
    transfer->context = context;
    transfer->mail = options->mail != NULL;
    transfer->timer = evtimer_new(options->base, on_timer, transfer);
    if (!transfer->timer || !make_multi(transfer) ||
        !make_form(transfer, &transfer->form, options)) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

bool transfer_renew(struct transfer *transfer, const struct transfer_options *options)
{
    struct form form;
    if (!make_form(transfer, &form, options)) {
        return false;
    }
    free_form(&transfer->renewed);
    transfer->renewed = form;
    return true;
}

void transfer_free(struct transfer *transfer)
{
    if (!transfer) {
        return;
    }
    if (transfer->busy) {
        curl_multi_remove_handle(transfer->multi, transfer->form.easy);
    }
    /* The multi handle closes the connections that are kept, and for that still calls back. */
    curl_multi_cleanup(transfer->multi);
    free_form(&transfer->renewed);
    free_form(&transfer->form);
    if (transfer->timer) {
        event_free(transfer->timer);
    }
    curl_global_cleanup();
    free(transfer);
}

static void take_renewed(struct transfer *transfer)
{
    if (transfer->renewed.easy) {
        free_form(&transfer->form);
        transfer->form = transfer->renewed;
        transfer->renewed = (struct form){0};
    }
}

bool transfer_send(struct transfer *transfer, const char *bytes, size_t length)
{
    take_renewed(transfer);
    CURL *easy = transfer->form.easy;
    transfer->body_length = transfer->answer_bytes = transfer->given = 0;
    transfer->body[0] = transfer->error[0] = '\0';
    transfer->bytes = bytes;
    transfer->length = length;
    if (transfer->mail) {
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length);
    } else {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    }
    transfer->busy = curl_multi_add_handle(transfer->multi, easy) == CURLM_OK;
    return transfer->busy;
}
