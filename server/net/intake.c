/* SPDX-License-Identifier: MIT */
#include "server/net/intake.h"

#include <string.h>

bool intake_init(struct intake *intake, const struct config *config, struct registry *registry,
                 struct pool *pool, unsigned workers)
{
    memset(&intake->figures, 0, sizeof(intake->figures));
    intake->group.count = 0;
    statsd_parser_init(&intake->parser, config->server.dialect);
    if (config->server.profile == PROFILE_ETSY) {
        statsd_parser_loosen_types(&intake->parser);
    }
    refusals_init(&intake->refusals, config->log.bad_lines_per_second / workers,
                  config->log.bad_lines_burst / workers);
    return shard_init(&intake->shard, config, registry, pool);
}

void intake_deinit(struct intake *intake)
{
    shard_deinit(&intake->shard);
}

static void refuse(struct intake *intake, unsigned reason, struct intake_origin origin)
{
    refusals_add(&intake->refusals, reason, origin.datagram->bytes + origin.line.offset,
                 origin.line.length, origin.datagram->sender, intake->now_ns);
}

static void lose(struct intake *intake, unsigned reason, struct intake_origin origin)
{
    intake->figures.samples_rejected[reason]++;
    refuse(intake, reason, origin);
}

static void store_group(struct intake *intake)
{
    struct shard_group *group = &intake->group;
    shard_group_store(group, &intake->shard, intake->now_ns);
    for (uint32_t i = 0; i < group->count; i++) {
        const struct shard_entry *entry = &group->entries[i];
        if (entry->loss) {
            lose(intake, entry->loss, intake->origins[i]);
        } else if (spelling_type(&entry->key) == STATSD_COUNTER && entry->value < 0) {
            intake->figures.counter_decrements++;
        }
    }
    group->count = 0;
}

static void take_sample(struct intake *intake, const struct statsd_item *item,
                        const struct udp_datagram *datagram)
{
    struct intake_origin origin = {datagram, item->line};
    intake->figures.samples_received[item->type]++;
    if (item->timestamp != 0 && !shard_takes_stamp(&intake->shard, item->timestamp)) {
        intake->figures.samples_late++;
        return;
    }
    intake->origins[intake->group.count] = origin;
    unsigned loss = shard_group_add(&intake->group, &intake->shard, datagram->bytes, item);
    if (loss) {
        lose(intake, loss, origin);
    } else if (intake->group.count == SHARD_GROUP_MAX) {
        store_group(intake);
    }
}

static void take_event(struct intake *intake, const struct statsd_item *item, const char *datagram)
{
    struct statsd_details details;
    statsd_parser_details(&intake->parser, item, &details);
    enum event_loss loss =
        events_add(&intake->shard.open->events, datagram, item, &details, intake->now_ns);
    intake->figures.events_lost[loss] += loss != EVENT_STORED;
}

static void take_item(struct intake *intake, const struct statsd_item *item,
                      const struct udp_datagram *datagram)
{
    switch (item->kind) {
    case STATSD_SAMPLE:
        take_sample(intake, item, datagram);
        break;
    case STATSD_EVENT:
        intake->figures.events_received++;
        take_event(intake, item, datagram->bytes);
        break;
    case STATSD_SERVICE_CHECK:
        intake->figures.service_checks_received++;
        take_event(intake, item, datagram->bytes);
        break;
    default:
        refuse(intake, item->reason, (struct intake_origin){datagram, item->line});
        break;
    }
}

void intake_take(struct intake *intake, const struct udp_datagram *datagram,
                 enum transport transport, uint64_t now_ns)
{
    intake->figures.datagrams_received[transport]++;
    intake->figures.bytes_received[transport] += datagram->length;
    intake_take_lines(intake, datagram, transport, now_ns);
}

void intake_take_lines(struct intake *intake, const struct udp_datagram *datagram,
                       enum transport transport, uint64_t now_ns)
{
    uint64_t lines_before = intake->parser.tally.lines;
    intake->now_ns = now_ns;
    statsd_parser_feed(&intake->parser, datagram->bytes, datagram->length);
    size_t count;
    while ((count = statsd_parser_read(&intake->parser, intake->items, INTAKE_ITEMS)) > 0) {
        for (size_t i = 0; i < count; i++) {
            take_item(intake, &intake->items[i], datagram);
        }
    }
    intake->figures.lines_received[transport] += intake->parser.tally.lines - lines_before;
}

void intake_refuse_line(struct intake *intake, enum statsd_reason reason,
                        const struct udp_datagram *beginning, enum transport transport,
                        uint64_t now_ns)
{
    intake->parser.tally.lines++;
    intake->parser.tally.lines_refused[reason]++;
    intake->figures.lines_received[transport]++;
    refusals_add(&intake->refusals, reason, beginning->bytes, beginning->length, beginning->sender,
                 now_ns);
}

/* The parser's reasons come first in enum loss_reason, the server's behind them are counted on the
 * way. */
void intake_settle(struct intake *intake)
{
    store_group(intake);
    const struct statsd_tally *tally = &intake->parser.tally;
    struct ingest_figures *figures = &intake->figures;
    uint64_t refused = 0;
    figures->lines_accepted = tally->lines_accepted;
    figures->sections_skipped = tally->sections_skipped;
    figures->series_rejected = intake->shard.names_refused;
    for (size_t i = 0; i < STATSD_REASONS; i++) {
        figures->lines_rejected[i] = tally->lines_refused[i];
        figures->samples_rejected[i] = tally->samples_refused[i];
        refused += tally->samples_refused[i];
    }
    figures->samples_received[SAMPLE_TYPE_UNKNOWN] = refused;
}
