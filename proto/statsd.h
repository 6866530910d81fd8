/* SPDX-License-Identifier: MIT
 *
 * The StatsD wire format: one datagram in, typed items out. A datagram holds lines parted by LF; a
 * line holds one metric with one or more samples, a DogStatsD event, or a DogStatsD service check.
 *
 *     name:value|type|@rate|#tag:value,tag|c:container|T1656581400
 *     name:1:2:3|ms            value packing: three samples of one type     (DogStatsD
 * protocol 1.1) name:1|c:2|ms            several samples, each with its own type      (etsy statsd)
 *     name,k=v,k2=v2:1|c       tags in the name: influxdb; also n[k=v], n#k=v and n;k=v
 *     _e{5,4}:title|text|...   event
 *     _sc|name|status|...      service check
 *
 * No I/O, no allocation, no state beyond one datagram. A parser belongs to one thread. Spans in
 * items are offsets into the datagram last given to statsd_parser_feed(), which must outlive their
 * use. What a sample needs is in struct statsd_item, one cache line; what few ask for is read from
 * its line again by statsd_parser_details().
 */
#ifndef PROTO_STATSD_H
#define PROTO_STATSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/span.h"
#include "proto/tags.h"

/* `ms`, `h` and `d` are aggregated alike but are separate series: the type is part of the identity.
 */
enum statsd_type {
    STATSD_COUNTER,      /* c */
    STATSD_GAUGE,        /* g */
    STATSD_TIMER,        /* ms */
    STATSD_HISTOGRAM,    /* h */
    STATSD_DISTRIBUTION, /* d */
    STATSD_SET,          /* s */
    STATSD_TYPES
};

/* All dialects take several samples a line and tags behind a `|#`. etsy is strict about what may
 * follow the type, takes one value a sample and knows neither events nor checks; dogstatsd takes
 * packed values, skips sections it does not know, as its published protocol asks, and trims a CR in
 * front of the LF. The others take tags in names, as name_tags.h has it, and refuse a line with
 * tags in both places: graphite is as strict as etsy, influxdb, signalfx and librato as lenient as
 * dogstatsd but for packed values, which are for `ms` alone. auto takes what dogstatsd takes and
 * tags in names in any way, where nothing but tags can be meant. A line that begins with "_e{" or
 * "_sc|" is never a metric but in etsy and graphite. */
enum statsd_dialect {
    STATSD_AUTO,
    STATSD_ETSY,
    STATSD_DOGSTATSD,
    STATSD_INFLUXDB,
    STATSD_SIGNALFX,
    STATSD_LIBRATO,
    STATSD_GRAPHITE,
    STATSD_DIALECTS
};

static inline bool statsd_dialect_is_strict(enum statsd_dialect dialect)
{
    return dialect == STATSD_ETSY || dialect == STATSD_GRAPHITE;
}

/* Why a line, or one sample of a line with several, was refused. statsd_reason_name() gives the
 * word used in labels and logs, for instance "bad_value". */
enum statsd_reason {
    STATSD_OK,
    STATSD_NO_COLON, /* no ':' after the name */
    STATSD_EMPTY_NAME,
    STATSD_BAD_NAME, /* '|' or NUL in the name */
    STATSD_BAD_UTF8,
    STATSD_NO_TYPE, /* no '|' after the value, or nothing behind it */
    STATSD_UNKNOWN_TYPE,
    STATSD_EMPTY_VALUE,
    STATSD_BAD_VALUE, /* not a finite decimal number */
    STATSD_NEGATIVE_TIMER,
    STATSD_BAD_RATE,    /* not a number in (0, 1] */
    STATSD_BAD_SECTION, /* a section this dialect does not know, the same one twice, or tags
                           behind a name that holds tags */
    STATSD_BAD_EVENT,
    STATSD_BAD_SERVICE_CHECK,
    /* Never from the parser; whoever takes lines out of a stream counts them in its tally: */
    STATSD_LINE_TOO_LONG, /* longer than the stream may hold */
    STATSD_LINE_CUT,      /* the stream ended in the middle of it, and not by the sender's will */
    STATSD_REASONS
};

enum statsd_kind { STATSD_SAMPLE, STATSD_EVENT, STATSD_SERVICE_CHECK, STATSD_REFUSED };

/* How lines are read. All paths give the same items and the same tally; they differ in speed. The
 * complete one reads every line by metric_line.h, which is the specification. The others read plain
 * lines by marks made for 64 bytes at a time and leave the rest to it. */
enum statsd_path {
    STATSD_PATH_COMPLETE,
    STATSD_PATH_PORTABLE, /* marks in plain C */
    STATSD_PATH_AVX2,     /* marks by AVX2 and BMI, on x86-64 */
    STATSD_PATH_AVX512,   /* marks by AVX-512 with VBMI2, on x86-64 */
    STATSD_PATHS
};

struct statsd_item {
    uint8_t kind;        /* enum statsd_kind: says which of the fields below are set */
    uint8_t type;        /* SAMPLE: enum statsd_type */
    uint8_t reason;      /* REFUSED: enum statsd_reason */
    bool delta;          /* SAMPLE: a gauge written with a sign, which adds to the current value */
    uint16_t status;     /* SERVICE_CHECK: 0 to 3 */
    uint16_t tags_style; /* enum tags_style; TAGS_COLON where none were sent */
    struct span name; /* SAMPLE and SERVICE_CHECK: the name, to be read by name_tags_resolve() where
                         the style is not TAGS_COLON; EVENT: the title */
    struct span tags; /* raw text of the tags, as sent; length 0 where there is none */
    struct span text; /* SAMPLE of a set: the member; EVENT: the text; SERVICE_CHECK: the message
                         (event and check texts still hold the two-character sequence \n) */
    struct span line; /* the whole line without its LF (or CR LF, where the dialect trims the CR) */
    double value;     /* SAMPLE but sets: finite, as sent: not divided by the rate */
    double rate;      /* SAMPLE: in (0, 1]; 1 where none was sent */
    int64_t timestamp; /* |T of a sample, d: of an event or check, Unix seconds; 0 where there is
                          none */
};

_Static_assert(sizeof(struct statsd_item) == 64, "an item is one cache line, without padding");

/* The sections of a line that are not in its items, length 0 where absent. */
struct statsd_details {
    struct span container; /* |c:ID */
    /* Of events and service checks: */
    struct span host, priority, alert_type, aggregation_key, source_type;
};

/* What a parser has counted since statsd_parser_init(). Lines = lines_accepted + sum of
 * lines_refused. A line is accepted when at least one thing in it was; what was refused beside it
 * is in samples_refused. Empty lines are not counted at all. */
struct statsd_tally {
    uint64_t lines;
    uint64_t lines_accepted;
    uint64_t lines_refused[STATSD_REASONS];
    uint64_t samples_refused[STATSD_REASONS];
    uint64_t sections_skipped; /* sections skipped as unknown or unreadable on lines that were
                                  accepted */
};

/* How many bytes are marked at once. A longer line is left to the complete path. */
#define STATSD_WINDOW_BYTES 4096
/* A mark a byte, one for the end of the datagram, and sixteen that may be written behind the last.
 */
#define STATSD_MARKS (STATSD_WINDOW_BYTES + 17)

struct statsd_parser {
    enum statsd_dialect dialect;
    enum statsd_path path;
    bool loose_types; /* statsd_parser_loosen_types() was called */
    struct statsd_tally tally;
    const char *bytes; /* the datagram, not owned */
    uint32_t length;
    /* Where reading goes on; the implementation's own. */
    uint32_t next;
    struct {
        bool open; /* a metric line has samples left to give; the rest is meaningless otherwise */
        bool accepted;
        bool more;    /* another group begins at `next` */
        bool pending; /* `value` (of a set: `text`) is the next sample of the current group */
        uint8_t type;
        uint8_t first_refusal;
        uint8_t tags_style;
        uint32_t refused[STATSD_REASONS];
        uint32_t skipped;
        struct span line, name, text, tags;
        uint32_t next, end;             /* groups still to read */
        uint32_t value_next, value_end; /* packed values behind the pending one */
        double value, rate, tail_rate;  /* tail_rate is 0 where none was sent */
        int64_t timestamp;
    } at;
    struct {
        uint32_t at;    /* the first mark of the line at `next` */
        uint32_t whole; /* from here on marks belong to a line that no LF ends */
        uint32_t count; /* at == count: no mark is known */
        uint32_t marks[STATSD_MARKS];
    } index;
};

/* Chooses the fastest path of this CPU that the build allows (CMake's SIGMAD_PATH). */
void statsd_parser_init(struct statsd_parser *parser, enum statsd_dialect dialect);

/* From the next datagram on every type text but ms, g and s is that of a counter, h, d and none at
 * all included, and a CR in front of the LF is trimmed in every dialect: what etsy statsd does. */
void statsd_parser_loosen_types(struct statsd_parser *parser);

/* For tests and benchmarks: takes `path`, be it allowed or not, from the next datagram on. False,
 * with nothing changed, when this CPU cannot run it. */
bool statsd_parser_select(struct statsd_parser *parser, enum statsd_path path);

/* Starts on a datagram of up to 2^32-1 bytes, of which none outside is read. What was unread of the
 * one before is dropped. */
void statsd_parser_feed(struct statsd_parser *parser, const char *datagram, uint32_t length);

/* Writes the next items, at most `capacity` (at least 1), in the order of the datagram, and returns
 * how many; 0 means that the datagram is used up. A line with many packed values may span several
 * calls. Time is linear in the bytes of the datagram. */
size_t statsd_parser_read(struct statsd_parser *parser, struct statsd_item *items, size_t capacity);

/* Reads what an item of the datagram under way, other than a refusal, does not hold. Costs about
 * what reading its line did. */
void statsd_parser_details(const struct statsd_parser *parser, const struct statsd_item *item,
                           struct statsd_details *details);

/* "complete", "portable", "avx2", "avx512". */
const char *statsd_path_name(enum statsd_path path);

/* "c", "g", "ms", "h", "d", "s". */
const char *statsd_type_name(enum statsd_type type);

/* A snake_case word a reason, fit for a label value. */
const char *statsd_reason_name(enum statsd_reason reason);

/* Looks a dialect up by its word ("auto", "etsy", "dogstatsd", "influxdb", "signalfx", "librato",
 * "graphite"). False when there is none. */
bool statsd_dialect_by_name(const char *name, enum statsd_dialect *dialect);

#endif
