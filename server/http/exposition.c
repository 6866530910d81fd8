/* SPDX-License-Identifier: MIT */
#include "server/http/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"
#include "server/http/catalogue.h"
#include "server/http/sample.h"

struct exposition {
    struct catalogue catalogue;
    struct sampler sampler;
    struct body *body; /* of `sequence`; NULL before the first */
    uint64_t sequence;
};

struct exposition *exposition_new(const struct config *config)
{
    struct exposition *exposition = calloc(1, sizeof(*exposition));
    if (!exposition || !catalogue_init(&exposition->catalogue)) {
        free(exposition);
        return NULL;
    }
    if (!sampler_init(&exposition->sampler, config)) {
        exposition_free(exposition);
        return NULL;
    }
    return exposition;
}

void exposition_free(struct exposition *exposition)
{
    if (!exposition) {
        return;
    }
    body_unref(exposition->body);
    catalogue_deinit(&exposition->catalogue);
    sampler_deinit(&exposition->sampler);
    free(exposition);
}

static const char *type_word(const struct exposition *exposition, enum prom_kind kind)
{
    if (prom_kind_is_timer(kind)) {
        return exposition->sampler.histogram ? "histogram" : "summary";
    }
    return kind == PROM_COUNTER ? "counter" : "gauge";
}

static char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static void write_head(const struct exposition *exposition, const struct family *family,
                       struct buffer *out)
{
    static const char help[] = "# HELP ";
    static const char type[] = "\n# TYPE ";
    const char *name = family->text;
    const char *word = type_word(exposition, family->kind);
    size_t word_length = strlen(word);
    char *room = buffer_room(out, sizeof(help) + sizeof(type) + 2 * family->name_length +
                                      family->help_length + word_length + 3);
    if (!room) {
        return;
    }
    char *at = put(room, help, strlen(help));
    at = put(at, name, family->name_length);
    *at++ = ' ';
    at = put(at, name + family->name_length, family->help_length);
    at = put(at, type, strlen(type));
    at = put(at, name, family->name_length);
    *at++ = ' ';
    at = put(at, word, word_length);
    *at++ = '\n';
    out->length += (size_t)(at - room);
}

/* Families are in order of names and their memory is not: what comes next is fetched ahead, each
 * step from what the step before it has brought. With a million families this halves the time. */
static void look_ahead(const struct exposition *exposition, size_t at)
{
    const struct catalogue *catalogue = &exposition->catalogue;
    struct family *const *families = catalogue->families;
    size_t left = catalogue->family_count - at;
    if (left > 24) {
        __builtin_prefetch(families[at + 24]);
        __builtin_prefetch(families[at + 16]->first);
        sampler_fetch_source(&exposition->sampler, families[at + 10]->first);
        sampler_fetch_row(&exposition->sampler, families[at + 5]->first);
    }
}

/* NULL without memory. `out` is an empty buffer that may bring its memory along. */
static struct body *render(struct exposition *exposition, const struct snapshot *snapshot,
                           struct buffer *out)
{
    struct catalogue *catalogue = &exposition->catalogue;
    if (!catalogue_update(catalogue, snapshot)) {
        log_line(LOG_LEVEL_ERROR, "no memory to show every series in Prometheus", NULL);
    }
    sampler_begin(&exposition->sampler, catalogue, snapshot);
    for (size_t i = 0; i < catalogue->family_count; i++) {
        const struct family *family = catalogue->families[i];
        look_ahead(exposition, i);
        write_head(exposition, family, out);
        for (const struct series *series = family->first; series; series = series->next) {
            sampler_write(&exposition->sampler, series, out);
        }
    }
    return body_new(out);
}

struct body *exposition_render(struct exposition *exposition, const struct snapshot *snapshot)
{
    if (!exposition->body || exposition->sequence != snapshot->sequence) {
        struct buffer out;
        buffer_init(&out);
        body_recycle(exposition->body, &out);
        exposition->body = render(exposition, snapshot, &out);
        exposition->sequence = snapshot->sequence;
    }
    return exposition->body ? body_ref(exposition->body) : NULL;
}

uint64_t exposition_conflicts(const struct exposition *exposition)
{
    return exposition->catalogue.conflicts;
}
