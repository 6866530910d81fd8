/* SPDX-License-Identifier: MIT
 *
 * Alerts and rings kept over a restart: whatever the lines are, they are read or refused, a window
 * can be judged with what was read, and what is saved then is read by the next process and saved as
 * the same bytes. Lines of the one are put to the other as well.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine.h"
#include "server/core/log.h"
#include "server/core/require.h"

#define OFFSET_S 1795255200.0
#define NOW_NS UINT64_C(4000000000000)

static struct config_alert alerts[3];

static const struct config *make_config(void)
{
    static struct config config = {.alerts = {.items = alerts, .count = 3}};
    static char full[] = "full", quiet[] = "quiet", pattern[] = "*", cron[] = "cron.*";
    static char value[] = "value > 90", absent[] = "absent 5m";
    static char grows[] = "grows", change[] = "change > 20% over 1h";
    alerts[0] = (struct config_alert){
        .name = full, .metric = pattern, .condition = value, .for_windows = 2};
    alerts[1] =
        (struct config_alert){.name = quiet, .metric = cron, .condition = absent, .for_windows = 1};
    alerts[2] = (struct config_alert){
        .name = grows, .metric = pattern, .condition = change, .for_windows = 1};
    return &config;
}

static struct alert_engine *begin(void)
{
    struct alert_engine *engine = alert_engine_new(make_config(), NOW_NS);
    REQUIRE(engine);
    return engine;
}

static struct buffer save(const struct alert_engine *engine)
{
    struct buffer out = {0};
    alert_engine_save(engine, OFFSET_S, &out);
    REQUIRE(!out.failed);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buffer save_rings(const struct alert_engine *engine)
{
    struct buffer held = {0}, lines = {0};
    alert_engine_hold_rings(engine, OFFSET_S, &held);
    alert_rings_write(&held, &lines);
    REQUIRE(!held.failed && !lines.failed);
    buffer_deinit(&held);
    return lines;
}

/* In any order: what was loaded waits where it was put. */
static uint64_t sum_of_lines(const struct buffer *text)
{
    uint64_t sum = 0, line = 1;
    for (size_t i = 0; i < text->length; i++) {
        line = text->bytes[i] == '\n' ? 1 : line * 1099511628211u + (unsigned char)text->bytes[i];
        sum += i + 1 == text->length || text->bytes[i + 1] == '\n' ? line : 0;
    }
    return sum;
}

static void require_same(struct buffer *left, struct buffer *right)
{
    REQUIRE(left->length == right->length && sum_of_lines(left) == sum_of_lines(right));
    buffer_deinit(left);
    buffer_deinit(right);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct snapshot window = {.timestamp = OFFSET_S + 4001, .window_seconds = 1};
    log_set_level(LOG_LEVEL_ERROR);
    struct alert_engine *engine = begin(), *next = begin();
    alert_engine_load(engine, OFFSET_S, (const char *)data, size);
    alert_engine_load_rings(engine, OFFSET_S, (const char *)data, size);
    struct buffer saved = save(engine), rings = save_rings(engine);
    REQUIRE(saved.length == 0 || alert_engine_load(next, OFFSET_S, saved.bytes, saved.length));
    REQUIRE(rings.length == 0 ||
            alert_engine_load_rings(next, OFFSET_S, rings.bytes, rings.length));
    struct buffer again = save_rings(next);
    require_same(&rings, &again);
    alert_set_unref(alert_engine_judge(engine, &window, NOW_NS + 1000000000));
    alert_set_unref(alert_engine_judge(next, &window, NOW_NS + 1000000000));
    struct buffer left = save(engine), right = save(next);
    REQUIRE(left.length == right.length);
    buffer_deinit(&saved);
    buffer_deinit(&left);
    buffer_deinit(&right);
    alert_engine_free(engine);
    alert_engine_free(next);
    return 0;
}
