/* SPDX-License-Identifier: MIT */
#include "server/http/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/large.h"
#include "server/core/log.h"
#include "server/http/catalogue.h"
#include "server/http/sample.h"

/* Bytes compressed in a unit of work. */
#define PACKED_BYTES_PER_UNIT 256

enum phase { PHASE_IDLE, PHASE_NAMES, PHASE_TEXT, PHASE_PACK };

struct exposition {
    struct catalogue catalogue;
    struct sampler sampler;
    struct body *body; /* of `sequence`; NULL before the first, and where memory was out */
    struct gzip_part packed;
    bool pack_tried;
    uint64_t sequence; /* 0: there is none */
    size_t length;     /* of the latest body */
    /* Under way: */
    enum phase phase;
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
    exposition->sampler.totals = totals;
    return exposition;
}

static void drop(struct exposition *exposition)
{
    body_unref(exposition->body);
    body_unref(exposition->packed.body);
    exposition->body = NULL;
    exposition->packed = (struct gzip_part){0};
    exposition->pack_tried = false;
    exposition->sequence = 0;
}

void exposition_free(struct exposition *exposition)
{
    if (!exposition) {
        return;
    }
    drop(exposition);
    mapper_close(&exposition->mapper);
    gzip_abandon(exposition->writer);
    snapshot_unref(exposition->snapshot);
    buffer_deinit(&exposition->out);
    catalogue_deinit(&exposition->catalogue);
    sampler_deinit(&exposition->sampler);
    free(exposition);
}

static const char *type_word(const struct exposition *exposition, const struct family *family)
{
    enum prom_kind kind = family->kind;
    if (prom_kind_is_timer(kind)) {
        return sampler_is_histogram(&exposition->sampler, family) ? "histogram" : "summary";
    }
    return kind == PROM_COUNTER ? "counter" : "gauge";
}

static char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* # HELP api_hits_total StatsD counter api.hits.
 * # TYPE api_hits_total counter */
static void write_head(const struct exposition *exposition, const struct family *family,
                       struct buffer *out)
{
    static const char help[] = "# HELP ";
    static const char statsd[] = " StatsD ";
    static const char type[] = ".\n# TYPE ";
    const char *name = family->text;
    const char *sent = prom_type_word((enum statsd_type)family->type);
    const char *word = type_word(exposition, family);
    size_t sent_length = strlen(sent);
    size_t word_length = strlen(word);
    char *room =
        buffer_room(out, sizeof(help) + sizeof(statsd) + sizeof(type) + 2 * family->name_length +
                             family->help_length + sent_length + word_length);
    if (!room) {
        return;
    }
    char *at = put(room, help, strlen(help));
    at = put(at, name, family->name_length);
    if (family->own_help) {
        *at++ = ' ';
        at = put(at, name + family->name_length, family->help_length);
        at = put(at, type + 1, strlen(type + 1)); /* without the full stop */
    } else {
        at = put(at, statsd, strlen(statsd));
        at = put(at, sent, sent_length);
        *at++ = ' ';
        at = put(at, name + family->name_length, family->help_length);
        at = put(at, type, strlen(type));
    }
    at = put(at, name, family->name_length);
    *at++ = ' ';
    at = put(at, word, word_length);
    *at++ = '\n';
    out->length += (size_t)(at - room);
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
    sampler_begin(&exposition->sampler, &exposition->catalogue, exposition->snapshot);
    /* A large body grows into what it will most likely take. */
    if (exposition->length >= LARGE_BYTES_MIN) {
        size_t expected = exposition->length + exposition->length / 32;
        char *room = buffer_room(&exposition->out, expected);
        large_advise(room, room ? expected : 0);
    }
    exposition->phase = PHASE_TEXT;
    exposition->done = 0;
}

static void end_text(struct exposition *exposition)
{
    drop(exposition);
    exposition->length = exposition->out.length;
    exposition->body = body_new(&exposition->out);
    exposition->sequence = exposition->snapshot->sequence;
    snapshot_unref(exposition->snapshot);
    exposition->snapshot = NULL;
    exposition->phase = PHASE_IDLE;
}

static void step_text(struct exposition *exposition, size_t *work)
{
    const struct catalogue *catalogue = &exposition->catalogue;
    for (; exposition->done<catalogue->family_count && * work> 0; exposition->done++) {
        const struct family *family = catalogue->families[exposition->done];
        look_ahead(exposition, exposition->done);
        if (family->first) {
            write_head(exposition, family, &exposition->out);
        }
        for (const struct series *series = family->first; series; series = series->next) {
            sampler_write(&exposition->sampler, series, &exposition->out);
            *work -= *work > 0;
        }
    }
    if (exposition->done == catalogue->family_count) {
        end_text(exposition);
    }
}

static void step_pack(struct exposition *exposition, size_t *work)
{
    const struct body *body = exposition->body;
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
        exposition->packed = gzip_end(exposition->writer, true);
    } else {
        gzip_abandon(exposition->writer);
    }
    exposition->writer = NULL;
    exposition->pack_tried = true;
    exposition->phase = PHASE_IDLE;
}

void exposition_map(struct exposition *exposition, struct mapper mapper)
{
    mapper_close(&exposition->mapper);
    exposition->mapper = mapper;
    exposition->renamed = true;
}

/* False without memory: what was there is gone, and the next snapshot tries again. */
static bool take_rules(struct exposition *exposition)
{
    struct mapper *now = &exposition->catalogue.naming.mapper;
    bool taken = catalogue_rename(&exposition->catalogue, exposition->mapper);
    exposition->mapper = taken ? (struct mapper){0} : *now;
    if (!taken) {
        *now = (struct mapper){0};
    }
    exposition->renamed = !taken;
    return taken;
}

void exposition_begin(struct exposition *exposition, const struct snapshot *snapshot)
{
    bool there = exposition->body && exposition_has(exposition, snapshot->sequence);
    if (exposition->phase != PHASE_IDLE || there) {
        return;
    }
    if (exposition->renamed && !take_rules(exposition)) {
        log_line(LOG_LEVEL_ERROR, "no memory for the rules of the mapping", NULL);
        return;
    }
    exposition->snapshot = snapshot_ref(snapshot);
    /* Nobody but us has the old body: the new one is written over it. */
    body_recycle(exposition->body, &exposition->out);
    exposition->body = NULL;
    drop(exposition);
    catalogue_begin(&exposition->catalogue, snapshot);
    exposition->phase = PHASE_NAMES;
}

bool exposition_pack(struct exposition *exposition)
{
    if (exposition->phase == PHASE_IDLE && exposition->body && !exposition->pack_tried) {
        exposition->writer = gzip_begin();
        exposition->done = 0;
        exposition->phase = PHASE_PACK;
    }
    return exposition->pack_tried || !exposition->body;
}

bool exposition_step(struct exposition *exposition, size_t work)
{
    static void (*const steps[])(struct exposition *, size_t *) = {
        [PHASE_NAMES] = step_names, [PHASE_TEXT] = step_text, [PHASE_PACK] = step_pack};
    while (exposition->phase != PHASE_IDLE && work > 0) {
        steps[exposition->phase](exposition, &work);
    }
    return exposition->phase == PHASE_IDLE;
}

bool exposition_is_busy(const struct exposition *exposition)
{
    return exposition->phase != PHASE_IDLE;
}

bool exposition_has(const struct exposition *exposition, uint64_t sequence)
{
    return exposition->sequence > 0 && exposition->sequence >= sequence && !exposition->renamed;
}

struct body *exposition_body(const struct exposition *exposition)
{
    return exposition->body ? body_ref(exposition->body) : NULL;
}

const struct gzip_part *exposition_packed(const struct exposition *exposition)
{
    return exposition->packed.body ? &exposition->packed : NULL;
}

void exposition_trim(struct exposition *exposition)
{
    if (exposition->phase == PHASE_IDLE && exposition->length >= LARGE_BYTES_MIN) {
        drop(exposition);
    }
}

struct body *exposition_render(struct exposition *exposition, const struct snapshot *snapshot)
{
    exposition_step(exposition, SIZE_MAX);
    exposition_begin(exposition, snapshot);
    exposition_step(exposition, SIZE_MAX);
    return exposition_body(exposition);
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
