/* SPDX-License-Identifier: MIT
 *
 * The configurations that a backtest judges by: [anomaly] of a file or its defaults, the options of
 * the command over it, and one configuration for each value of the method's knob, which is
 * `sensitivity` of auto and `sigma` of sigma. One thread.
 */
#ifndef TOOLS_SIGMACTL_BACKTEST_SETTINGS_H
#define TOOLS_SIGMACTL_BACKTEST_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define SETTINGS_MAX 8
#define SETTING_TEXT_MAX 32

/* As given on the command line; NULL = what the file, or the default, has. */
struct settings_request {
    const char *config; /* path */
    const char *method;
    const char *sigma, *sensitivity; /* lists by comma; that of the other method is one value */
    const char *history, *warmup, *min_change, *hold_off;
};

struct setting {
    char value[SETTING_TEXT_MAX]; /* of the knob */
    struct config *config;
};

struct settings {
    const char *knob; /* "sigma" or "sensitivity" */
    struct setting items[SETTINGS_MAX];
    size_t count;
};

/* False with every fault told on standard error; settings_free() is to be called in either case. */
bool settings_load(struct settings *settings, const struct settings_request *request);
void settings_free(struct settings *settings);

#endif
