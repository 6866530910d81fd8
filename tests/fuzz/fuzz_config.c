/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a configuration file: either a configuration whose lists are in order, or at least
 * one fault, each one line that begins with the file's name.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/loader.h"

#define NAME "/nonexistent/fuzz.ini"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_ascending(const struct config_numbers *list)
{
    for (size_t i = 1; i < list->count; i++)
        require(list->items[i - 1] < list->items[i]);
}

static void check_faults(const char *text)
{
    require(*text != '\0');
    for (; *text; text = strchr(text, '\n') + 1) {
        require(strncmp(text, NAME ":", strlen(NAME ":")) == 0);
        require(strchr(text, '\n') != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t nothing[1];
    const struct config_sources sources = {.path = NAME};
    char *text = NULL;
    size_t text_size = 0;
    FILE *faults = open_memstream(&text, &text_size);
    FILE *stream = size ? fmemopen((void *)(uintptr_t)data, size, "r") : fmemopen(nothing, 1, "w+");
    require(faults != NULL && stream != NULL);
    struct config *config = config_load_stream(stream, NAME, &sources, faults, NULL);
    fclose(stream);
    fclose(faults);
    if (config) {
        require(*text == '\0');
        check_ascending(&config->flush.percentiles);
        check_ascending(&config->prometheus.buckets);
        check_ascending(&config->prometheus.buckets_plain);
        for (size_t i = 0; i < config->histograms.count; i++)
            check_ascending(&config->histograms.items[i].bins);
        for (size_t i = 0; i < config->execs.count; i++)
            require(config->execs.items[i].command.count > 0);
        require(config->flush.interval_ms >= 50 && config->metrics.tags != NULL);
    } else {
        check_faults(text);
    }
    config_free(config);
    free(text);
    return 0;
}
