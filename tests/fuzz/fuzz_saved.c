/* SPDX-License-Identifier: MIT
 *
 * Alerts kept over a restart: whatever the lines are, they are read or refused, a window can be
 * judged with what was read, and what is saved then is read by the next process and saved as the
 * same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine.h"
#include "server/core/log.h"
#include "server/core/require.h"

#define OFFSET_S 1795255200.0
#define NOW_NS UINT64_C(4000000000000)

static struct config_alert alerts[2];

static const struct config *make_config(void)
{
    static struct config config = {.alerts = {.items = alerts, .count = 2}};
    static char full[] = "full", quiet[] = "quiet", pattern[] = "*", cron[] = "cron.*";
    static char value[] = "value > 90", absent[] = "absent 5m";
    alerts[0] = (struct config_alert){
        .name = full, .metric = pattern, .condition = value, .for_windows = 2};
    alerts[1] =
        (struct config_alert){.name = quiet, .metric = cron, .condition = absent, .for_windows = 1};
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct snapshot window = {.timestamp = OFFSET_S + 4001, .window_seconds = 1};
    log_set_level(LOG_LEVEL_ERROR);
    struct alert_engine *engine = begin(), *next = begin();
    alert_engine_load(engine, OFFSET_S, (const char *)data, size);
    struct buffer saved = save(engine);
    REQUIRE(saved.length == 0 || alert_engine_load(next, OFFSET_S, saved.bytes, saved.length));
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
