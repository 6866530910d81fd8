/* SPDX-License-Identifier: MIT */
#include "server/sink/pump.h"

#include <event2/event.h>
#include <event2/util.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/sink/backoff.h"

static struct timeval time_of(uint64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void on_woken(evutil_socket_t fd, short what, void *context)
{
    struct pump *pump = context;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
    (void)what;
    pump->work(pump->context);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pump *pump = context;
    pump->work(pump->context);
}

bool pump_init(struct pump *pump, struct event_base *base, pump_work *work, void *context)
{
    *pump = (struct pump){.base = base, .work = work, .context = context};
    pump->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pump->fd >= 0) {
        pump->woken = event_new(base, pump->fd, EV_READ | EV_PERSIST, on_woken, pump);
    }
    pump->retry = evtimer_new(base, on_retry, pump);
    return pump->retry && pump->woken && event_add(pump->woken, NULL) == 0;
}

void pump_deinit(struct pump *pump)
{
    if (pump->woken) {
        event_free(pump->woken);
    }
    if (pump->retry) {
        event_free(pump->retry);
    }
    if (pump->fd >= 0) {
        close(pump->fd);
    }
    *pump = (struct pump){.fd = -1};
}

void pump_wake(struct pump *pump)
{
    uint64_t one = 1;
    ssize_t written = write(pump->fd, &one, sizeof(one));
    (void)written;
}

bool pump_pauses(const struct pump *pump)
{
    return evtimer_pending(pump->retry, NULL) != 0;
}

void pump_pause(struct pump *pump, unsigned failures, uint64_t retry_after_s)
{
    uint32_t chance;
    if (pump->stopping) {
        return;
    }
    evutil_secure_rng_get_bytes(&chance, sizeof(chance));
    uint64_t pause_ms = backoff_ms(failures, chance);
    uint64_t asked_s =
        retry_after_s < PUMP_RETRY_AFTER_S_MAX ? retry_after_s : PUMP_RETRY_AFTER_S_MAX;
    const struct timeval pause = time_of(pause_ms > asked_s * 1000 ? pause_ms : asked_s * 1000);
    evtimer_add(pump->retry, &pause);
}

void pump_hurry(struct pump *pump)
{
    evtimer_del(pump->retry);
    pump->work(pump->context);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    bool *passed = context;
    *passed = true;
}

void pump_drain(struct pump *pump, uint64_t deadline_ms, pump_is_busy *is_busy)
{
    bool passed = false;
    const struct timeval limit = time_of(deadline_ms);
    struct event *deadline = evtimer_new(pump->base, on_deadline, &passed);
    if (!deadline || evtimer_add(deadline, &limit) != 0) {
        passed = true;
    }
    pump->stopping = true;
    pump_hurry(pump);
    while (is_busy(pump->context) && !passed) {
        event_base_loop(pump->base, EVLOOP_ONCE);
    }
    if (deadline) {
        event_free(deadline);
    }
}
