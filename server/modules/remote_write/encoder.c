/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/http/catalogue.h"
#include "server/http/protobuf.h"
#include "server/http/sample.h"
#include "server/modules/remote_write/fields.h"
#include "server/modules/remote_write/labels.h"
#include "server/modules/remote_write/samples.h"
#include "server/modules/remote_write/shown.h"
#include "server/modules/remote_write/totals.h"

struct encoder {
    struct own_labels own;
    struct catalogue catalogue;
    struct sampler sampler;
    struct native_histogram native, none;
    struct shown shown;
    struct label_writer labels;
    struct buffer encoded; /* labels of the series in hand */
    struct batch_maker maker;
    int64_t stamp_ms, before_ms; /* of this window, and of the one before */
    int64_t start_ms;            /* what is new begins here; 0 = it cannot */
    bool broken;                 /* the names are lost for want of memory */
};

static bool init(struct encoder *encoder, const struct config *config)
{
    const struct native_limits limits = {.schema = (int)config->remote_write.native_schema,
                                         .buckets_max = config->remote_write.native_max_buckets};
    bool made = catalogue_init(&encoder->catalogue, config);
    made = sampler_init(&encoder->sampler, config) && made;
    made = native_histogram_init(&encoder->native, &limits) && made;
    made = native_histogram_init(&encoder->none, &limits) && made;
    made = shown_init(&encoder->shown) && made;
    encoder->maker.series_max = config->remote_write.batch_series;
    return made;
}

struct encoder *encoder_new(const struct config *config, char *reason, size_t reason_size)
{
    struct own_labels own;
    if (!own_labels_parse(&own, config->remote_write.labels, reason, reason_size)) {
        return NULL;
    }
    struct encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder) {
        own_labels_deinit(&own);
        snprintf(reason, reason_size, "out of memory");
        return NULL;
    }
    encoder->own = own;
    if (!init(encoder, config)) {
        encoder_free(encoder);
        snprintf(reason, reason_size, "out of memory");
        return NULL;
    }
    native_histogram_make(&encoder->none, NULL, 1, 0);
    return encoder;
}

void encoder_free(struct encoder *encoder)
{
    if (!encoder) {
        return;
    }
    batch_maker_deinit(&encoder->maker);
    buffer_deinit(&encoder->encoded);
    label_writer_deinit(&encoder->labels);
    shown_deinit(&encoder->shown);
    native_histogram_deinit(&encoder->none);
    native_histogram_deinit(&encoder->native);
    sampler_deinit(&encoder->sampler);
    catalogue_deinit(&encoder->catalogue);
    own_labels_deinit(&encoder->own);
    free(encoder);
}

void encoder_map(struct encoder *encoder, struct mapper mapper)
{
    encoder->broken = !catalogue_rename(&encoder->catalogue, mapper);
}

static void choose_stamps(struct encoder *encoder, const struct snapshot *snapshot)
{
    int64_t stamp_ms = llround(snapshot->timestamp * 1000);
    int64_t start_ms = stamp_ms - llround(snapshot->window_seconds * 1000);
    encoder->before_ms = encoder->stamp_ms;
    encoder->stamp_ms = stamp_ms > encoder->before_ms ? stamp_ms : encoder->before_ms + 1;
    start_ms = start_ms > encoder->before_ms ? start_ms : encoder->before_ms + 1;
    encoder->start_ms = start_ms < encoder->stamp_ms ? start_ms : 0;
}

/* Whether all that the series has ever had came in this window. */
static bool began_now(const struct encoder *encoder, const struct series *series)
{
    const struct snapshot *snapshot = encoder->sampler.snapshot;
    enum metric_kind kind = catalogue_metric_kind(series->family->kind);
    bool now = kind == METRIC_COUNTER || kind == METRIC_TIMER;
    const struct source *source = sample_source(&encoder->sampler, kind, series->first_source);
    for (; now && source; source = sample_source(&encoder->sampler, kind, source->next)) {
        const struct counter_row *counter =
            kind == METRIC_COUNTER ? &snapshot->counters[source->row] : NULL;
        const struct timer_row *timer = counter ? NULL : &snapshot->timers[source->row];
        now = counter ? counter->total == counter->count : timer->total_count == timer->count;
    }
    return now;
}

/* NULL without memory. */
static const struct shown_series *known(struct encoder *encoder, const struct series *series,
                                        bool *is_new)
{
    const struct family *family = series->family;
    struct shown_key key =
        shown_key_make(family->text, family->name_length, series->labels, series->labels_length);
    const struct shown_series *shown = shown_find(&encoder->shown, &key);
    *is_new = !shown;
    if (shown) {
        return shown;
    }
    struct buffer *encoded = &encoder->encoded;
    encoded->length = 0;
    encoded->failed = false;
    labels_encode(&encoder->labels, &encoder->own, family->text, family->name_length,
                  series->labels, series->labels_length, encoded);
    return encoded->failed ? NULL
                           : shown_add(&encoder->shown, &key, encoded->bytes, encoded->length,
                                       prom_kind_is_timer((enum prom_kind)family->kind));
}

static size_t begin_series(struct buffer *out, const struct shown_series *shown)
{
    size_t begun = protobuf_begin(out, REQUEST_SERIES);
    buffer_append(out, shown->labels, shown->length);
    return begun;
}

static void encode_samples(struct encoder *encoder, const struct series *series, bool begins,
                           struct buffer *out)
{
    if (!prom_kind_is_timer((enum prom_kind)series->family->kind)) {
        if (begins) {
            samples_encode_value(out, 0, encoder->start_ms);
        }
        samples_encode_value(out, sampler_value(&encoder->sampler, series), encoder->stamp_ms);
        return;
    }
    if (begins) {
        samples_encode_histogram(out, &encoder->none, encoder->start_ms);
    }
    samples_encode_histogram(out, &encoder->native, encoder->stamp_ms);
}

static bool encode_series(struct encoder *encoder, const struct series *series)
{
    bool timer = prom_kind_is_timer((enum prom_kind)series->family->kind);
    bool is_new;
    const struct shown_series *shown = known(encoder, series, &is_new);
    if (!shown || (timer && !totals_make(&encoder->sampler, series, &encoder->native))) {
        return false;
    }
    bool begins = is_new && encoder->start_ms > 0 && began_now(encoder, series);
    struct buffer *out = batch_maker_buffer(&encoder->maker);
    size_t begun = begin_series(out, shown);
    encode_samples(encoder, series, begins, out);
    protobuf_end(out, begun);
    batch_maker_add(&encoder->maker);
    return true;
}

static void encode_end(void *context, const struct shown_series *shown)
{
    struct encoder *encoder = context;
    struct buffer *out = batch_maker_buffer(&encoder->maker);
    size_t begun = begin_series(out, shown);
    if (shown->histogram) {
        samples_encode_stale_histogram(out, encoder->stamp_ms);
    } else {
        samples_encode_stale_value(out, encoder->stamp_ms);
    }
    protobuf_end(out, begun);
    batch_maker_add(&encoder->maker);
}

static bool name_all(struct encoder *encoder, const struct snapshot *snapshot)
{
    size_t work = SIZE_MAX;
    if (encoder->broken) {
        return false;
    }
    catalogue_begin(&encoder->catalogue, snapshot);
    while (!catalogue_step(&encoder->catalogue, snapshot, &work)) {
        work = SIZE_MAX;
    }
    return true;
}

bool encoder_window(struct encoder *encoder, const struct snapshot *snapshot,
                    struct batch_list *made)
{
    const struct catalogue *catalogue = &encoder->catalogue;
    bool whole = name_all(encoder, snapshot);
    choose_stamps(encoder, snapshot);
    batch_maker_begin(&encoder->maker, snapshot->window);
    shown_begin(&encoder->shown);
    sampler_begin(&encoder->sampler, catalogue, snapshot, FORMAT_TEXT);
    for (size_t i = 0; whole && i < catalogue->family_count; i++) {
        const struct series *series = catalogue->families[i]->first;
        for (; whole && series; series = series->next) {
            whole = encode_series(encoder, series);
        }
    }
    /* What memory did not suffice to name has not ended. */
    if (whole && catalogue->complete) {
        shown_sweep(&encoder->shown, encode_end, encoder);
    }
    bool ended = batch_maker_end(&encoder->maker, made);
    if (!whole) {
        batch_list_free(made);
    }
    return whole && ended;
}

bool encoder_end(struct encoder *encoder, struct batch_list *made)
{
    encoder->stamp_ms++;
    batch_maker_begin(&encoder->maker, encoder->maker.window);
    shown_begin(&encoder->shown);
    shown_sweep(&encoder->shown, encode_end, encoder);
    return batch_maker_end(&encoder->maker, made);
}
