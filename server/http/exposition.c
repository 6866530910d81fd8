/* SPDX-License-Identifier: MIT */
#include "server/http/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/large.h"
#include "server/core/log.h"
#include "server/http/catalogue.h"
#include "server/http/protobuf_format.h"
#include "server/http/sample.h"
#include "server/http/text_format.h"

/* Bytes compressed in a unit of work. */
#define PACKED_BYTES_PER_UNIT 256

enum phase { PHASE_IDLE, PHASE_NAMES, PHASE_FAMILIES, PHASE_PACK };

/* In one format. */
struct rendering {
    struct body *body; /* of `sequence`; NULL before the first, and where memory was out */
    struct gzip_part packed;
    bool pack_tried;
    uint64_t sequence; /* 0: there is none */
    size_t length;     /* of the latest body */
};

struct exposition {
    struct catalogue catalogue;
    struct sampler sampler;
    struct rendering renderings[FORMATS];
    uint64_t catalogued; /* sequence of the snapshot whose names and rows the catalogue has */
    /* Under way: */
    enum phase phase;
    enum format format;
    bool renamed; /* `mapper` is to be taken over */
    struct mapper mapper;
    struct snapshot *snapshot;
    struct buffer out;
    size_t done; /* families written, or bytes compressed */
    struct gzip_writer *writer;
};

struct exposition *exposition_new(const struct config *config, bool totals)
{
    struct exposition *exposition = calloc(1, sizeof(*exposition));
    if (!exposition || !catalogue_init(&exposition->catalogue, config)) {
        free(exposition);
        return NULL;
    }
    if (!sampler_init(&exposition->sampler, config)) {
        exposition_free(exposition);
        return NULL;
    }
    exposition->sampler.totals |= totals;
    exposition->catalogue.own_apart = true; /* own_figures.h */
    return exposition;
}

static void drop(struct rendering *rendering)
{
    size_t length = rendering->length;
    body_unref(rendering->body);
    body_unref(rendering->packed.body);
    *rendering = (struct rendering){.length = length};
}

void exposition_free(struct exposition *exposition)
{
    if (!exposition) {
        return;
    }
    for (size_t format = 0; format < FORMATS; format++) {
        drop(&exposition->renderings[format]);
    }
    mapper_close(&exposition->mapper);
    gzip_abandon(exposition->writer);
    snapshot_unref(exposition->snapshot);
    buffer_deinit(&exposition->out);
    catalogue_deinit(&exposition->catalogue);
    sampler_deinit(&exposition->sampler);
    free(exposition);
}

static struct rendering *current(struct exposition *exposition)
{
    return &exposition->renderings[exposition->format];
}

/* Where memory was out a family may be without its series. */
static void fetch(const struct exposition *exposition, const struct family *family,
                  void (*fetch_for)(const struct sampler *, const struct series *))
{
    if (family->first) {
        fetch_for(&exposition->sampler, family->first);
    }
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
        fetch(exposition, families[at + 10], sampler_fetch_source);
        fetch(exposition, families[at + 5], sampler_fetch_row);
    }
}

/* Each of these does some of one phase, takes from *work what it came to, and goes on to the next
 * phase when it is done. */
static void step_names(struct exposition *exposition, size_t *work)
{
    if (!catalogue_step(&exposition->catalogue, exposition->snapshot, work)) {
        return;
    }
    if (!exposition->catalogue.complete) {
        log_line(LOG_LEVEL_ERROR, "no memory to show every series in Prometheus", NULL);
    }
    sampler_begin(&exposition->sampler, &exposition->catalogue, exposition->snapshot,
                  exposition->format);
    exposition->catalogued = exposition->snapshot->sequence;
    /* A large body grows into what it will most likely take. */
    size_t length = current(exposition)->length;
    if (length >= LARGE_BYTES_MIN) {
        size_t expected = length + length / 32;
        char *room = buffer_room(&exposition->out, expected);
        large_advise(room, room ? expected : 0);
    }
    exposition->phase = PHASE_FAMILIES;
    exposition->done = 0;
}

static void end_families(struct exposition *exposition)
{
    struct rendering *rendering = current(exposition);
    text_format_end(exposition->format, &exposition->out);
    drop(rendering);
    rendering->length = exposition->out.length;
    rendering->body = body_new(&exposition->out);
    rendering->sequence = exposition->snapshot->sequence;
    snapshot_unref(exposition->snapshot);
    exposition->snapshot = NULL;
    exposition->phase = PHASE_IDLE;
}

static void step_families(struct exposition *exposition, size_t *work)
{
    const struct catalogue *catalogue = &exposition->catalogue;
    size_t (*write)(struct sampler *, struct family *, struct buffer *) =
        exposition->format == FORMAT_PROTOBUF ? protobuf_format_family : text_format_family;
    while (exposition->done<catalogue->family_count && * work> 0) {
        look_ahead(exposition, exposition->done);
        size_t count =
            write(&exposition->sampler, catalogue->families[exposition->done++], &exposition->out);
        *work -= count < *work ? count : *work;
    }
    if (exposition->done == catalogue->family_count) {
        end_families(exposition);
    }
}

static void step_pack(struct exposition *exposition, size_t *work)
{
    struct rendering *rendering = current(exposition);
    const struct body *body = rendering->body;
    size_t rest = body->length - exposition->done;
    size_t bytes = *work < rest / PACKED_BYTES_PER_UNIT ? *work * PACKED_BYTES_PER_UNIT : rest;
    bool added =
        exposition->writer && gzip_add(exposition->writer, body->bytes + exposition->done, bytes);
    exposition->done += bytes;
    *work -= bytes / PACKED_BYTES_PER_UNIT < *work ? bytes / PACKED_BYTES_PER_UNIT : *work;
    if (added && exposition->done < body->length) {
        return;
    }
    if (added) {
        rendering->packed = gzip_end(exposition->writer, true);
    } else {
        gzip_abandon(exposition->writer);
    }
    exposition->writer = NULL;
    rendering->pack_tried = true;
    exposition->phase = PHASE_IDLE;
}

void exposition_map(struct exposition *exposition, struct mapper mapper)
{
    mapper_close(&exposition->mapper);
    exposition->mapper = mapper;
    exposition->renamed = true;
}

/* False without memory: what was there is gone, and the next snapshot tries again. Bodies by the
 * rules of before are not shown again in any format. */
static bool take_rules(struct exposition *exposition)
{
    struct mapper *now = &exposition->catalogue.naming.mapper;
    bool taken = catalogue_rename(&exposition->catalogue, exposition->mapper);
    exposition->mapper = taken ? (struct mapper){0} : *now;
    if (!taken) {
        *now = (struct mapper){0};
    }
    exposition->renamed = !taken;
    exposition->catalogued = 0;
    for (size_t format = 0; format < FORMATS; format++) {
        drop(&exposition->renderings[format]);
    }
    return taken;
}

void exposition_begin(struct exposition *exposition, const struct snapshot *snapshot,
                      enum format format)
{
    struct rendering *rendering = &exposition->renderings[format];
    bool there = rendering->body && exposition_has(exposition, snapshot->sequence, format);
    if (exposition->phase != PHASE_IDLE || there) {
        return;
    }
    if (exposition->renamed && !take_rules(exposition)) {
        log_line(LOG_LEVEL_ERROR, "no memory for the rules of the mapping", NULL);
        return;
    }
    exposition->format = format;
    exposition->snapshot = snapshot_ref(snapshot);
    /* Nobody but us has the old body: the new one is written over it. */
    body_recycle(rendering->body, &exposition->out);
    rendering->body = NULL;
    drop(rendering);
    if (exposition->catalogued != snapshot->sequence || !exposition->catalogue.complete ||
        exposition->catalogue.waiting > 0) {
        catalogue_begin(&exposition->catalogue, snapshot);
    }
    exposition->phase = PHASE_NAMES;
}

bool exposition_pack(struct exposition *exposition, enum format format)
{
    const struct rendering *rendering = &exposition->renderings[format];
    if (exposition->phase == PHASE_IDLE && rendering->body && !rendering->pack_tried) {
        exposition->format = format;
        exposition->writer = gzip_begin();
        exposition->done = 0;
        exposition->phase = PHASE_PACK;
    }
    return rendering->pack_tried || !rendering->body;
}

bool exposition_step(struct exposition *exposition, size_t work)
{
    static void (*const steps[])(struct exposition *, size_t *) = {
        [PHASE_NAMES] = step_names, [PHASE_FAMILIES] = step_families, [PHASE_PACK] = step_pack};
    while (exposition->phase != PHASE_IDLE && work > 0) {
        steps[exposition->phase](exposition, &work);
    }
    return exposition->phase == PHASE_IDLE;
}

bool exposition_is_busy(const struct exposition *exposition)
{
    return exposition->phase != PHASE_IDLE;
}

bool exposition_has(const struct exposition *exposition, uint64_t sequence, enum format format)
{
    const struct rendering *rendering = &exposition->renderings[format];
    return rendering->sequence > 0 && rendering->sequence >= sequence && !exposition->renamed;
}

struct body *exposition_body(const struct exposition *exposition, enum format format)
{
    struct body *body = exposition->renderings[format].body;
    return body ? body_ref(body) : NULL;
}

const struct gzip_part *exposition_packed(const struct exposition *exposition, enum format format)
{
    const struct gzip_part *packed = &exposition->renderings[format].packed;
    return packed->body ? packed : NULL;
}

void exposition_trim(struct exposition *exposition)
{
    for (size_t format = 0; exposition->phase == PHASE_IDLE && format < FORMATS; format++) {
        if (exposition->renderings[format].length >= LARGE_BYTES_MIN) {
            drop(&exposition->renderings[format]);
        }
    }
}

struct body *exposition_render(struct exposition *exposition, const struct snapshot *snapshot,
                               enum format format)
{
    exposition_step(exposition, SIZE_MAX);
    exposition_begin(exposition, snapshot, format);
    exposition_step(exposition, SIZE_MAX);
    return exposition_body(exposition, format);
}

uint64_t exposition_conflicts(const struct exposition *exposition)
{
    return exposition->catalogue.conflicts;
}

size_t exposition_waiting(const struct exposition *exposition)
{
    return exposition->catalogue.waiting;
}

uint64_t exposition_limited(const struct exposition *exposition)
{
    const struct mapping *mapping = exposition->catalogue.naming.mapper.mapping;
    return mapping ? mapping->limited : 0;
}
