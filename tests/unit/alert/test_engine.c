/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "server/alert/engine.h"
#include "server/alert/instance.h"
#include "server/metrics/identity.h"
#include "tests/unit/sink/make_snapshot.h"

#define SECOND_NS UINT64_C(1000000000)
#define WINDOW_S 10
#define EPOCH 1795255200.0
#define RULES_MAX 4

/* An engine with its clocks. Windows end every WINDOW_S seconds. */
struct fixture {
    struct config config;
    struct config_alert alerts[RULES_MAX];
    struct config_notify notifies[2];
    char *somebody[1];
    struct alert_engine *engine;
    struct alert_set *set; /* of the latest window */
    uint64_t now_ns;
    double wall_s;
    uint64_t window;
    uint32_t generation; /* of all series */
};

static struct config_alert *add_rule(struct fixture *fixture, const char *name, const char *metric,
                                     const char *condition)
{
    struct config_alert *alert = &fixture->alerts[fixture->config.alerts.count++];
    *alert = (struct config_alert){
        .name = (char *)(uintptr_t)name,
        .metric = (char *)(uintptr_t)metric,
        .condition = (char *)(uintptr_t)condition,
        .for_windows = 1,
        .severity = SEVERITY_WARNING,
        .cooldown_ms = 60000,
        .notify = {.items = fixture->somebody, .count = 1},
    };
    return alert;
}

static void begin(struct fixture *fixture)
{
    fixture->engine = alert_engine_new(&fixture->config, fixture->now_ns);
    assert_non_null(fixture->engine);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->somebody[0] = strdup("ops");
    fixture->notifies[0].name = strdup("others");
    fixture->notifies[1].name = strdup("ops");
    fixture->config.notifies.items = fixture->notifies;
    fixture->config.notifies.count = 2;
    fixture->config.alerts.items = fixture->alerts;
    fixture->now_ns = 500 * SECOND_NS;
    fixture->wall_s = EPOCH;
    fixture->generation = 1;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    alert_set_unref(fixture->set);
    alert_engine_free(fixture->engine);
    free(fixture->somebody[0]);
    free(fixture->notifies[0].name);
    free(fixture->notifies[1].name);
    free(fixture);
    return 0;
}

static void place(struct fixture *fixture, const struct identity *identity, uint32_t index)
{
    struct identity *own = (struct identity *)(uintptr_t)identity;
    own->index = index;
    own->generation = fixture->generation;
}

/* Starts the next window; its rows are the caller's to add. */
static struct snapshot *next(struct fixture *fixture)
{
    fixture->now_ns += WINDOW_S * SECOND_NS;
    fixture->wall_s += WINDOW_S;
    return make_snapshot(++fixture->window, fixture->wall_s);
}

static const struct alert_set *judge(struct fixture *fixture, struct snapshot *snapshot)
{
    alert_set_unref(fixture->set);
    fixture->set = alert_engine_judge(fixture->engine, snapshot, fixture->now_ns);
    snapshot_unref(snapshot);
    return fixture->set;
}

/* A window with one gauge of this value, or none where it is NaN. */
static const struct alert_set *gauge(struct fixture *fixture, double value)
{
    struct snapshot *snapshot = next(fixture);
    if (!isnan(value)) {
        place(fixture, make_gauge(snapshot, "pool.used", "host:a", value)->identity, 3);
    }
    return judge(fixture, snapshot);
}

static const struct alert_set *counter(struct fixture *fixture, double count, bool updated)
{
    struct snapshot *snapshot = next(fixture);
    struct counter_row *row = make_counter(snapshot, "hits", "", count);
    row->updated = updated;
    place(fixture, row->identity, 7);
    return judge(fixture, snapshot);
}

static enum alert_state state_of(const struct alert_set *set)
{
    assert_true(set->count <= 1);
    return set->count ? set->rows[0].state : ALERT_INACTIVE;
}

static void is_pending_for_its_windows_and_then_fires(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full", "pool.*", "value > 90")->for_windows = 3;
    begin(fixture);
    assert_int_equal(state_of(gauge(fixture, 90)), ALERT_INACTIVE);
    assert_int_equal(state_of(gauge(fixture, 91)), ALERT_PENDING);
    assert_true(fixture->set->rows[0].changed);
    assert_int_equal(state_of(gauge(fixture, 92)), ALERT_PENDING);
    assert_false(fixture->set->rows[0].changed);
    assert_int_equal(fixture->set->rows[0].notify, 0);
    assert_int_equal(state_of(gauge(fixture, 93)), ALERT_FIRING);
    const struct alert_row *row = &fixture->set->rows[0];
    assert_string_equal(row->name, "full");
    assert_string_equal(row->metric, "pool.used");
    assert_string_equal(row->tags, "host=a");
    assert_string_equal(row->reason, "value 93 > 90 for 3 windows");
    assert_true(row->changed && row->value == 93 && row->threshold == 90);
    assert_true(row->pending_since == EPOCH + 20 && row->firing_since == EPOCH + 40);
    assert_int_equal(row->notify, 2);
    assert_int_equal(row->notifiers, 2);
    assert_int_equal(state_of(gauge(fixture, 94)), ALERT_FIRING);
    assert_int_equal(fixture->set->rows[0].notify, 0);
    assert_int_equal(state_of(gauge(fixture, 10)), ALERT_RESOLVED);
    row = &fixture->set->rows[0];
    assert_true(row->resolved_at == EPOCH + 60 && row->changed && row->notify == 2);
    assert_string_equal(row->reason, "value 10 > 90 no longer holds");
    assert_int_equal(gauge(fixture, 10)->count, 0);
}

static void a_series_that_comes_and_goes_below_never_fires(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full", "*", "value > 90")->for_windows = 2;
    begin(fixture);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(state_of(gauge(fixture, 95)), ALERT_PENDING);
        assert_int_equal(state_of(gauge(fixture, 5)), ALERT_INACTIVE);
        assert_int_equal(fixture->set->rows[0].notify, 0);
    }
}

/* Flapping: told once within the cooldown, of the end as well, and of what still fires behind it.
 */
static void is_told_of_once_within_the_cooldown(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full", "*", "value > 90")->cooldown_ms = 45000;
    begin(fixture);
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 2);
    assert_int_equal(gauge(fixture, 5)->rows[0].notify, 2); /* resolved */
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 0);
    assert_int_equal(fixture->set->rows[0].state, ALERT_FIRING);
    assert_int_equal(fixture->set->rows[0].notifiers, 0);
    assert_int_equal(gauge(fixture, 5)->rows[0].notify, 0);  /* nobody knows that it fired */
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 0); /* 40 s */
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 2); /* 50 s, still firing */
    assert_false(fixture->set->rows[0].changed);
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 0);
}

static void idle_is_not_zero_and_long_silence_ends_it(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "busy", "hits", "rate > 10");
    begin(fixture);
    assert_int_equal(state_of(counter(fixture, 1000, true)), ALERT_FIRING);
    for (int i = 0; i < 29; i++) {
        assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_FIRING);
    }
    assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_RESOLVED);
    assert_string_equal(fixture->set->rows[0].reason, "rate 100 > 10; it has no samples any more");
    assert_int_equal(fixture->set->rows[0].notify, 2);
}

static void what_fires_ends_with_its_series(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "a", "*", "value > 90");
    add_rule(fixture, "b", "*", "value > 80");
    begin(fixture);
    assert_int_equal(gauge(fixture, 95)->count, 2);
    const struct alert_set *set = gauge(fixture, (double)NAN);
    assert_int_equal(set->count, 2);
    for (size_t i = 0; i < set->count; i++) {
        assert_int_equal(set->rows[i].state, ALERT_RESOLVED);
        assert_non_null(strstr(set->rows[i].reason, "the series has expired"));
    }
}

static void another_series_at_its_place_has_nothing_of_it(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full", "pool.*", "value > 90")->for_windows = 2;
    begin(fixture);
    gauge(fixture, 95);
    gauge(fixture, 95);
    fixture->generation++;
    struct snapshot *snapshot = next(fixture);
    place(fixture, make_gauge(snapshot, "pool.other", "", 95)->identity, 3);
    const struct alert_set *set = judge(fixture, snapshot);
    assert_int_equal(set->count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool old = strcmp(set->rows[i].metric, "pool.used") == 0;
        assert_int_equal(set->rows[i].state, old ? ALERT_RESOLVED : ALERT_PENDING);
    }
}

static void silence_fires_and_samples_resolve(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "quiet", "hits", "absent 30s");
    begin(fixture);
    assert_int_equal(state_of(counter(fixture, 5, true)), ALERT_INACTIVE);
    assert_int_equal(fixture->set->rules[0].matched, 1);
    assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_INACTIVE);
    assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_INACTIVE);
    assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_FIRING);
    assert_string_equal(fixture->set->rows[0].reason, "no samples for 30 s (absent 30s)");
    /* It outlives its series. */
    assert_int_equal(state_of(judge(fixture, next(fixture))), ALERT_FIRING);
    fixture->generation++;
    assert_int_equal(state_of(counter(fixture, 1, true)), ALERT_RESOLVED);
}

static void a_pattern_that_nothing_ever_matched_is_silent_from_the_start(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "quiet", "cron.*", "absent 25s");
    begin(fixture);
    assert_int_equal(state_of(gauge(fixture, 1)), ALERT_INACTIVE);
    assert_int_equal(state_of(gauge(fixture, 1)), ALERT_INACTIVE);
    assert_int_equal(state_of(gauge(fixture, 1)), ALERT_FIRING);
    assert_string_equal(fixture->set->rows[0].metric, "cron.*");
    assert_int_equal(fixture->set->rules[0].matched, 0);
    struct snapshot *snapshot = next(fixture);
    place(fixture, make_gauge(snapshot, "cron.backup", "", 1)->identity, 9);
    assert_int_equal(state_of(judge(fixture, snapshot)), ALERT_RESOLVED);
}

static void a_step_of_the_wall_clock_neither_fires_nor_resolves(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "quiet", "hits", "absent 1h");
    add_rule(fixture, "busy", "hits", "rate > 10")->cooldown_ms = 3600000;
    begin(fixture);
    assert_int_equal(counter(fixture, 1000, true)->rows[0].notify, 2);
    fixture->wall_s += 86400;
    assert_int_equal(counter(fixture, 0, false)->count, 1);
    fixture->wall_s -= 2 * 86400;
    assert_int_equal(counter(fixture, 0, false)->count, 1);
    assert_int_equal(fixture->set->rows[0].state, ALERT_FIRING);
    assert_int_equal(counter(fixture, 1, true)->rows[0].state, ALERT_RESOLVED);
    fixture->wall_s += 86400;
    assert_int_equal(counter(fixture, 1000, true)->rows[0].notify, 0); /* cooling down */
}

static void a_change_is_against_what_was_so_long_ago(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows", "*", "change > 20% over 1m");
    begin(fixture);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(state_of(gauge(fixture, i == 3 ? 1000 : 100)), ALERT_INACTIVE);
    }
    assert_int_equal(state_of(gauge(fixture, 120)), ALERT_INACTIVE);
    assert_int_equal(state_of(gauge(fixture, 121)), ALERT_FIRING);
    assert_string_equal(fixture->set->rows[0].reason, "value changed by +21 % over 1m (> 20 %)");
    assert_int_equal(state_of(gauge(fixture, 110)), ALERT_RESOLVED);
    assert_int_equal(gauge(fixture, 110)->count, 0);
}

static void a_fall_is_a_change_below_nothing(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "falls", "*", "change < -50% over 10s");
    add_rule(fixture, "moves", "*", "|change| > 50% over 10s");
    begin(fixture);
    gauge(fixture, 100);
    assert_int_equal(gauge(fixture, 40)->count, 2);
    assert_int_equal(gauge(fixture, 40)->count, 2);
    assert_int_equal(fixture->set->rows[0].state, ALERT_RESOLVED);
    const struct alert_set *set = gauge(fixture, 80);
    assert_int_equal(set->count, 1);
    assert_string_equal(set->rows[0].name, "moves");
}

static void series_are_told_by_name_tags_and_kind(void **state)
{
    struct fixture *fixture = *state;
    static char tag[] = "env=pr*";
    char *tags[] = {tag};
    add_rule(fixture, "tagged", "*", "value > 1")->tags =
        (struct config_strings){.items = tags, .count = 1};
    add_rule(fixture, "timed", "*", "mean > 1ms");
    begin(fixture);
    struct snapshot *snapshot = next(fixture);
    place(fixture, make_gauge(snapshot, "a", "env:prod,x:y", 5)->identity, 0);
    place(fixture, make_gauge(snapshot, "b", "env:test", 5)->identity, 1);
    place(fixture, make_gauge(snapshot, "c", "", 5)->identity, 2);
    struct timer_row *plain = make_timer(snapshot, STATSD_HISTOGRAM, "h", "env:prod");
    struct timer_row *timed = make_timer(snapshot, STATSD_TIMER, "t", "env:prod");
    plain->mean = timed->mean = 5;
    place(fixture, plain->identity, 0);
    place(fixture, timed->identity, 1);
    const struct alert_set *set = judge(fixture, snapshot);
    assert_int_equal(set->count, 2);
    assert_string_equal(set->rows[0].metric, "a");
    assert_string_equal(set->rows[1].metric, "t");
}

static void percentiles_are_those_of_the_row(void **state)
{
    struct fixture *fixture = *state;
    static const double figures[] = {1, 2, 3, 4, 500};
    add_rule(fixture, "tail", "*", "p99.9 > 250");
    add_rule(fixture, "middle", "*", "p50 > 250");
    begin(fixture);
    struct snapshot *snapshot = next(fixture);
    struct timer_row *row = make_timer(snapshot, STATSD_TIMER, "t", "");
    row->percentiles = figures;
    place(fixture, row->identity, 0);
    const struct alert_set *set = judge(fixture, snapshot);
    assert_int_equal(set->count, 1);
    assert_string_equal(set->rows[0].reason, "p99.9 500 > 250");
}

static void an_anomaly_that_lasts_fires(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "odd", "*", "anomaly >= warning");
    begin(fixture);
    for (int severity = SEVERITY_INFO; severity <= SEVERITY_CRITICAL; severity++) {
        struct snapshot *snapshot = next(fixture);
        struct anomaly_row lasting = {.severity = (enum anomaly_severity)severity};
        lasting.identity = make_gauge(snapshot, "g", "", 5)->identity;
        place(fixture, lasting.identity, 0);
        snapshot->active = &lasting;
        snapshot->active_count = 1;
        assert_int_equal(state_of(judge(fixture, snapshot)),
                         severity >= SEVERITY_WARNING ? ALERT_FIRING : ALERT_INACTIVE);
    }
    assert_string_equal(fixture->set->rows[0].reason,
                        "an anomaly of severity critical lasts for 2 windows");
}

/* Whoever is silent for so long that it has expired is missed as well. */
static void a_series_that_expires_first_is_missed_by_its_pattern(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "quiet", "pool.*", "absent 30s");
    begin(fixture);
    gauge(fixture, 1);
    assert_int_equal(gauge(fixture, (double)NAN)->count, 0);
    assert_int_equal(gauge(fixture, (double)NAN)->count, 0);
    assert_int_equal(state_of(gauge(fixture, (double)NAN)), ALERT_FIRING);
    assert_string_equal(fixture->set->rows[0].metric, "pool.*");
    assert_string_equal(fixture->set->rows[0].reason, "no samples for 30 s (absent 30s)");
}

static double offset_of(const struct fixture *fixture)
{
    return fixture->wall_s - (double)fixture->now_ns / 1e9;
}

/* The lines of all rings. */
static struct buffer rings_of(const struct fixture *fixture)
{
    struct buffer copy = {0}, lines = {0};
    alert_engine_hold_rings(fixture->engine, offset_of(fixture), &copy);
    alert_rings_write(&copy, &lines);
    assert_false(copy.failed || lines.failed);
    buffer_deinit(&copy);
    return lines;
}

/* A second process: the same rules, other clocks. */
static void restart(struct fixture *fixture, double down_s)
{
    struct buffer alerts = {0}, rings = rings_of(fixture);
    alert_engine_save(fixture->engine, offset_of(fixture), &alerts);
    assert_false(alerts.failed);
    alert_engine_free(fixture->engine);
    fixture->wall_s += down_s;
    fixture->now_ns = 4000 * SECOND_NS;
    begin(fixture);
    assert_true(
        alert_engine_load(fixture->engine, offset_of(fixture), alerts.bytes, alerts.length));
    assert_true(
        alert_engine_load_rings(fixture->engine, offset_of(fixture), rings.bytes, rings.length));
    buffer_deinit(&alerts);
    buffer_deinit(&rings);
}

static void a_restart_neither_repeats_nor_forgets(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full\t\n\\", "*", "value > 90")->for_windows = 2;
    begin(fixture);
    gauge(fixture, 95);
    restart(fixture, 7);
    assert_int_equal(gauge(fixture, 95)->rows[0].state, ALERT_FIRING); /* the second window */
    assert_int_equal(fixture->set->rows[0].notify, 2);
    assert_true(fixture->set->rows[0].pending_since == EPOCH + 10);
    restart(fixture, 1000);
    assert_int_equal(state_of(judge(fixture, next(fixture))), ALERT_FIRING);
    assert_int_equal(state_of(gauge(fixture, 95)), ALERT_FIRING);
    assert_int_equal(fixture->set->rows[0].notify, 0);
    assert_int_equal(fixture->set->rows[0].notifiers, 2);
    assert_false(fixture->set->rows[0].changed);
    restart(fixture, 5);
    assert_int_equal(state_of(gauge(fixture, 5)), ALERT_RESOLVED);
    assert_int_equal(fixture->set->rows[0].notify, 2);
}

static void a_silence_goes_on_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "quiet", "cron.*", "absent 10s");
    begin(fixture);
    assert_int_equal(state_of(gauge(fixture, 1)), ALERT_FIRING);
    restart(fixture, 0);
    assert_int_equal(state_of(gauge(fixture, 1)), ALERT_FIRING);
    assert_false(fixture->set->rows[0].changed);
    assert_true(fixture->set->rows[0].value == 20);
}

static void the_cooldown_goes_on_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full", "*", "value > 90");
    begin(fixture);
    gauge(fixture, 95);
    gauge(fixture, 5);
    restart(fixture, 10);
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 0);
    restart(fixture, 30);
    assert_int_equal(gauge(fixture, 95)->rows[0].notify, 2);
}

static void a_series_that_does_not_come_back_after_a_restart_ends(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "full", "*", "value > 90");
    begin(fixture);
    gauge(fixture, 95);
    restart(fixture, 0);
    for (int i = 0; i < 29; i++) {
        assert_int_equal(state_of(judge(fixture, next(fixture))), ALERT_FIRING);
    }
    assert_int_equal(state_of(judge(fixture, next(fixture))), ALERT_RESOLVED);
}

static void lines_of_others_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const lines[] = {
        "full\n",
        "full\tvalue > 90\tg\t\tfiring\t1\t1\t1\t1\t1\n",
        "full\tvalue > 90\tg\t\tburning\t1\t1\t1\t1\t1\t1\n",
        "full\tvalue > 90\tg\t\tfiring\t1\t1\tx\t1\t1\t1\n",
        "full\tvalue > 90\tg\t\tfiring\t-1\t1\t1\t1\t1\t1\n",
        "full\tvalue > 90\tg\\x\t\tfiring\t1\t1\t1\t1\t1\t1\n",
        "full\tvalue > 90\tg\t\tfiring\t1\t1\t1\t1\t1\t1\t1\n",
    };
    add_rule(fixture, "full", "*", "value > 90");
    begin(fixture);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        assert_false(alert_engine_load(fixture->engine, 0, lines[i], strlen(lines[i])));
        assert_int_equal(judge(fixture, next(fixture))->count, 0);
    }
    static const char other[] = "gone\tvalue > 90\tg\t\tfiring\t1\t1\t1\t1\t1\t1\n";
    assert_true(alert_engine_load(fixture->engine, 0, other, strlen(other)));
    assert_int_equal(judge(fixture, next(fixture))->count, 0);
}

static void a_change_is_against_what_was_before_a_restart(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows\t\\", "pool.*", "change > 20% over 1m");
    begin(fixture);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(state_of(gauge(fixture, 100)), ALERT_INACTIVE);
    }
    restart(fixture, 30);
    assert_int_equal(state_of(gauge(fixture, 130)), ALERT_FIRING);
    assert_string_equal(fixture->set->rows[0].reason, "value changed by +30 % over 1m (> 20 %)");
    restart(fixture, 10); /* of what was before the first one, too */
    assert_int_equal(state_of(gauge(fixture, 110)), ALERT_RESOLVED);
    assert_int_equal(gauge(fixture, 125)->rows[0].state, ALERT_FIRING);
}

/* Where nobody saw what was so long ago, nothing is compared. */
static void a_long_down_time_compares_no_wrong_spans(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows", "*", "change > 20% over 20m");
    begin(fixture);
    for (int i = 0; i < 6; i++) {
        gauge(fixture, 100);
    }
    restart(fixture, 3600);
    for (int i = 0; i < 120; i++) {
        assert_int_equal(state_of(gauge(fixture, 200)), ALERT_INACTIVE);
    }
    assert_int_equal(state_of(gauge(fixture, 250)), ALERT_FIRING);
    assert_string_equal(fixture->set->rows[0].reason, "value changed by +25 % over 20m (> 20 %)");
}

static void a_change_is_told_of_a_machine_that_has_just_started(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows", "*", "change > 20% over 3h");
    begin(fixture);
    gauge(fixture, 100);
    restart(fixture, 10700); /* the value is from before the monotonic clock began */
    for (int i = 0; i < 9; i++) {
        assert_int_equal(state_of(gauge(fixture, 130)), ALERT_INACTIVE);
    }
    assert_int_equal(state_of(gauge(fixture, 130)), ALERT_FIRING);
}

static void values_from_after_now_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows", "*", "change > 20% over 30s");
    begin(fixture);
    for (int i = 0; i < 12; i++) {
        gauge(fixture, 100);
    }
    restart(fixture, -95); /* the wall clock was set back */
    assert_int_equal(state_of(gauge(fixture, 130)), ALERT_INACTIVE);
    assert_int_equal(state_of(gauge(fixture, 130)), ALERT_FIRING); /* against the second one */
    restart(fixture, -3600);
    struct buffer rings = rings_of(fixture);
    assert_int_equal(rings.length, 0);
}

static void rings_are_saved_as_what_was_loaded(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows", "*", "change > 20% over 5m");
    add_rule(fixture, "moves", "pool.*", "|change| > 20% over 1s");
    begin(fixture);
    for (int i = 0; i < 200; i++) {
        gauge(fixture, 100 + 1.0 / (i + 3)); /* 17 digits */
    }
    struct buffer before = rings_of(fixture);
    restart(fixture, 0.1234567);
    struct buffer after = rings_of(fixture);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.bytes, after.bytes, before.length);
    buffer_deinit(&before);
    buffer_deinit(&after);
}

static void rings_of_series_that_do_not_come_back_are_forgotten(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "grows", "*", "change > 20% over 1h");
    begin(fixture);
    gauge(fixture, 100);
    restart(fixture, 10);
    for (int i = 0; i < 29; i++) {
        judge(fixture, next(fixture));
    }
    struct buffer rings = rings_of(fixture);
    assert_true(rings.length > 0);
    buffer_deinit(&rings);
    judge(fixture, next(fixture));
    rings = rings_of(fixture);
    assert_int_equal(rings.length, 0);
}

static void rings_of_names_beyond_a_bound_are_not_kept(void **state)
{
    struct fixture *fixture = *state;
    char name[ALERT_RING_TEXTS_MAX];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    add_rule(fixture, "grows", "*", "change > 20% over 1h");
    begin(fixture);
    struct snapshot *snapshot = next(fixture);
    place(fixture, make_gauge(snapshot, name, "", 1)->identity, 1);
    place(fixture, make_gauge(snapshot, "short", "", 1)->identity, 2);
    judge(fixture, snapshot);
    struct buffer rings = rings_of(fixture);
    assert_true(rings.length < 100);
    static const char line[] = "grows\tchange > 20% over 1h\tshort\t\t";
    assert_memory_equal(rings.bytes, line, strlen(line));
    buffer_deinit(&rings);
}

static void rings_of_others_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const lines[] = {
        "grows\n",
        "grows\tchange > 20% over 1m\tg\t\n",
        "grows\tchange > 20% over 1m\tg\t\t\n",
        "grows\tchange > 20% over 1m\tg\t\t1\n",
        "grows\tchange > 20% over 1m\tg\t\t1\t2\t3\n",
        "grows\tchange > 20% over 1m\tg\t\t-1\t2\n",
        "grows\tchange > 20% over 1m\tg\t\t1.5\t2\n",
        "grows\tchange > 20% over 1m\tg\t\t1e16\t2\n",
        "grows\tchange > 20% over 1m\tg\t\t1\tnan\n",
        "grows\tchange > 20% over 1m\tg\\x\t\t1\t2\n",
        ("grows\tchange > 20% over 1m\tg\t\t495000\t2\n"
         "grows\tchange > 20% over 1m\tg\t\t495000\t2\n"),
    };
    add_rule(fixture, "grows", "*", "change > 20% over 1m");
    add_rule(fixture, "full", "*", "value > 90");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        begin(fixture);
        assert_false(alert_engine_load_rings(fixture->engine, 0, lines[i], strlen(lines[i])));
        alert_engine_free(fixture->engine);
    }
    begin(fixture);
    static const char other[] = "gone\tchange > 20% over 1m\tg\t\t495000\t2\n"
                                "full\tvalue > 90\tg\t\t495000\t2\n"
                                "grows\tchange > 20% over 1m\tg\t\t0\t2\n";
    assert_true(alert_engine_load_rings(fixture->engine, 0, other, strlen(other)));
    struct buffer text = {0};
    for (int i = 0; i <= 62; i++) {
        buffer_append_text(&text, i ? "\t1000\t2" : "grows\tchange > 20% over 1m\th\t\t1\t2");
    }
    assert_false(alert_engine_load_rings(fixture->engine, 0, text.bytes, text.length));
    buffer_deinit(&text);
}

static void a_reload_keeps_what_unchanged_rules_have_begun(void **state)
{
    struct fixture *fixture = *state;
    struct fixture other = *fixture;
    other.config.alerts.items = other.alerts;
    add_rule(fixture, "full", "*", "value > 90");
    add_rule(fixture, "quiet", "cron.*", "absent 10s");
    begin(fixture);
    assert_int_equal(gauge(fixture, 95)->count, 2);
    add_rule(&other, "new", "*", "value > 1000");
    add_rule(&other, "quiet", "cron.*", "absent 10s")->cooldown_ms = 1;
    add_rule(&other, "full", "*", "value > 90")->for_windows = 5;
    alert_engine_configure(fixture->engine, &other.config);
    const struct alert_set *set = gauge(fixture, 95);
    assert_int_equal(set->rule_count, 3);
    assert_int_equal(set->count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(set->rows[i].state, ALERT_FIRING);
        assert_false(set->rows[i].changed);
    }
}

static void a_rule_that_changes_resolves_what_it_told_of(void **state)
{
    struct fixture *fixture = *state;
    struct fixture other = *fixture;
    other.config.alerts.items = other.alerts;
    add_rule(fixture, "full", "*", "value > 90");
    begin(fixture);
    assert_int_equal(state_of(gauge(fixture, 95)), ALERT_FIRING);
    add_rule(&other, "full", "*", "value > 94");
    alert_engine_configure(fixture->engine, &other.config);
    assert_int_equal(state_of(gauge(fixture, 95)), ALERT_RESOLVED);
    assert_int_equal(fixture->set->rows[0].notify, 2);
    assert_string_equal(fixture->set->rows[0].reason, "the rule has changed");
    assert_int_equal(state_of(gauge(fixture, 95)), ALERT_FIRING);
}

static void a_change_over_another_time_is_against_other_values(void **state)
{
    struct fixture *fixture = *state;
    struct fixture other = *fixture;
    other.config.alerts.items = other.alerts;
    add_rule(fixture, "grows", "*", "change > 20% over 10s");
    add_rule(&other, "grows", "*", "change > 20% over 1m");
    begin(fixture);
    gauge(fixture, 100);
    assert_int_equal(state_of(gauge(fixture, 130)), ALERT_FIRING);
    alert_engine_configure(fixture->engine, &other.config);
    assert_int_equal(state_of(gauge(fixture, 160)), ALERT_RESOLVED);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(state_of(gauge(fixture, 200)), ALERT_INACTIVE);
    }
    assert_int_equal(state_of(gauge(fixture, 193)), ALERT_FIRING); /* against 160 */
    alert_engine_configure(fixture->engine, &fixture->config);
}

static void a_rule_that_goes_resolves_what_it_told_of(void **state)
{
    struct fixture *fixture = *state;
    struct fixture none = *fixture;
    none.config.alerts.items = none.alerts;
    add_rule(fixture, "gone", "*", "value > 90");
    begin(fixture);
    assert_int_equal(state_of(gauge(fixture, 95)), ALERT_FIRING);
    alert_engine_configure(fixture->engine, &none.config);
    /* Once more, before a window could tell of it. */
    alert_engine_configure(fixture->engine, &none.config);
    fixture->alerts[0] = (struct config_alert){0};
    const struct alert_set *set = gauge(fixture, 95);
    assert_int_equal(state_of(set), ALERT_RESOLVED);
    assert_int_equal(set->rule_count, 0);
    assert_int_equal(set->rows[0].notify, 2);
    assert_string_equal(set->rows[0].name, "gone");
    assert_string_equal(set->rows[0].reason, "the rule is gone");
    assert_int_equal(gauge(fixture, 95)->count, 0);
    assert_null(gauge(fixture, 95));
}

static void a_rule_that_comes_back_in_time_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct fixture none = *fixture;
    none.config.alerts.items = none.alerts;
    add_rule(fixture, "full", "*", "value > 90");
    begin(fixture);
    assert_int_equal(state_of(gauge(fixture, 95)), ALERT_FIRING);
    alert_engine_configure(fixture->engine, &none.config);
    alert_engine_configure(fixture->engine, &fixture->config);
    const struct alert_set *set = gauge(fixture, 95);
    assert_int_equal(set->rule_count, 1);
    assert_int_equal(state_of(set), ALERT_FIRING);
    assert_false(set->rows[0].changed);
}

static void a_reload_does_not_break_a_silence(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "quiet", "hits", "absent 30s");
    begin(fixture);
    counter(fixture, 1, true);
    counter(fixture, 0, false);
    alert_engine_configure(fixture->engine, &fixture->config);
    assert_int_equal(counter(fixture, 0, false)->count, 0);
    assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_FIRING);
    alert_engine_configure(fixture->engine, &fixture->config);
    assert_int_equal(state_of(counter(fixture, 0, false)), ALERT_FIRING);
    assert_false(fixture->set->rows[0].changed);
}

static void what_finds_no_room_is_counted(void **state)
{
    struct fixture *fixture = *state;
    add_rule(fixture, "a", "*", "value > 90");
    add_rule(fixture, "b", "*", "value > 80");
    add_rule(fixture, "c", "*", "value > 70");
    begin(fixture);
    struct snapshot *snapshot = next(fixture);
    char name[16];
    for (uint32_t i = 0; i < MADE_ROWS_MAX; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        place(fixture, make_gauge(snapshot, name, "", 99)->identity, i);
    }
    const struct alert_set *set = judge(fixture, snapshot);
    assert_int_equal(set->count, ALERT_INSTANCES_MAX);
    uint64_t refused = 0;
    for (size_t i = 0; i < 3; i++) {
        refused += set->rules[i].refused;
    }
    assert_int_equal(refused, 3 * MADE_ROWS_MAX - ALERT_INSTANCES_MAX);
    assert_int_equal(judge(fixture, next(fixture))->count, ALERT_INSTANCES_MAX); /* all resolved */
    for (int i = 0; i < 8; i++) {
        judge(fixture, next(fixture));
    }
    assert_int_equal(gauge(fixture, 99)->count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_pending_for_its_windows_and_then_fires),
        TEST(a_series_that_comes_and_goes_below_never_fires),
        TEST(is_told_of_once_within_the_cooldown),
        TEST(idle_is_not_zero_and_long_silence_ends_it),
        TEST(what_fires_ends_with_its_series),
        TEST(another_series_at_its_place_has_nothing_of_it),
        TEST(silence_fires_and_samples_resolve),
        TEST(a_pattern_that_nothing_ever_matched_is_silent_from_the_start),
        TEST(a_step_of_the_wall_clock_neither_fires_nor_resolves),
        TEST(a_change_is_against_what_was_so_long_ago),
        TEST(a_fall_is_a_change_below_nothing),
        TEST(series_are_told_by_name_tags_and_kind),
        TEST(percentiles_are_those_of_the_row),
        TEST(an_anomaly_that_lasts_fires),
        TEST(a_series_that_expires_first_is_missed_by_its_pattern),
        TEST(a_silence_goes_on_over_a_restart),
        TEST(a_restart_neither_repeats_nor_forgets),
        TEST(the_cooldown_goes_on_over_a_restart),
        TEST(a_series_that_does_not_come_back_after_a_restart_ends),
        TEST(lines_of_others_are_refused),
        TEST(a_change_is_against_what_was_before_a_restart),
        TEST(a_long_down_time_compares_no_wrong_spans),
        TEST(a_change_is_told_of_a_machine_that_has_just_started),
        TEST(values_from_after_now_are_left_out),
        TEST(rings_are_saved_as_what_was_loaded),
        TEST(rings_of_series_that_do_not_come_back_are_forgotten),
        TEST(rings_of_names_beyond_a_bound_are_not_kept),
        TEST(rings_of_others_are_refused),
        TEST(a_reload_keeps_what_unchanged_rules_have_begun),
        TEST(a_rule_that_changes_resolves_what_it_told_of),
        TEST(a_change_over_another_time_is_against_other_values),
        TEST(a_rule_that_goes_resolves_what_it_told_of),
        TEST(a_rule_that_comes_back_in_time_goes_on),
        TEST(a_reload_does_not_break_a_silence),
        TEST(what_finds_no_room_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
