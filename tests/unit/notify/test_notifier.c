/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/hash.h"
#include "server/notify/notifier.h"
#include "tests/unit/notify/make_row.h"
#include "tests/unit/sink/make_snapshot.h"

#define SECOND UINT64_C(1000000000)

/* A channel that keeps what it is given; the test answers. */
struct fake_channel {
    struct channel channel; /* must be first */
    channel_done *done;
    void *context;
    bool busy;
    unsigned requests, renewals;
    bool cannot_renew;
    const struct config_notify *config; /* of the latest renewal */
    char body[8192];                    /* of the latest request */
};

struct fixture {
    struct config config;
    struct config_notify notify[2];
    struct clock_fake hands;
    struct clock clock;
    struct event_base *base;
    struct fake_channel *channel;
    struct sink *sink;
    uint64_t window;
};

static struct fixture *current; /* whose channel is being made */

static void fake_send(struct channel *base, const struct channel_request *request)
{
    struct fake_channel *channel = (struct fake_channel *)base;
    assert_false(channel->busy);
    assert_true(request->length < sizeof(channel->body));
    memcpy(channel->body, request->bytes, request->length);
    channel->body[request->length] = '\0';
    channel->busy = true;
    channel->requests++;
}

static void fake_free(struct channel *base)
{
    free(base);
}

static bool fake_renew(struct channel *base, const struct config_notify *config, char *reason,
                       size_t reason_size)
{
    struct fake_channel *channel = (struct fake_channel *)base;
    channel->renewals++;
    channel->config = config;
    snprintf(reason, reason_size, "the file is gone");
    return !channel->cannot_renew;
}

static const struct channel_ops fake_ops = {
    .send = fake_send, .renew = fake_renew, .free = fake_free};

static struct channel *make_fake(const struct config_notify *config, struct event_base *base,
                                 channel_done *done, void *context, char *reason,
                                 size_t reason_size)
{
    (void)config;
    (void)base;
    (void)reason;
    (void)reason_size;
    struct fake_channel *channel = calloc(1, sizeof(*channel));
    assert_non_null(channel);
    channel->channel.ops = &fake_ops;
    channel->done = done;
    channel->context = context;
    current->channel = channel;
    return &channel->channel;
}

static void ignore(void *context)
{
    (void)context;
}

static void start(struct fixture *fixture, enum config_notify_type type)
{
    static char names[2][8] = {"first", "second"};
    char reason[256];
    *fixture = (struct fixture){.hands = {.monotonic_ns = SECOND, .wall_ns = 1764316800000000000}};
    for (size_t i = 0; i < 2; i++) {
        fixture->notify[i] = (struct config_notify){
            .name = names[i],
            .type = type,
            .resolved = true,
            .timeout_ms = 1000,
            .give_up_ms = 60000,
            .resend_ms = 10000,
            .buffer_bytes = 1 << 20,
        };
    }
    fixture->config.notifies.items = fixture->notify;
    fixture->config.notifies.count = 2;
    fixture->config.flush.interval_ms = 10000;
    fixture->clock = clock_fake_view(&fixture->hands);
    fixture->base = event_base_new();
    current = fixture;
    const struct notifier_options options = {
        .config = &fixture->config,
        .index = 1,
        .clock = &fixture->clock,
        .base = fixture->base,
        .make_channel = make_fake,
        .notify = ignore,
    };
    fixture->sink = notifier_new(&options, reason, sizeof(reason));
    assert_non_null(fixture->sink);
}

static void end(struct fixture *fixture)
{
    assert_true(fixture->sink->ops->stop(fixture->sink, 0));
    event_base_free(fixture->base);
}

static void submit(struct fixture *fixture, const struct alert_row *rows, size_t count)
{
    struct snapshot *snapshot = make_snapshot(++fixture->window, 1764316800);
    struct alert_set set = {.rows = rows, .count = count};
    snapshot->alerts = &set;
    fixture->sink->ops->submit(fixture->sink, snapshot);
    snapshot->alerts = NULL;
    snapshot_unref(snapshot);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
}

static void answer(struct fixture *fixture, bool taken, bool again)
{
    struct channel_outcome outcome = {.taken = taken, .again = again, .reason = "why"};
    assert_true(fixture->channel->busy);
    fixture->channel->busy = false;
    fixture->channel->done(fixture->channel->context, &outcome);
}

static struct sink_figures figures_of(const struct fixture *fixture)
{
    struct sink_figures figures;
    fixture->sink->ops->figures(fixture->sink, &figures);
    return figures;
}

static struct alert_row told_row(const char *metric, enum alert_state state, uint32_t notify)
{
    struct alert_row row = make_row("slow", metric, state);
    row.notify = notify;
    row.notifiers = notify;
    return row;
}

static void tells_what_has_its_bit_together(void **state)
{
    struct fixture fixture;
    const struct alert_row rows[] = {told_row("a", ALERT_FIRING, 2), told_row("b", ALERT_FIRING, 1),
                                     told_row("c", ALERT_RESOLVED, 3),
                                     told_row("d", ALERT_PENDING, 2)};
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    submit(&fixture, rows, 4);
    assert_int_equal(figures_of(&fixture).done_window, 1);
    assert_int_equal(fixture.channel->requests, 1);
    assert_non_null(strstr(fixture.channel->body, "\"metric\":\"a\""));
    assert_null(strstr(fixture.channel->body, "\"metric\":\"b\""));
    assert_non_null(strstr(fixture.channel->body, "\"metric\":\"c\""));
    assert_null(strstr(fixture.channel->body, "\"metric\":\"d\""));
    answer(&fixture, true, false);
    assert_int_equal(figures_of(&fixture).notifications_told[0], 1);
    assert_int_equal(figures_of(&fixture).notifications_told[1], 1);
    submit(&fixture, rows, 0);
    assert_int_equal(fixture.channel->requests, 1);
    end(&fixture);
}

static void tries_again_and_only_the_latest_state(void **state)
{
    struct fixture fixture;
    const struct alert_row fires = told_row("a", ALERT_FIRING, 2);
    const struct alert_row over = told_row("a", ALERT_RESOLVED, 2);
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    submit(&fixture, &fires, 1);
    submit(&fixture, &over, 1);
    answer(&fixture, false, true);
    assert_true(figures_of(&fixture).failing);
    assert_int_equal(figures_of(&fixture).errors, 1);
    assert_int_equal(fixture.channel->requests, 1);
    fixture.sink->ops->reopen(fixture.sink);
    assert_int_equal(fixture.channel->requests, 2);
    assert_non_null(strstr(fixture.channel->body, "\"status\":\"resolved\""));
    answer(&fixture, true, false);
    assert_false(figures_of(&fixture).failing);
    assert_int_equal(figures_of(&fixture).notifications_told[0], 0);
    assert_int_equal(figures_of(&fixture).notifications_told[1], 1);
    assert_int_equal(figures_of(&fixture).notifications_lost, 0);
    end(&fixture);
}

static void the_pause_ends_by_itself(void **state)
{
    struct fixture fixture;
    const struct alert_row fires = told_row("a", ALERT_FIRING, 2);
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    submit(&fixture, &fires, 1);
    answer(&fixture, false, true);
    while (fixture.channel->requests < 2) {
        assert_int_equal(event_base_loop(fixture.base, EVLOOP_ONCE), 0);
    }
    answer(&fixture, true, false);
    end(&fixture);
}

static void what_is_refused_is_lost_and_the_next_goes_out(void **state)
{
    struct fixture fixture;
    const struct alert_row first = told_row("a", ALERT_FIRING, 2);
    const struct alert_row second = told_row("b", ALERT_FIRING, 2);
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    submit(&fixture, &first, 1);
    submit(&fixture, &second, 1);
    answer(&fixture, false, false);
    assert_int_equal(figures_of(&fixture).notifications_lost, 1);
    assert_int_equal(fixture.channel->requests, 2);
    answer(&fixture, true, false);
    end(&fixture);
}

static void what_is_too_old_is_given_up(void **state)
{
    struct fixture fixture;
    const struct alert_row fires = told_row("a", ALERT_FIRING, 2);
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    submit(&fixture, &fires, 1);
    answer(&fixture, false, true);
    fixture.hands.monotonic_ns += 61 * SECOND;
    fixture.sink->ops->reopen(fixture.sink);
    assert_int_equal(fixture.channel->requests, 1);
    assert_int_equal(figures_of(&fixture).notifications_lost, 1);
    end(&fixture);
}

static void an_alertmanager_hears_again_of_what_fires(void **state)
{
    struct fixture fixture;
    struct alert_row fires = told_row("a", ALERT_FIRING, 2);
    (void)state;
    start(&fixture, NOTIFY_ALERTMANAGER);
    submit(&fixture, &fires, 1);
    answer(&fixture, true, false);
    fires.notify = 0;
    fixture.hands.monotonic_ns += 9 * SECOND;
    submit(&fixture, &fires, 1);
    assert_int_equal(fixture.channel->requests, 1);
    fixture.hands.monotonic_ns += SECOND;
    submit(&fixture, &fires, 1);
    assert_int_equal(fixture.channel->requests, 2);
    answer(&fixture, true, false);
    assert_int_equal(figures_of(&fixture).notifications_told[0], 1);
    fires.notifiers = 1;
    fixture.hands.monotonic_ns += 10 * SECOND;
    submit(&fixture, &fires, 1);
    assert_int_equal(fixture.channel->requests, 2);
    end(&fixture);
}

static void resolutions_are_left_out_where_that_is_asked_for(void **state)
{
    struct fixture fixture;
    const struct alert_row over = told_row("a", ALERT_RESOLVED, 2);
    char reason[256];
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    assert_true(fixture.sink->ops->stop(fixture.sink, 0));
    fixture.notify[1].resolved = false;
    const struct notifier_options options = {
        .config = &fixture.config,
        .index = 1,
        .clock = &fixture.clock,
        .base = fixture.base,
        .make_channel = make_fake,
        .notify = ignore,
    };
    fixture.sink = notifier_new(&options, reason, sizeof(reason));
    assert_non_null(fixture.sink);
    submit(&fixture, &over, 1);
    assert_int_equal(fixture.channel->requests, 0);
    end(&fixture);
}

static void more_than_go_together_go_one_after_the_other(void **state)
{
    struct fixture fixture;
    static struct alert_row rows[45];
    static char metrics[45][8];
    (void)state;
    start(&fixture, NOTIFY_SLACK);
    for (size_t i = 0; i < 45; i++) {
        snprintf(metrics[i], sizeof(metrics[i]), "m%zu", i);
        rows[i] = told_row(metrics[i], ALERT_FIRING, 2);
    }
    submit(&fixture, rows, 45);
    answer(&fixture, true, false);
    answer(&fixture, true, false);
    answer(&fixture, true, false);
    assert_false(fixture.channel->busy);
    assert_int_equal(fixture.channel->requests, 3);
    assert_int_equal(figures_of(&fixture).notifications_told[0], 45);
    end(&fixture);
}

static void each_reload_has_secrets_read_and_a_failure_ends_nothing(void **state)
{
    struct fixture fixture;
    struct alert_row row = told_row("a", ALERT_FIRING, 2);
    (void)state;
    start(&fixture, NOTIFY_WEBHOOK);
    assert_int_equal(fixture.channel->renewals, 0);
    struct config after = fixture.config;
    notifier_configure(fixture.sink, &after);
    assert_int_equal(fixture.channel->renewals, 1);
    assert_ptr_equal(fixture.channel->config, &after.notifies.items[1]);
    submit(&fixture, &row, 1);
    fixture.channel->cannot_renew = true;
    notifier_configure(fixture.sink, &after);
    assert_int_equal(fixture.channel->renewals, 2);
    answer(&fixture, true, false);
    struct sink_figures figures = figures_of(&fixture);
    assert_int_equal(figures.notifications_told[0], 1);
    assert_int_equal(figures.errors, 0);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_has_its_bit_together),
        cmocka_unit_test(tries_again_and_only_the_latest_state),
        cmocka_unit_test(the_pause_ends_by_itself),
        cmocka_unit_test(what_is_refused_is_lost_and_the_next_goes_out),
        cmocka_unit_test(what_is_too_old_is_given_up),
        cmocka_unit_test(an_alertmanager_hears_again_of_what_fires),
        cmocka_unit_test(resolutions_are_left_out_where_that_is_asked_for),
        cmocka_unit_test(more_than_go_together_go_one_after_the_other),
        cmocka_unit_test(each_reload_has_secrets_read_and_a_failure_ends_nothing),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
