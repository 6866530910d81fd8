/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/backtest_settings.h"

#include <stdio.h>
#include <string.h>

#include "proto/number.h"

#define OVERRIDES_MAX 8
#define OVERRIDE_TEXT_MAX 128

/* Texts as --set has them, of what was asked for. */
struct overrides {
    char texts[OVERRIDES_MAX][OVERRIDE_TEXT_MAX];
    const char *pointers[OVERRIDES_MAX];
    size_t count;
};

static void override(struct overrides *overrides, const char *key, const char *value)
{
    if (value == NULL) {
        return;
    }
    char *text = overrides->texts[overrides->count];
    snprintf(text, OVERRIDE_TEXT_MAX, "anomaly.%s=%s", key, value);
    overrides->pointers[overrides->count++] = text;
}

static struct config *load(const struct settings_request *request, const char *knob,
                           const char *value)
{
    struct overrides overrides = {.count = 0};
    bool sigma = knob != NULL && strcmp(knob, "sigma") == 0;
    bool sensitivity = knob != NULL && !sigma;
    override(&overrides, "method", request->method);
    override(&overrides, "sigma", sigma ? value : sensitivity ? request->sigma : NULL);
    override(&overrides, "sensitivity", sensitivity ? value : sigma ? request->sensitivity : NULL);
    override(&overrides, "history", request->history);
    override(&overrides, "warmup", request->warmup);
    override(&overrides, "min_change", request->min_change);
    override(&overrides, "hold_off", request->hold_off);
    struct config_sources sources = {.path = request->config ? request->config : "/dev/null",
                                     .overrides = overrides.pointers,
                                     .override_count = overrides.count};
    return config_load(&sources, stderr, NULL);
}

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "sigmactl backtest: %s: %s\n", what, why);
    return false;
}

static bool add(struct settings *settings, const struct settings_request *request,
                const char *value, size_t length)
{
    struct setting *setting = &settings->items[settings->count];
    if (settings->count == SETTINGS_MAX || length >= SETTING_TEXT_MAX) {
        return fail(settings->knob, "too many values, or too long a one");
    }
    memcpy(setting->value, value, length);
    setting->value[length] = '\0';
    setting->config = load(request, settings->knob, setting->value);
    settings->count += setting->config != NULL;
    return setting->config != NULL;
}

static bool add_all(struct settings *settings, const struct settings_request *request,
                    const char *list)
{
    for (const char *at = list;;) {
        size_t length = strcspn(at, ",");
        size_t blanks = strspn(at, " ");
        if (blanks >= length || !add(settings, request, at + blanks, length - blanks)) {
            return blanks < length ? false : fail(list, "a value is empty");
        }
        if (at[length] == '\0') {
            return true;
        }
        at += length + 1;
    }
}

bool settings_load(struct settings *settings, const struct settings_request *request)
{
    *settings = (struct settings){.count = 0};
    struct config *config = load(request, NULL, NULL);
    if (config == NULL) {
        return false;
    }
    enum config_anomaly_method method = config->anomaly.method;
    char value[NUMBER_TEXT_MAX];
    number_format(value,
                  method == ANOMALY_AUTO ? config->anomaly.sensitivity : config->anomaly.sigma);
    config_free(config);
    if (method == ANOMALY_OFF) {
        return fail("anomaly.method", "off; give --method");
    }
    settings->knob = method == ANOMALY_AUTO ? "sensitivity" : "sigma";
    const char *list = method == ANOMALY_AUTO ? request->sensitivity : request->sigma;
    return add_all(settings, request, list != NULL ? list : value);
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        config_free(settings->items[i].config);
    }
    settings->count = 0;
}
