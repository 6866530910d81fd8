/* SPDX-License-Identifier: MIT */
#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"

#define KEYS_BYTES 512

static void log_faults(char *faults)
{
    char *rest = faults;
    for (char *fault = strtok_r(rest, "\n", &rest); fault; fault = strtok_r(rest, "\n", &rest)) {
        log_line(LOG_LEVEL_ERROR, "configuration refused", "fault", fault, NULL);
    }
}

static struct config *read_again(const struct config_sources *sources, char *reason,
                                 size_t reason_size)
{
    char *faults = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&faults, &length);
    struct config *config = stream ? config_load(sources, stream, NULL) : NULL;
    if (stream) {
        fclose(stream);
    }
    if (!config) {
        snprintf(reason, reason_size, "%s", faults && faults[0] ? faults : "out of memory");
        if (faults) {
            log_faults(faults);
        }
    }
    free(faults);
    return config;
}

/* One configuration back is enough: a second reload waits until the flusher has let go of the
 * first. */
static bool let_go(struct settings *settings, struct flusher *flusher)
{
    if (settings->before && flusher_config(flusher) == settings->config) {
        config_free(settings->before);
        settings->before = NULL;
    }
    return settings->before == NULL;
}

bool settings_reload(struct settings *settings, struct flusher *flusher, char *reason,
                     size_t reason_size)
{
    if (!let_go(settings, flusher)) {
        snprintf(reason, reason_size, "the reload before takes effect when its window closes");
        return false;
    }
    struct config *config = read_again(settings->sources, reason, reason_size);
    if (!config) {
        return false;
    }
    char keys[KEYS_BYTES];
    if (config_changes_for_restart(settings->config, config, keys, sizeof(keys)) > 0) {
        if (!config_keep_for_restart(config, settings->config)) {
            config_free(config);
            snprintf(reason, reason_size, "out of memory");
            return false;
        }
        log_line(LOG_LEVEL_WARNING, "changes that take a restart", "keys", keys, NULL);
    }
    settings->before = settings->config;
    settings->config = config;
    return true;
}

void settings_deinit(struct settings *settings)
{
    config_free(settings->before);
    config_free(settings->config);
}
