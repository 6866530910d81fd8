/* SPDX-License-Identifier: MIT
 *
 * Start: lock, sockets, pool, registry, workers, flusher, sinks, HTTP, threads, "ready". Stop:
 * workers take in what was received, the flusher closes the last window, HTTP ends, the sinks write
 * the window, drops are read once more, sockets close.
 */
#include "server/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/console/console.h"
#include "server/core/hash.h"
#include "server/core/log.h"
#include "server/core/pool.h"
#include "server/flush/flusher.h"
#include "server/http/server.h"
#include "server/listeners.h"
#include "server/lock.h"
#include "server/net/worker.h"
#include "server/profiling.h"
#include "server/relay_sink.h"
#include "server/settings.h"
#include "server/sinks.h"
#include "server/state.h"

#define STOP_MS_MAX 10000
#define REASON_BYTES 512

struct daemon {
    struct settings settings;
    struct event_base *base;
    struct event *events[6];
    size_t event_count;
    int notify_fd;
    int lock_fd;
    struct pool *pool;
    struct registry *registry;
    struct listeners listeners;
    struct streams_quota quota;
    struct worker **workers;
    struct handover *handovers;
    size_t worker_count;
    struct flusher *flusher;
    struct sinks sinks;
    struct sink *relay;  /* one of them, or NULL */
    struct state *state; /* one of them too, or NULL */
    _Atomic bool input_ended;
    struct http_server *http;
    struct console *console;
    bool totals; /* timers keep sketches of all their samples */
    uint64_t started_ns;
    bool stopping;
};

static void daemon_notify(void *context)
{
    struct daemon *daemon = context;
    uint64_t one = 1;
    ssize_t written = write(daemon->notify_fd, &one, sizeof(one));
    (void)written;
}

static void publish(void *context, const struct snapshot *snapshot)
{
    struct daemon *daemon = context;
    sinks_submit(&daemon->sinks, snapshot);
}

static void keep(void *context, const char *section, struct buffer *kept, flusher_render *render)
{
    struct daemon *daemon = context;
    state_keep(daemon->state, section, kept, render);
}

static void ingest(void *context, struct ingest_figures *figures)
{
    struct daemon *daemon = context;
    memset(figures, 0, sizeof(*figures));
    for (size_t i = 0; i < daemon->worker_count; i++) {
        struct ingest_figures own;
        worker_figures(daemon->workers[i], &own);
        ingest_figures_add(figures, &own);
    }
}

static bool is_ready(void *context, char *reason, size_t reason_size)
{
    struct daemon *daemon = context;
    if (daemon->stopping) {
        snprintf(reason, reason_size, "stopping");
        return false;
    }
    return sinks_ready(&daemon->sinks, reason, reason_size);
}

static void log_refusals(struct daemon *daemon)
{
    struct refusal refusal;
    for (size_t i = 0; i < daemon->worker_count; i++) {
        while (worker_next_refusal(daemon->workers[i], &refusal)) {
            log_line(LOG_LEVEL_WARNING, "refused", "reason", loss_reason_name(refusal.reason),
                     "from", refusal.sender, "line", refusal.line, "bytes",
                     log_text("%u", refusal.line_length), "suppressed",
                     log_text("%llu", (unsigned long long)refusal.suppressed), NULL);
            if (daemon->http) {
                http_server_tell_refusal(daemon->http, refusal.sender, refusal.line,
                                         loss_reason_name(refusal.reason));
            }
        }
    }
}

static void apply_mapping(struct daemon *daemon)
{
    struct mapper mapper = settings_take_mapper(&daemon->settings);
    if (mapper.mapping && mapping_has_histograms(mapper.mapping) && !daemon->totals) {
        log_line(LOG_LEVEL_WARNING, "the first histograms of a mapping take a restart", "file",
                 daemon->settings.config->prometheus.mapping, NULL);
    }
    if (daemon->http) {
        http_server_map(daemon->http, mapper);
    } else {
        mapper_close(&mapper);
    }
}

static void warn_of_state(const struct daemon *daemon)
{
    const struct config *config = daemon->settings.config;
    if (config->alerts.count > 0 && config->state.file && !daemon->state) {
        log_line(LOG_LEVEL_WARNING, "the first alerts are kept over restarts from the next on",
                 "file", config->state.file, NULL);
    }
}

static void apply(struct daemon *daemon)
{
    const struct config *config = daemon->settings.config;
    log_set_level(config->log.level);
    flusher_configure(daemon->flusher, config);
    sinks_configure(&daemon->sinks, config);
    if (daemon->http) {
        http_server_configure(daemon->http, config);
    }
    if (daemon->console) {
        console_configure(daemon->console, config);
    }
    apply_mapping(daemon);
    warn_of_state(daemon);
}

static bool reload(void *context, char *reason, size_t reason_size)
{
    struct daemon *daemon = context;
    if (!settings_reload(&daemon->settings, daemon->flusher, reason, reason_size)) {
        return false;
    }
    apply(daemon);
    log_line(LOG_LEVEL_INFO, "reloaded", NULL);
    return true;
}

/* Worker's thread: standard input has come to its end. */
static void input_ended(void *context)
{
    struct daemon *daemon = context;
    atomic_store_explicit(&daemon->input_ended, true, memory_order_release);
    daemon_notify(daemon);
}

/* Nothing can come any more where standard input was the only input. */
static bool has_run_dry(const struct daemon *daemon)
{
    return daemon->listeners.listening_count == 0 &&
           atomic_load_explicit(&daemon->input_ended, memory_order_acquire);
}

static void on_notify(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
    if (daemon->http) {
        http_server_wake(daemon->http);
    }
    if (daemon->console) {
        console_wake(daemon->console);
    }
    if (has_run_dry(daemon) && !daemon->stopping) {
        log_line(LOG_LEVEL_INFO, "stopping", "reason", "standard input has ended", NULL);
        daemon->stopping = true;
        event_base_loopbreak(daemon->base);
    }
}

static void on_second(evutil_socket_t fd, short what, void *context)
{
    struct daemon *daemon = context;
    (void)fd;
    (void)what;
    log_refusals(daemon);
    if (daemon->relay) {
        relay_sink_log(daemon->relay);
    }
}

static void on_stop(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    log_line(LOG_LEVEL_INFO, "stopping", "signal", strsignal((int)number), NULL);
    daemon->stopping = true;
    event_base_loopbreak(daemon->base);
}

static void on_hangup(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct daemon *daemon = context;
    char reason[REASON_BYTES];
    if (daemon->stopping) {
        return;
    }
    if (!reload(daemon, reason, sizeof(reason))) {
        log_line(LOG_LEVEL_ERROR, "not reloaded", "reason", reason, NULL);
    }
    /* Behind it, so that what is sent at once is sent with the secrets that were just read. */
    sinks_reopen(&daemon->sinks);
}

static bool add_event(struct daemon *daemon, evutil_socket_t fd, short what,
                      event_callback_fn callback, const struct timeval *interval)
{
    struct event *event = event_new(daemon->base, fd, what | EV_PERSIST, callback, daemon);
    if (!event || event_add(event, interval) != 0) {
        return false;
    }
    daemon->events[daemon->event_count++] = event;
    return true;
}

static bool make_loop(struct daemon *daemon)
{
    const struct timeval second = {.tv_sec = 1};
    signal(SIGPIPE, SIG_IGN);
    daemon->base = event_base_new();
    daemon->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return daemon->base && daemon->notify_fd >= 0 &&
           add_event(daemon, daemon->notify_fd, EV_READ, on_notify, NULL) &&
           add_event(daemon, -1, 0, on_second, &second) &&
           add_event(daemon, SIGTERM, EV_SIGNAL, on_stop, NULL) &&
           add_event(daemon, SIGINT, EV_SIGNAL, on_stop, NULL) &&
           add_event(daemon, SIGHUP, EV_SIGNAL, on_hangup, NULL);
}

static bool make_store(struct daemon *daemon)
{
    hash_init();
    daemon->pool = pool_new(daemon->settings.config->limits.memory_bytes);
    daemon->registry = daemon->pool ? registry_new(daemon->settings.config, daemon->pool) : NULL;
    return daemon->registry != NULL;
}

static bool make_relay(struct daemon *daemon, char *reason, size_t reason_size)
{
    if (daemon->settings.config->relay.address.count == 0) {
        return true;
    }
    daemon->relay = relay_sink_new(daemon->settings.config, &daemon->listeners, &clock_system,
                                   daemon_notify, daemon, reason, reason_size);
    if (daemon->relay) {
        daemon->sinks.items[daemon->sinks.count++] = daemon->relay;
    }
    return daemon->relay != NULL;
}

/* Where there is something to keep, or something was kept. */
static bool make_state(struct daemon *daemon)
{
    const struct config *config = daemon->settings.config;
    const char *path = config->state.file;
    if (!path || (config->alerts.count == 0 && access(path, F_OK) != 0)) {
        return true;
    }
    daemon->state = state_new(path, config->csv.directory, daemon_notify, daemon);
    if (daemon->state) {
        daemon->sinks.items[daemon->sinks.count++] = state_sink(daemon->state);
    }
    return daemon->state != NULL;
}

static bool make_workers(struct daemon *daemon)
{
    unsigned count = daemon->settings.config->server.workers;
    daemon->workers = calloc(count, sizeof(struct worker *));
    daemon->handovers = calloc(count, sizeof(*daemon->handovers));
    if (!daemon->workers || !daemon->handovers) {
        return false;
    }
    daemon->quota.open_max = daemon->settings.config->server.stream_connections_max;
    for (unsigned i = 0; i < count; i++) {
        size_t socket_count;
        const struct worker_socket *sockets = listeners_of(&daemon->listeners, i, &socket_count);
        struct worker_options options = {
            .config = daemon->settings.config,
            .clock = &clock_system,
            .registry = daemon->registry,
            .pool = daemon->pool,
            .handover = &daemon->handovers[i],
            .sockets = sockets,
            .socket_count = socket_count,
            .quota = &daemon->quota,
            .relay = daemon->relay ? relay_sink_lane(daemon->relay, i) : NULL,
            .reads_input = i == 0 && daemon->listeners.reads_input,
            .input_ended = input_ended,
            .context = daemon,
            .number = i,
            .workers = count,
        };
        daemon->workers[i] = worker_new(&options);
        if (!daemon->workers[i]) {
            return false;
        }
        daemon->worker_count++;
    }
    return true;
}

static bool make_flusher(struct daemon *daemon)
{
    const struct mapping *mapping = daemon->settings.mapper.mapping;
    daemon->totals = daemon->settings.config->prometheus.timer_type == TIMER_TYPE_NATIVE ||
                     (mapping && mapping_has_histograms(mapping)) ||
                     sinks_want_totals(daemon->settings.config);
    struct flusher_options options = {
        .config = daemon->settings.config,
        .clock = &clock_system,
        .registry = daemon->registry,
        .pool = daemon->pool,
        .handovers = daemon->handovers,
        .handover_count = daemon->worker_count,
        .total_sketches = daemon->totals,
        .publish = publish,
        .keep = daemon->state ? keep : NULL,
        .notify = daemon_notify,
        .ingest = ingest,
        .context = daemon,
    };
    daemon->flusher = flusher_new(&options);
    return daemon->flusher != NULL;
}

static void restore_section(struct daemon *daemon, const char *section,
                            bool (*take)(struct flusher *flusher, const char *text, size_t length))
{
    struct state_span known = state_known(daemon->state, section);
    if (known.length > 0 && !take(daemon->flusher, known.text, known.length)) {
        state_refuse(daemon->state, section);
    }
}

/* Before the threads run. */
static void restore(struct daemon *daemon)
{
    if (daemon->state) {
        restore_section(daemon, FLUSHER_ALERTS, flusher_restore_alerts);
        restore_section(daemon, FLUSHER_RINGS, flusher_restore_rings);
    }
}

static bool make_sinks(struct daemon *daemon, char *reason, size_t reason_size)
{
    struct sinks_options options = {
        .config = daemon->settings.config,
        .clock = &clock_system,
        .base = daemon->base,
        .notify = daemon_notify,
        .context = daemon,
    };
    return sinks_make(&daemon->sinks, &options, reason, reason_size);
}

static bool make_http(struct daemon *daemon, char *reason, size_t reason_size)
{
    if (daemon->settings.config->http.listen.count == 0) {
        return true;
    }
    struct http_server_options options = {
        .base = daemon->base,
        .config = daemon->settings.config,
        .clock = &clock_system,
        .flusher = daemon->flusher,
        .sinks = daemon->sinks.items,
        .sink_count = daemon->sinks.count,
        .started_ns = daemon->started_ns,
        .mapper = settings_take_mapper(&daemon->settings),
        .totals = daemon->totals,
        .receive_buffer_bytes = daemon->listeners.receive_buffer_bytes,
        .ingest = ingest,
        .ready = is_ready,
        .reload = reload,
        .context = daemon,
    };
    if (!profiling_load(daemon->settings.config, &options.profiler, reason, reason_size)) {
        return false;
    }
    daemon->http = http_server_new(&options, reason, reason_size);
    return daemon->http != NULL;
}

static bool make_console(struct daemon *daemon, char *reason, size_t reason_size)
{
    if (daemon->settings.config->console.listen.count == 0) {
        return true;
    }
    struct console_options options = {
        .base = daemon->base,
        .config = daemon->settings.config,
        .clock = &clock_system,
        .flusher = daemon->flusher,
        .sinks = daemon->sinks.items,
        .sink_count = daemon->sinks.count,
        .started_ns = daemon->started_ns,
        .ingest = ingest,
        .context = daemon,
    };
    daemon->console = console_new(&options, reason, reason_size);
    return daemon->console != NULL;
}

static bool make_lock(struct daemon *daemon, char *reason, size_t reason_size)
{
    if (!daemon->settings.config->csv.directory) {
        return true;
    }
    daemon->lock_fd = lock_take(daemon->settings.config->csv.directory, reason, reason_size);
    return daemon->lock_fd >= 0;
}

/* Whatever can be refused is tried before anything is begun. */
static bool make_parts(struct daemon *daemon, char *reason, size_t reason_size)
{
    snprintf(reason, reason_size, "out of memory");
    return make_loop(daemon) && make_lock(daemon, reason, reason_size) &&
           listeners_open(&daemon->listeners, daemon->settings.config, reason, reason_size) &&
           make_relay(daemon, reason, reason_size) && make_state(daemon) && make_store(daemon) &&
           make_workers(daemon) && make_flusher(daemon) &&
           make_sinks(daemon, reason, reason_size) && make_http(daemon, reason, reason_size) &&
           make_console(daemon, reason, reason_size);
}

static void stop_workers(struct daemon *daemon, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        worker_stop(daemon->workers[i]);
    }
}

/* The flusher comes last: it has nothing to undo when it cannot be started. */
static bool start_all(struct daemon *daemon)
{
    size_t started = 0;
    while (started < daemon->worker_count && worker_start(daemon->workers[started])) {
        started++;
    }
    if (started == daemon->worker_count && flusher_start(daemon->flusher)) {
        return true;
    }
    stop_workers(daemon, started);
    return false;
}

/* Signals are the main thread's business: the threads are begun with all of them blocked. */
static bool start_threads(struct daemon *daemon, char *reason, size_t reason_size)
{
    sigset_t all, before;
    restore(daemon);
    sigfillset(&all);
    sigdelset(&all, SIGPROF); /* profiles are of every thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = start_all(daemon);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) {
        snprintf(reason, reason_size, "a thread cannot be started");
    }
    return started;
}

static void log_ready(struct daemon *daemon)
{
    char bound[TRANSPORTS][REASON_BYTES], http[REASON_BYTES] = "off";
    char console[REASON_BYTES] = "off";
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        listeners_addresses(&daemon->listeners, (enum transport)i, bound[i], sizeof(bound[i]));
    }
    if (daemon->http) {
        http_server_addresses(daemon->http, http, sizeof(http));
    }
    if (daemon->console) {
        console_addresses(daemon->console, console, sizeof(console));
    }
    log_line(LOG_LEVEL_INFO, "ready", "udp", bound[TRANSPORT_UDP], "tcp", bound[TRANSPORT_TCP],
             "unix", bound[TRANSPORT_UNIX], "unix_stream", bound[TRANSPORT_UNIX_STREAM], "http",
             http, "console", console, "csv",
             daemon->settings.config->csv.directory ? daemon->settings.config->csv.directory
                                                    : "off",
             "workers", log_text("%zu", daemon->worker_count), "version", SIGMAD_VERSION, NULL);
}

static void log_stopped(struct daemon *daemon)
{
    struct ingest_figures figures;
    ingest(daemon, &figures);
    unsigned long long datagrams =
        figures.datagrams_received[TRANSPORT_UDP] + figures.datagrams_received[TRANSPORT_UNIX];
    log_line(LOG_LEVEL_INFO, "stopped", "datagrams_received", log_text("%llu", datagrams),
             "datagrams_dropped", log_text("%llu", (unsigned long long)figures.datagrams_dropped),
             "samples_received",
             log_text("%llu", (unsigned long long)ingest_samples_received(&figures)),
             "samples_stored",
             log_text("%llu", (unsigned long long)ingest_samples_stored(&figures)), NULL);
}

/* Each part takes in what the one before it still had to give. Returns false when an output was
 * left incomplete. */
static bool stop_parts(struct daemon *daemon)
{
    stop_workers(daemon, daemon->worker_count);
    flusher_stop(daemon->flusher);
    /* Network sinks run the loop until they are done: HTTP is not to ask those that have gone. */
    http_server_free(daemon->http);
    daemon->http = NULL;
    console_free(daemon->console);
    daemon->console = NULL;
    bool complete = sinks_stop(&daemon->sinks, STOP_MS_MAX);
    daemon->relay = NULL;
    daemon->state = NULL;
    for (size_t i = 0; i < daemon->worker_count; i++) {
        worker_close(daemon->workers[i]);
    }
    log_refusals(daemon);
    log_stopped(daemon);
    return complete;
}

/* The events that take these signals end before the process does: one that came then would end it
 * by itself, and with another status. */
static void block_signals(void)
{
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &taken, NULL);
}

/* Also takes down what a failed start has left. */
static void free_parts(struct daemon *daemon)
{
    if (daemon->http) {
        http_server_free(daemon->http);
    }
    console_free(daemon->console);
    sinks_stop(&daemon->sinks, 0);
    for (size_t i = 0; i < daemon->worker_count; i++) {
        worker_free(daemon->workers[i]);
    }
    if (daemon->flusher) {
        flusher_free(daemon->flusher);
    } else {
        registry_free(daemon->registry, NULL);
    }
    if (daemon->pool) {
        pool_free(daemon->pool);
    }
    for (size_t i = 0; i < daemon->event_count; i++) {
        event_free(daemon->events[i]);
    }
    if (daemon->base) {
        event_base_free(daemon->base);
    }
    listeners_deinit(&daemon->listeners);
    free(daemon->workers);
    free(daemon->handovers);
    settings_deinit(&daemon->settings);
    libevent_global_shutdown();
}

int daemon_run(struct config *config, struct mapper mapper, const struct config_sources *sources)
{
    struct daemon daemon = {.settings = {.config = config, .sources = sources, .mapper = mapper},
                            .notify_fd = -1,
                            .lock_fd = -1};
    char reason[REASON_BYTES];
    int status = 1;
    log_set_level(config->log.level);
    daemon.started_ns = clock_monotonic_ns(&clock_system);
    if (!make_parts(&daemon, reason, sizeof(reason)) ||
        !start_threads(&daemon, reason, sizeof(reason))) {
        log_line(LOG_LEVEL_ERROR, "cannot start", "reason", reason, NULL);
        log_plain("sigmad: %s", reason);
    } else {
        log_ready(&daemon);
        event_base_dispatch(daemon.base);
        status = stop_parts(&daemon) ? 0 : 1;
    }
    block_signals();
    free_parts(&daemon);
    if (daemon.notify_fd >= 0) {
        close(daemon.notify_fd);
    }
    if (daemon.lock_fd >= 0) {
        close(daemon.lock_fd);
    }
    return status;
}
