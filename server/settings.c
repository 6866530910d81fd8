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

struct config *settings_load(const struct config_sources *sources, FILE *faults, FILE *notes,
                             struct mapper *mapper)
{
    struct config *config = config_load(sources, faults, notes);
    const char *path = config ? config->prometheus.mapping : NULL;
    *mapper = (struct mapper){0};
    if (path && !mapper_open(mapper, path, "prometheus.mapping", faults)) {
        config_free(config);
        return NULL;
    }
    return config;
}

struct mapper settings_take_mapper(struct settings *settings)
{
    struct mapper mapper = settings->mapper;
    settings->mapper = (struct mapper){0};
    return mapper;
}

static struct config *read_again(const struct config_sources *sources, struct mapper *mapper,
                                 char *reason, size_t reason_size)
{
    char *faults = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&faults, &length);
    struct config *config = stream ? settings_load(sources, stream, NULL, mapper) : NULL;
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

/* The flusher reads the configuration it took over last, and will take over none but the one in
 * force: of those before, only the one it has is still needed. */
static void let_go(struct settings *settings, struct flusher *flusher)
{
    const struct config *in_use = flusher_config(flusher);
    for (size_t i = 0; i < SETTINGS_BEFORE; i++) {
        if (settings->before[i] != in_use) {
            config_free(settings->before[i]);
            settings->before[i] = NULL;
        }
    }
    if (settings->before[1]) {
        settings->before[0] = settings->before[1];
        settings->before[1] = NULL;
    }
}

bool settings_reload(struct settings *settings, struct flusher *flusher, char *reason,
                     size_t reason_size)
{
    struct mapper mapper;
    struct config *config = read_again(settings->sources, &mapper, reason, reason_size);
    if (!config) {
        return false;
    }
    char keys[KEYS_BYTES];
    if (config_changes_for_restart(settings->config, config, keys, sizeof(keys)) > 0) {
        if (!config_keep_for_restart(config, settings->config)) {
            config_free(config);
            mapper_close(&mapper);
            snprintf(reason, reason_size, "out of memory");
            return false;
        }
        log_line(LOG_LEVEL_WARNING, "changes that take a restart", "keys", keys, NULL);
    }
    let_go(settings, flusher);
    settings->before[1] = settings->config;
    settings->config = config;
    mapper_close(&settings->mapper);
    settings->mapper = mapper;
    return true;
}

void settings_deinit(struct settings *settings)
{
    for (size_t i = 0; i < SETTINGS_BEFORE; i++) {
        config_free(settings->before[i]);
    }
    config_free(settings->config);
    mapper_close(&settings->mapper);
}
