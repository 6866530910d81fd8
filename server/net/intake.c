/* SPDX-License-Identifier: MIT */
#include "server/net/intake.h"

#include <string.h>

bool intake_init(struct intake *intake, const struct config *config, struct registry *registry,
                 struct pool *pool, unsigned workers)
{
    memset(&intake->figures, 0, sizeof(intake->figures));
    statsd_parser_init(&intake->parser, config->server.dialect);
    refusals_init(&intake->refusals, config->log.bad_lines_per_second / workers,
                  config->log.bad_lines_burst / workers);
    return shard_init(&intake->shard, config, registry, pool);
}

void intake_deinit(struct intake *intake)
{
    shard_deinit(&intake->shard);
}

static void refuse(struct intake *intake, unsigned reason, const struct statsd_item *item,
                   const struct udp_datagram *datagram, uint64_t now_ns)
{
    refusals_add(&intake->refusals, reason, datagram->bytes + item->line.offset, item->line.length,
                 datagram->sender, now_ns);
}

static void take_sample(struct intake *intake, const struct statsd_item *item,
                        const struct udp_datagram *datagram, uint64_t now_ns)
{
    intake->figures.samples_received[item->type]++;
    unsigned loss = shard_store(&intake->shard, datagram->bytes, item, now_ns);
    if (loss) {
        intake->figures.samples_rejected[loss]++;
        refuse(intake, loss, item, datagram, now_ns);
    } else if (item->type == STATSD_COUNTER && item->value < 0) {
        intake->figures.counter_decrements++;
    }
}

static void take_item(struct intake *intake, const struct statsd_item *item,
                      const struct udp_datagram *datagram, uint64_t now_ns)
{
    switch (item->kind) {
    case STATSD_SAMPLE:
        take_sample(intake, item, datagram, now_ns);
        break;
    case STATSD_EVENT:
        intake->figures.events_received++;
        break;
    case STATSD_SERVICE_CHECK:
        intake->figures.service_checks_received++;
        break;
    default:
        refuse(intake, item->reason, item, datagram, now_ns);
        break;
    }
}

void intake_take(struct intake *intake, const struct udp_datagram *datagram,
                 enum transport transport, uint64_t now_ns)
{
    uint64_t lines_before = intake->parser.tally.lines;
    intake->figures.datagrams_received[transport]++;
    intake->figures.bytes_received[transport] += datagram->length;
    statsd_parser_feed(&intake->parser, datagram->bytes, datagram->length);
    size_t count;
    while ((count = statsd_parser_read(&intake->parser, intake->items, INTAKE_ITEMS)) > 0) {
        for (size_t i = 0; i < count; i++) {
            take_item(intake, &intake->items[i], datagram, now_ns);
        }
    }
    intake->figures.lines_received[transport] += intake->parser.tally.lines - lines_before;
}

/* The parser's reasons come first in enum loss_reason, the server's behind them are counted on the
 * way. */
void intake_settle(struct intake *intake)
{
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
