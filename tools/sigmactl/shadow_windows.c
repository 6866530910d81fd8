/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/shadow_windows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"

#define PATH_MAX_BYTES 4096
#define KEY_MAX 24

bool shadow_windows_init(struct shadow_windows *windows, double interval_s)
{
    *windows = (struct shadow_windows){.windows = json_object(), .interval_s = interval_s};
    for (int i = 0; i < SHADOW_SIDES; i++) {
        windows->first[i] = windows->latest[i] = INT64_MIN;
    }
    return windows->windows != NULL;
}

void shadow_windows_deinit(struct shadow_windows *windows)
{
    json_decref(windows->windows);
}

static json_t *find_window(struct shadow_windows *windows, int64_t number)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "%" PRId64, number);
    json_t *window = json_object_get(windows->windows, key);
    if (!window) {
        window = json_object();
        json_object_set_new(windows->windows, key, window);
    }
    return window;
}

/* Gauges and the like may be sent twice in a window: the later one holds. */
static bool store(struct shadow_windows *windows, int64_t number, enum shadow_side side,
                  const char *path, double value)
{
    json_t *window = find_window(windows, number);
    json_t *pair = json_object_get(window, path);
    if (!pair) {
        if (windows->values == SHADOW_VALUES_MAX) {
            return false;
        }
        pair = json_pack("[n, n]");
        if (json_object_set_new(window, path, pair) != 0) {
            return false;
        }
        windows->values++;
    }
    return json_array_set_new(pair, side, json_real(value)) == 0;
}

void shadow_windows_add(struct shadow_windows *windows, enum shadow_side side, const char *line,
                        size_t length)
{
    char path[PATH_MAX_BYTES];
    double value, stamp;
    const char *last = memrchr(line, ' ', length);
    const char *middle = last ? memrchr(line, ' ', (size_t)(last - line)) : NULL;
    if (!middle || middle == line || (size_t)(middle - line) >= sizeof(path) ||
        !number_parse(middle + 1, (size_t)(last - middle) - 1, &value) ||
        !number_parse(last + 1, (size_t)(line + length - last) - 1, &stamp) || fabs(stamp) > 1e15) {
        windows->unreadable++;
        return;
    }
    memcpy(path, line, (size_t)(middle - line));
    path[middle - line] = '\0';
    int64_t number = llround(stamp / windows->interval_s);
    if (windows->first[side] == INT64_MIN) {
        windows->first[side] = number;
    }
    if (number > windows->latest[side]) {
        windows->latest[side] = number;
    }
    windows->refused += !store(windows, number, side, path, value);
}

static int64_t least(const int64_t *numbers)
{
    return numbers[SHADOW_OLD] < numbers[SHADOW_NEW] ? numbers[SHADOW_OLD] : numbers[SHADOW_NEW];
}

static int64_t most(const int64_t *numbers)
{
    return numbers[SHADOW_OLD] > numbers[SHADOW_NEW] ? numbers[SHADOW_OLD] : numbers[SHADOW_NEW];
}

bool shadow_windows_next(struct shadow_windows *windows, int64_t *number, json_t **paths)
{
    const char *key;
    json_t *window;
    void *next;
    bool found = false;
    bool both = least(windows->first) != INT64_MIN;
    json_object_foreach_safe(windows->windows, next, key, window)
    {
        int64_t this = strtoll(key, NULL, 10);
        if (both && this <= most(windows->first)) {
            windows->values -= json_object_size(window);
            json_object_del(windows->windows, key);
        } else if (this < least(windows->latest) && (!found || this < *number)) {
            *number = this;
            found = true;
        }
    }
    if (found) {
        char text[KEY_MAX];
        snprintf(text, sizeof(text), "%" PRId64, *number);
        *paths = json_incref(json_object_get(windows->windows, text));
        windows->values -= json_object_size(*paths);
        json_object_del(windows->windows, text);
    }
    return found;
}

double shadow_difference(double old, double new)
{
    return old == new ? 0 : fabs(old - new) / fmax(fabs(old), fabs(new));
}
