/* SPDX-License-Identifier: MIT
 *
 * A fault is rendered when it is found, while the texts it names are still there. Where memory runs
 * out the fault is lost but not the fact that there was one.
 */
#include "config/faults.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 512
#define FAULT_MAX (MESSAGE_MAX + 4096 + 64)

static int format_origin(char *out, size_t size, const struct config_origin *origin)
{
    switch (origin->source) {
    case SOURCE_FILE:
        if (origin->line == 0)
            return snprintf(out, size, "%s", origin->name);
        return snprintf(out, size, "%s:%u", origin->name, origin->line);
    case SOURCE_ENVIRONMENT:
        return snprintf(out, size, "environment %s", origin->name);
    case SOURCE_OVERRIDE:
        return snprintf(out, size, "--set %s", origin->name);
    case SOURCE_DEFAULT:
        break;
    }
    return snprintf(out, size, "default of %s", origin->name);
}

static void blank_control_characters(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static bool reserve_one(struct config_faults *faults)
{
    if (faults->count < faults->capacity)
        return true;
    size_t capacity = faults->capacity ? 2 * faults->capacity : 16;
    struct config_fault *items = reallocarray(faults->items, capacity, sizeof(*items));
    if (!items)
        return false;
    faults->items = items;
    faults->capacity = capacity;
    return true;
}

void config_faults_add(struct config_faults *faults, const struct config_origin *origin,
                       const char *format, ...)
{
    char message[MESSAGE_MAX];
    char text[FAULT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    int at = format_origin(text, sizeof(text) - sizeof(message) - 4, origin);
    size_t length = at < 0 ? 0 : strlen(text);
    snprintf(text + length, sizeof(text) - length, ": %s", message);
    blank_control_characters(text);

    char *copy = reserve_one(faults) ? strdup(text) : NULL;
    if (!copy) {
        faults->out_of_memory = true;
        return;
    }
    faults->items[faults->count] = (struct config_fault){
        .source = origin->source, .line = origin->line, .sequence = faults->count, .text = copy};
    faults->count++;
}

bool config_faults_any(const struct config_faults *faults)
{
    return faults->count > 0 || faults->out_of_memory;
}

static int compare_faults(const void *left, const void *right)
{
    const struct config_fault *a = left;
    const struct config_fault *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->sequence < b->sequence ? -1 : 1;
}

void config_faults_write(struct config_faults *faults, FILE *out)
{
    if (faults->count > 1)
        qsort(faults->items, faults->count, sizeof(*faults->items), compare_faults);
    for (size_t i = 0; i < faults->count; i++)
        fprintf(out, "%s\n", faults->items[i].text);
    if (faults->out_of_memory)
        fputs("configuration: out of memory\n", out);
}

void config_faults_deinit(struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        free(faults->items[i].text);
    free(faults->items);
    *faults = (struct config_faults){0};
}
