/* SPDX-License-Identifier: MIT */
#include "server/http/exposition.h"

#include <stdlib.h>

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

static void write_family(struct exposition *exposition, const struct family *family,
                         struct buffer *out)
{
    buffer_append(out, "# HELP ", 7);
    buffer_append(out, family->text, family->name_length);
    buffer_append(out, " ", 1);
    buffer_append(out, family->text + family->name_length, family->help_length);
    buffer_append(out, "\n# TYPE ", 8);
    buffer_append(out, family->text, family->name_length);
    buffer_append(out, " ", 1);
    buffer_append_text(out, type_word(exposition, family->kind));
    buffer_append(out, "\n", 1);
    for (const struct series *series = family->first; series; series = series->next) {
        sampler_write(&exposition->sampler, series, out);
    }
}

/* NULL without memory. */
static struct body *render(struct exposition *exposition, const struct snapshot *snapshot)
{
    struct catalogue *catalogue = &exposition->catalogue;
    struct buffer out;
    buffer_init(&out);
    if (!catalogue_update(catalogue, snapshot)) {
        log_line(LOG_LEVEL_ERROR, "no memory to show every series in Prometheus", NULL);
    }
    sampler_begin(&exposition->sampler, catalogue, snapshot);
    if (exposition->body) {
        buffer_room(&out, exposition->body->length + exposition->body->length / 8);
    }
    for (size_t i = 0; i < catalogue->family_count; i++) {
        write_family(exposition, catalogue->families[i], &out);
    }
    return body_new(&out);
}

struct body *exposition_render(struct exposition *exposition, const struct snapshot *snapshot)
{
    if (!exposition->body || exposition->sequence != snapshot->sequence) {
        struct body *body = render(exposition, snapshot);
        if (!body) {
            return NULL;
        }
        body_unref(exposition->body);
        exposition->body = body;
        exposition->sequence = snapshot->sequence;
    }
    return body_ref(exposition->body);
}

uint64_t exposition_conflicts(const struct exposition *exposition)
{
    return exposition->catalogue.conflicts;
}
