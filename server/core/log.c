/* SPDX-License-Identifier: MIT */
#include "server/core/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "server/core/log_format.h"
#include "server/core/log_ring.h"
#include "server/core/require.h"

static _Atomic int threshold = LOG_LEVEL_INFO;

static struct {
    pthread_mutex_t lock; /* guards what follows; held for a copy, never for a write */
    pthread_cond_t queued;
    pthread_cond_t ended; /* by the monotonic clock; lives as long as the thread */
    pthread_t thread;
    bool running; /* lines are queued */
    bool stopping;
    bool done; /* the thread has written everything */
    struct log_ring ring;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .queued = PTHREAD_COND_INITIALIZER};

void log_set_level(enum config_log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_enabled(enum config_log_level level)
{
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

/* Standard error may be a pipe that somebody else has made non-blocking. */
static bool wait_for_room(void)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&room, 1, -1) >= 0 || errno == EINTR;
}

/* False when the line, or a part of it, could not be written. */
static bool write_line(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, length);
        if (written >= 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) {
            if (!wait_for_room()) {
                return false;
            }
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void queue_line(const char *bytes, size_t length)
{
    pthread_mutex_lock(&writer.lock);
    bool queued = writer.running;
    if (queued) {
        log_ring_put(&writer.ring, bytes, length);
        pthread_cond_signal(&writer.queued);
    }
    pthread_mutex_unlock(&writer.lock);
    if (!queued) {
        write_line(bytes, length); /* There is nobody left to tell when it fails. */
    }
}

static size_t format(char *bytes, enum config_log_level level, const char *message, ...)
{
    va_list pairs;
    va_start(pairs, message);
    size_t length = log_format(bytes, level, message, pairs);
    va_end(pairs);
    return length;
}

static bool write_lost(uint64_t count)
{
    char bytes[LOG_LINE_BYTES_MAX];
    const char *text = log_text("%llu", (unsigned long long)count);
    return write_line(bytes, format(bytes, LOG_LEVEL_ERROR, "log lines lost", "count", text, NULL));
}

/* Waits for the next line; false when there is none and none will come. */
static bool take_line(struct log_ring_line *line)
{
    pthread_mutex_lock(&writer.lock);
    bool taken;
    while (!(taken = log_ring_take(&writer.ring, line)) && !writer.stopping) {
        pthread_cond_wait(&writer.queued, &writer.lock);
    }
    if (!taken) {
        writer.done = true;
        pthread_cond_signal(&writer.ended);
    }
    pthread_mutex_unlock(&writer.lock);
    return taken;
}

/* What cannot be written is lost as well, and said in front of the next line that can be. */
static void *run(void *context)
{
    (void)context;
    struct log_ring_line line;
    uint64_t lost = 0;
    while (take_line(&line)) {
        lost += line.lost;
        if (lost > 0 && write_lost(lost)) {
            lost = 0;
        }
        if (!write_line(line.bytes, line.length)) {
            lost++;
        }
    }
    return NULL;
}

static void make_ended(void)
{
    pthread_condattr_t attributes;
    REQUIRE(pthread_condattr_init(&attributes) == 0);
    REQUIRE(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    REQUIRE(pthread_cond_init(&writer.ended, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

bool log_start(void)
{
    sigset_t all, before;
    REQUIRE(!writer.running);
    make_ended();
    writer.stopping = writer.done = false;
    sigfillset(&all);
    sigdelset(&all, SIGPROF); /* profiles are of every thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    writer.running = pthread_create(&writer.thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (writer.running) {
        pthread_setname_np(writer.thread, "log");
    } else {
        pthread_cond_destroy(&writer.ended);
    }
    return writer.running;
}

static struct timespec monotonic_in(uint64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return until;
}

/* A thread that hangs in a write is left to the end of the process, with lines still queued for it
 * so that nobody else comes to hang there. */
void log_stop(uint64_t wait_ms)
{
    struct timespec until = monotonic_in(wait_ms);
    int error = 0;
    pthread_mutex_lock(&writer.lock);
    writer.stopping = true;
    pthread_cond_signal(&writer.queued);
    while (!writer.done && error == 0) {
        error = pthread_cond_timedwait(&writer.ended, &writer.lock, &until);
    }
    bool done = writer.done;
    writer.running = !done;
    pthread_mutex_unlock(&writer.lock);
    if (done) {
        pthread_join(writer.thread, NULL);
        pthread_cond_destroy(&writer.ended);
    } else {
        pthread_detach(writer.thread);
    }
}

void log_line(enum config_log_level level, const char *message, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char bytes[LOG_LINE_BYTES_MAX];
    va_list pairs;
    va_start(pairs, message);
    size_t length = log_format(bytes, level, message, pairs);
    va_end(pairs);
    queue_line(bytes, length);
}

void log_plain(const char *format, ...)
{
    char bytes[LOG_LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    size_t length = log_format_plain(bytes, format, arguments);
    va_end(arguments);
    queue_line(bytes, length);
}

const char *log_text(const char *format, ...)
{
    static _Thread_local char ring[4][512];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % 4];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(ring[0]), format, arguments);
    va_end(arguments);
    return text;
}
