/* SPDX-License-Identifier: MIT
 *
 * Loading as a whole: defaults and the shipped file, precedence, every kind of fault with its
 * place, paths, tags, the admin token, and which changes wait for a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/loader.h"
#include "config/machine.h"
#include "config/value.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SHIPPED TEST_DATA_DIR "/../../statsd.ini"
#define MIB (UINT64_C(1) << 20)

/* What a loading gave: the configuration or NULL, and its two texts. */
struct outcome {
    struct config *config;
    char *faults;
    char *notes;
};

static struct outcome load_text(const char *text, const char *name,
                                const struct config_sources *sources)
{
    struct outcome outcome = {0};
    size_t faults_size, notes_size;
    FILE *faults = open_memstream(&outcome.faults, &faults_size);
    FILE *notes = open_memstream(&outcome.notes, &notes_size);
    FILE *stream = NULL;
    assert_true(faults && notes);
    if (text) {
        stream = tmpfile();
        assert_non_null(stream);
        fputs(text, stream);
        rewind(stream);
    }
    outcome.config = config_load_stream(stream, name, sources, faults, notes);
    if (stream)
        fclose(stream);
    fclose(faults);
    fclose(notes);
    return outcome;
}

static void drop_outcome(struct outcome *outcome)
{
    config_free(outcome->config);
    free(outcome->faults);
    free(outcome->notes);
}

static struct config *load_sound(const char *text)
{
    const struct config_sources sources = {0};
    struct outcome outcome = load_text(text, text ? "a.ini" : NULL, &sources);
    assert_string_equal(outcome.faults, "");
    assert_non_null(outcome.config);
    free(outcome.faults);
    free(outcome.notes);
    return outcome.config;
}

static void expect_faults(const char *text, const char *expected)
{
    const struct config_sources sources = {0};
    struct outcome outcome = load_text(text, "a.ini", &sources);
    assert_string_equal(outcome.faults, expected);
    assert_null(outcome.config);
    drop_outcome(&outcome);
}

static void expect_override_fault(const char *override, const char *expected)
{
    const struct config_sources sources = {.overrides = &override, .override_count = 1};
    struct outcome outcome = load_text(NULL, NULL, &sources);
    assert_string_equal(outcome.faults, expected);
    assert_null(outcome.config);
    drop_outcome(&outcome);
}

static struct config *load_override(const char *override)
{
    const struct config_sources sources = {.overrides = &override, .override_count = 1};
    struct outcome outcome = load_text(NULL, NULL, &sources);
    assert_string_equal(outcome.faults, "");
    assert_non_null(outcome.config);
    free(outcome.faults);
    free(outcome.notes);
    return outcome.config;
}

static void assert_same_config(const struct config *left, const struct config *right)
{
    for (size_t i = 0; i < config_key_count; i++) {
        print_message("%s.%s\n", config_keys[i].section, config_keys[i].name);
        if (config_key_is_named(&config_keys[i]))
            continue;
        assert_true(config_value_equal(&config_keys[i], left, right));
    }
}

static void assert_numbers(const struct config_numbers *list, const double *values, size_t count)
{
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(list->items[i] == values[i]);
}

static void defaults_are_those_of_the_contract(void **state)
{
    static const double percentiles[] = {50, 90, 95, 99, 99.9};
    static const double buckets[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
    static const double plain[] = {1, 5, 10, 50, 100, 500, 1000, 5000, 10000};
    struct config *c = load_sound(NULL);
    (void)state;
    assert_int_equal(c->server.udp.count, 1);
    assert_string_equal(c->server.udp.items[0], "127.0.0.1:8125");
    assert_true(c->server.workers == 1 && c->server.dialect == STATSD_AUTO &&
                c->server.profile == PROFILE_MODERN && c->server.receive_buffer_bytes == 8 * MIB &&
                !c->server.udp_gro);
    assert_true(c->log.level == LOG_LEVEL_INFO && c->log.bad_lines_per_second == 10.0 / 60 &&
                c->log.bad_lines_burst == 10);
    assert_true(c->flush.interval_ms == 10000 && c->flush.align);
    assert_numbers(&c->flush.percentiles, percentiles, COUNT(percentiles));
    assert_true(c->flush.expire_counters_ms == 0 && c->flush.expire_gauges_ms == 3600000 &&
                c->flush.expire_timers_ms == 3600000 && c->flush.expire_sets_ms == 3600000);
    assert_true(c->limits.max_series == 1000000 && c->limits.max_name_bytes == 512 &&
                c->limits.max_tags == 32 && c->limits.max_tag_bytes == 2048 &&
                c->limits.memory_bytes == config_machine_memory_bytes() / 2);
    assert_true(c->metrics.min_sample_rate == 1e-6);
    assert_string_equal(c->metrics.tags, "");
    assert_string_equal(c->csv.directory, "data");
    assert_true(c->csv.mode == 0640 && c->csv.rotate_size_bytes == 256 * MIB &&
                c->csv.rotate_age_ms == 86400000 && c->csv.retain_ms == 14 * UINT64_C(86400000) &&
                c->csv.max_disk_bytes == 4096 * MIB && c->csv.compress && c->csv.sync == SYNC_OFF);
    assert_string_equal(c->http.listen.items[0], "127.0.0.1:9102");
    assert_true(c->http.listen.count == 1 && c->http.admin == ADMIN_LOOPBACK);
    assert_null(c->http.admin_token);
    assert_true(c->prometheus.max_age_ms == 1000 &&
                c->prometheus.timer_type == TIMER_TYPE_SUMMARY &&
                c->prometheus.quantile_window_ms == 60000);
    assert_numbers(&c->prometheus.buckets, buckets, COUNT(buckets));
    assert_numbers(&c->prometheus.buckets_plain, plain, COUNT(plain));
    assert_true(c->anomaly.method == ANOMALY_SIGMA && c->anomaly.sigma == 3 &&
                c->anomaly.history_windows == 60 && c->anomaly.warmup_windows == 20 &&
                c->anomaly.min_change == 0.1 && c->anomaly.hold_off_ms == 0);
    assert_int_equal(c->anomaly.max_memory_bytes, config_machine_memory_bytes() / 4);
    config_free(c);
}

static char *read_whole(const char *path)
{
    char *text = calloc(1, 1 << 16);
    FILE *file = fopen(path, "r");
    assert_true(text && file);
    assert_in_range(fread(text, 1, (1 << 16) - 1, file), 1, (1 << 16) - 2);
    fclose(file);
    return text;
}

static void shipped_file_is_what_the_schema_writes(void **state)
{
    char *written = NULL;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    (void)state;
    config_write_documented(out);
    fclose(out);
    char *shipped = read_whole(SHIPPED);
    assert_string_equal(shipped, written);
    free(shipped);
    free(written);
}

static void shipped_file_gives_the_defaults(void **state)
{
    char *shipped = read_whole(SHIPPED);
    struct config *loaded = load_sound(shipped);
    struct config *defaults = load_sound(NULL);
    (void)state;
    assert_same_config(loaded, defaults);
    config_free(loaded);
    config_free(defaults);
    free(shipped);
}

/* What tells the structs apart that hold the fields: struct config is NULL. */
static const struct config_section *config_base(const struct config_key *key)
{
    return config_key_is_named(key) ? config_section_find(key->section) : NULL;
}

static void table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        char name[CONFIG_NAME_MAX];
        print_message("%s.%s\n", key->section, key->name);
        assert_ptr_equal(config_key_find(key->section, key->name), key);
        assert_non_null(config_section_find(key->section));
        assert_true(strlen(key->name) < 50);
        assert_true(strlen(key->section) + strlen(key->name) + sizeof("SIGMAD__") <= sizeof(name));
        assert_true(key->help[strlen(key->help) - 1] == '.');
        assert_true((key->type == TYPE_ENUM || key->type == TYPE_WORDS) == (key->words != NULL));
        assert_true((config_key_is_list(key) || key->type == TYPE_COMMAND) == (key->items_max > 0));
        for (size_t j = 0; j < i; j++)
            assert_true(config_base(key) != config_base(&config_keys[j]) ||
                        key->offset != config_keys[j].offset);
    }
}

static void later_sources_win(void **state)
{
    static const char text[] = "[flush]\ninterval = 2s\npercentiles = 1, 2\n[csv]\nsync = flush\n";
    static const char *const overrides[] = {"flush.interval=3s", " flush.interval = 4s "};
    char *environment[] = {(char[]){"PATH=/bin"},
                           (char[]){"SIGMAD_FLUSH_INTERVAL=5s"},
                           (char[]){"SIGMAD_CSV_SYNC=off"},
                           (char[]){"SIGMAD_CSV_DIRECTORY="},
                           (char[]){"SIGMAD_FLUSH_PERCENTILES= 7 "},
                           NULL};
    struct config_sources sources = {0};
    struct outcome outcome = load_text(text, "a.ini", &sources);
    (void)state;
    assert_int_equal(outcome.config->flush.interval_ms, 2000);
    assert_int_equal(outcome.config->flush.percentiles.count, 2);
    assert_int_equal(outcome.config->csv.sync, SYNC_FLUSH);
    drop_outcome(&outcome);

    sources.environment = environment;
    outcome = load_text(text, "a.ini", &sources);
    assert_int_equal(outcome.config->flush.interval_ms, 5000);
    assert_int_equal(outcome.config->csv.sync, SYNC_OFF);
    assert_int_equal(outcome.config->flush.percentiles.count, 1);
    assert_null(outcome.config->csv.directory);
    drop_outcome(&outcome);

    sources.overrides = overrides;
    sources.override_count = COUNT(overrides);
    outcome = load_text(text, "a.ini", &sources);
    assert_int_equal(outcome.config->flush.interval_ms, 4000);
    assert_string_equal(outcome.notes, "");
    drop_outcome(&outcome);
}

static void unknown_variables_are_a_note(void **state)
{
    char *environment[] = {(char[]){"SIGMAD_PORT=tcp://10.0.0.1:8125"},
                           (char[]){"SIGMAD_flush_interval=1x"},
                           (char[]){"XSIGMAD_FLUSH_INTERVAL=1x"}, (char[]){"SIGMAD_NOTHING"}, NULL};
    const struct config_sources sources = {.environment = environment};
    struct outcome outcome = load_text(NULL, NULL, &sources);
    (void)state;
    assert_string_equal(outcome.notes,
                        "environment SIGMAD_PORT: names no key, ignored\n"
                        "environment SIGMAD_flush_interval: names no key, ignored\n");
    assert_string_equal(outcome.faults, "");
    assert_non_null(outcome.config);
    drop_outcome(&outcome);
}

static void lists_grow_by_indented_lines_and_repeats(void **state)
{
    static const double percentiles[] = {1, 2, 3, 4, 5};
    struct config *c = load_sound("[flush]\n"
                                  "percentiles = 5, 1,   ; odd\n"
                                  "  3, ; middle\n"
                                  "\n"
                                  "  2\n"
                                  "percentiles = 4\n"
                                  "[server]\n"
                                  "udp = :1\n"
                                  "   [::1]:8125, :0, :0\n"
                                  "[http]\nlisten = off\n");
    (void)state;
    assert_numbers(&c->flush.percentiles, percentiles, COUNT(percentiles));
    assert_int_equal(c->server.udp.count, 4);
    assert_string_equal(c->server.udp.items[1], "[::1]:8125");
    assert_int_equal(c->http.listen.count, 0);
    config_free(c);
}

static void off_and_empty_turn_off(void **state)
{
    struct config *c = load_sound("[server]\nudp =\ntcp = off\nunix =\n[csv]\ndirectory = off\n"
                                  "rotate_size = off\nrotate_age = off\nretain = 0\nmax_disk = 0\n"
                                  "[flush]\nexpire_gauges = off\npercentiles =\n"
                                  "[log]\nbad_lines = off\n[metrics]\ntags =\ntimers = sketch\n"
                                  "[prometheus]\ncreated = false\n[state]\nfile = data/state\n");
    (void)state;
    assert_int_equal(c->server.udp.count, 0);
    assert_null(c->csv.directory);
    assert_true(c->csv.rotate_size_bytes == 0 && c->csv.rotate_age_ms == 0 &&
                c->csv.retain_ms == 0 && c->csv.max_disk_bytes == 0 &&
                c->flush.expire_gauges_ms == 0 && c->flush.percentiles.count == 0 &&
                c->log.bad_lines_per_second == 0 && c->log.bad_lines_burst == 0);
    assert_string_equal(c->metrics.tags, "");
    config_free(c);
}

static void places_faults_of_a_file(void **state)
{
    static const struct {
        const char *text, *faults;
    } cases[] = {
        {"[flsh]\nx = 1\n", "a.ini:1: there is no section [flsh]; did you mean [flush]?\n"},
        {"[Flush]\n", "a.ini:1: there is no section [Flush]; did you mean [flush]?\n"},
        {"[flush]\nintervl = 1s\n  2s\n",
         "a.ini:2: there is no key 'intervl' in [flush]; did you mean 'interval'?\n"},
        {"[flush]\ndirectory = x\n",
         "a.ini:2: there is no key 'directory' in [flush]; did you mean that of [csv]?\n"},
        {"interval = 1s\n", "a.ini:1: the key stands in front of the first [section]\n"},
        {"[flush]\ninterval\n", "a.ini:2: neither a [section] nor KEY = VALUE nor a comment\n"},
        {"[flush]\ninterval = 1s\n\ninterval = 1s\n",
         "a.ini:4: [flush] interval: the key is there twice, first in line 2\n"},
        {"[flush]\ninterval = 1s\n[csv]\n[flush]\ninterval = 1s\n",
         "a.ini:5: [flush] interval: the key is there twice, first in line 2\n"},
        {"[flush]\ninterval = 1s\n  2s\n",
         "a.ini:3: [flush] interval: an indented line goes on with the key above, which takes one "
         "value\n"},
        {"[flush]\npercentiles = 1\n  align = true\n",
         "a.ini:3: [flush] percentiles: an indented line goes on with the key above; begin it at "
         "the "
         "margin\n"},
        {"[metrics]\ntags = a\n  [csv]\n",
         "a.ini:3: [metrics] tags: an indented line goes on with the key above; begin it at the "
         "margin\n"},
        {"[server]\nworkers = 2 # two\n",
         "a.ini:2: [server] workers: # begins no comment behind a value; write a blank and ;\n"},
        {"[metrics]\ntags = # none\n",
         "a.ini:2: [metrics] tags: # begins no comment behind a value; write a blank and ;\n"},
        {"[flush]\npercentiles = 1, x, 2, 0, 101\n",
         "a.ini:2: [flush] percentiles: 'x' is not a number\n"
         "a.ini:2: [flush] percentiles: '0' is out of bounds; it may be -100 to 100, not 0\n"
         "a.ini:2: [flush] percentiles: '101' is out of bounds; it may be -100 to 100, not 0\n"},
        {"[flush]\npercentiles = 1,, 2\n",
         "a.ini:2: [flush] percentiles: there is nothing between two commas\n"},
        {"[flush]\npercentiles = 50, 90,\n   50.0\n",
         "a.ini:2: [flush] percentiles: 50 is there twice\n"},
        {"[prometheus]\nbuckets = 1, 3, 2\nbuckets_plain = 1, 1\n",
         "a.ini:2: [prometheus] buckets: 2 behind 3 is not ascending\n"
         "a.ini:3: [prometheus] buckets_plain: 1 behind 1 is not ascending\n"},
        {"[server]\nudp = :1, 127.0.0.1, :1\n",
         "a.ini:2: [server] udp: '127.0.0.1' has no port; write HOST:PORT\n"
         "a.ini:2: [server] udp: ':1' is there twice\n"},
        {"[http]\nadmin = token\n", "a.ini:2: [http] admin: token needs [http] admin_token_file\n"},
        {"[csv]\ndirectory = \"data\"\n",
         "a.ini:2: [csv] directory: \"data\" is in quotes; paths are written without\n"},
        {"[csv]\ncompress = maybe\n",
         "a.ini:2: [csv] compress: 'maybe' is neither true nor false\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].text);
        expect_faults(cases[i].text, cases[i].faults);
    }
}

static void all_faults_come_at_once_in_order(void **state)
{
    static const char text[] = "[prometheus]\n"
                               "buckets = 2, 1\n"
                               "[flush]\n"
                               "intervl = 1s\n"
                               "nonsense\n"
                               "align = perhaps\n"
                               "[anomally]\n"
                               "[csv\n";
    static const char *const overrides[] = {"flush.x=1", "log.level=loud"};
    char *environment[] = {(char[]){"SIGMAD_CSV_MODE=9"}, NULL};
    const struct config_sources sources = {
        .overrides = overrides, .override_count = COUNT(overrides), .environment = environment};
    struct outcome outcome = load_text(text, "b/a.ini", &sources);
    (void)state;
    assert_string_equal(
        outcome.faults,
        "b/a.ini:2: [prometheus] buckets: 1 behind 2 is not ascending\n"
        "b/a.ini:4: there is no key 'intervl' in [flush]; did you mean 'interval'?\n"
        "b/a.ini:5: neither a [section] nor KEY = VALUE nor a comment\n"
        "b/a.ini:6: [flush] align: 'perhaps' is neither true nor false\n"
        "b/a.ini:7: there is no section [anomally]; did you mean [anomaly]?\n"
        "b/a.ini:8: the section has no closing ]\n"
        "environment SIGMAD_CSV_MODE: '9' is not a file mode; write it like 0640\n"
        "--set flush.x: there is no key 'x' in [flush]; did you mean 'align'?\n"
        "--set log.level: 'loud' is none of debug | info | warning | error\n");
    assert_null(outcome.config);
    drop_outcome(&outcome);
}

static void a_fault_overridden_is_still_a_fault(void **state)
{
    static const char *const overrides[] = {"flush.interval=3s"};
    const struct config_sources sources = {.overrides = overrides, .override_count = 1};
    struct outcome outcome = load_text("[flush]\ninterval = 3\n", "a.ini", &sources);
    (void)state;
    assert_null(outcome.config);
    drop_outcome(&outcome);
}

static void refuses_overrides_that_name_no_key(void **state)
{
    (void)state;
    expect_override_fault("x", "--set x: expected SECTION.KEY=VALUE\n");
    expect_override_fault("x=1", "--set x: expected SECTION.KEY=VALUE\n");
    expect_override_fault("=1", "--set : expected SECTION.KEY=VALUE\n");
    expect_override_fault("flush.intervl=1s", "--set flush.intervl: there is no key 'intervl' in "
                                              "[flush]; did you mean 'interval'?\n");
    expect_override_fault(
        "flsh.interval=1s",
        "--set flsh.interval: there is no section [flsh]; did you mean [flush]?\n");
    expect_override_fault("a.b=\n", "--set a.b: there is no section [a]; did you mean [log]?\n");
    expect_override_fault("csv.mode=\nx", "--set csv.mode: 'x' is not a file mode; write it like "
                                          "0640\n");
    expect_override_fault("csv.mode=y\nx",
                          "--set csv.mode: 'y?x' is not a file mode; write it like "
                          "0640\n");
}

static void refuses_values_out_of_bounds(void **state)
{
    static const char *const refused[] = {
        "flush.interval=49ms",
        "flush.interval=25h",
        "flush.interval=0",
        "flush.interval=",
        "flush.interval=off",
        "server.workers=0",
        "server.workers=65",
        "server.workers=-1",
        "server.receive_buffer=4095",
        "server.receive_buffer=2GiB",
        "server.receive_buffer=50%",
        "limits.max_series=0",
        "limits.max_name=4097",
        "limits.max_name=0",
        "limits.max_tags=257",
        "limits.max_tag_bytes=16385",
        "limits.memory=0",
        "limits.memory=101%",
        "limits.memory=0%",
        "limits.memory=off",
        "metrics.min_sample_rate=1.1",
        "metrics.min_sample_rate=-1",
        "metrics.min_sample_rate=nan",
        "csv.mode=0400",
        "csv.mode=1777",
        "csv.rotate_age=999ms",
        "csv.retain=1ms",
        "csv.sync=true",
        "csv.compress=",
        "prometheus.max_age=2h",
        "prometheus.quantile_window=1ms",
        "prometheus.buckets=1, inf",
        "anomaly.sigma=0",
        "anomaly.sigma=100.1",
        "anomaly.history=1",
        "anomaly.warmup=1",
        "anomaly.history=2.5",
        "anomaly.min_change=0.1",
        "anomaly.min_change=1001%",
        "anomaly.hold_off=1ms",
        "anomaly.sensitivity=0",
        "anomaly.sensitivity=few",
        "anomaly.max_memory=1KiB",
        "anomaly.errors=a[b",
        "anomaly.memory=*\\",
        "anomaly.cpu=\"cpu\"",
        "log.bad_lines=10",
        "log.level=",
        "log.level=INFO",
        "metrics.tags=a=b",
        "metrics.tags=:b",
        "metrics.tags=a|b",
        "metrics.tags=\"a\"",
        "metrics.tags=\xff",
        "metrics.tags=#",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        const struct config_sources sources = {.overrides = &refused[i], .override_count = 1};
        struct outcome outcome = load_text(NULL, NULL, &sources);
        print_message("%s: %s", refused[i], outcome.faults);
        assert_null(outcome.config);
        assert_memory_equal(outcome.faults, "--set ", 6);
        assert_ptr_equal(strchr(outcome.faults, '\n'), outcome.faults + strlen(outcome.faults) - 1);
        drop_outcome(&outcome);
    }
}

static void takes_values_at_the_bounds(void **state)
{
    static const char *const taken[] = {
        "flush.interval=50ms",
        "flush.interval=1d",
        "server.workers=64",
        "server.workers=auto",
        "server.receive_buffer=4KiB",
        "server.receive_buffer=1GiB",
        "limits.max_name=4096",
        "limits.max_tags=0",
        "limits.memory=100%",
        "limits.memory=1MiB",
        "metrics.min_sample_rate=0",
        "metrics.min_sample_rate=1",
        "csv.mode=0600",
        "csv.rotate_age=1s",
        "anomaly.sigma=100",
        "anomaly.history=2",
        "anomaly.warmup=2",
        "anomaly.min_change=0%",
        "anomaly.method=off",
        "anomaly.method=auto",
        "anomaly.hold_off=20m",
        "anomaly.hold_off=off",
        "anomaly.sensitivity=0.1",
        "anomaly.max_memory=256MiB",
        "anomaly.errors=",
        "anomaly.errors=*oops*, [!a-z]5xx",
        "prometheus.timer_type=histogram",
        "server.dialect=etsy",
        "server.dialect=dogstatsd",
        "server.dialect=influxdb",
        "server.dialect=signalfx",
        "server.dialect=librato",
        "server.dialect=graphite",
        "prometheus.buckets=",
        "prometheus.buckets=-1,0,1",
        "flush.percentiles=100, 0.001",
        "http.admin=off",
        "prometheus.max_age=0",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        print_message("%s\n", taken[i]);
        config_free(load_override(taken[i]));
    }
}

static void a_profile_sets_defaults_only(void **state)
{
    static const double ninety = 90, exporter[] = {50, 90, 99}, top[] = {-10, 90};
    (void)state;
    struct config *c = load_sound("[server]\nprofile = etsy\n");
    assert_numbers(&c->flush.percentiles, &ninety, 1);
    assert_true(c->metrics.timers == TIMERS_EXACT && c->server.dialect == STATSD_ETSY &&
                c->flush.expire_gauges_ms == 0 && c->flush.expire_timers_ms == 0 &&
                c->flush.expire_sets_ms == 0);
    config_free(c);
    c = load_sound("[flush]\npercentiles = 90, -10\n[server]\nprofile = etsy\n"
                   "[metrics]\ntimers = sketch\n[flush]\nexpire_sets = 1s\n");
    assert_numbers(&c->flush.percentiles, top, 2);
    assert_true(c->metrics.timers == TIMERS_SKETCH && c->flush.expire_sets_ms == 1000 &&
                c->flush.expire_gauges_ms == 0);
    config_free(c);
    c = load_sound("[server]\nprofile = statsd_exporter\n");
    assert_numbers(&c->flush.percentiles, exporter, COUNT(exporter));
    assert_true(c->metrics.timers == TIMERS_SKETCH && c->prometheus.quantile_window_ms == 600000 &&
                c->prometheus.buckets_plain.count == 11 && c->flush.expire_timers_ms == 0);
    assert_string_equal(c->server.udp.items[0], "127.0.0.1:9125");
    config_free(c);
}

static void tells_which_keys_a_profile_cannot_decide(void **state)
{
    const struct config_sources sources = {0};
    struct outcome outcome =
        load_text("[server]\nprofile = etsy\n[flush]\npercentiles = 50\n", "a.ini", &sources);
    (void)state;
    assert_string_equal(outcome.notes, "profile etsy: [flush] percentiles is given in line 4; the "
                                       "profile's default is 90\n");
    drop_outcome(&outcome);
    expect_faults("[flush]\npercentiles = 90, -10\n",
                  "a.ini:2: [flush] percentiles: -10 is below 0, which takes [server] profile = "
                  "etsy\n");
}

static void refuses_lists_that_are_too_long(void **state)
{
    char text[600] = "flush.percentiles=";
    (void)state;
    for (int i = 1; i <= 32; i++)
        sprintf(text + strlen(text), "%d,", i);
    config_free(load_override(text));
    strcat(text, "33");
    expect_override_fault(text, "--set flush.percentiles: there are more than 32 items\n");
}

static void tags_become_canonical(void **state)
{
    char expected[300] = "a,b:1:2,b:2,host:";
    struct config *c = load_sound("[metrics]\ntags = host:%h, b:2,\n  b:1:2,#a, b:2, a:\n");
    (void)state;
    gethostname(expected + strlen(expected), 256);
    assert_string_equal(c->metrics.tags, expected);
    config_free(c);
    c = load_override("metrics.tags=100%:50%");
    assert_string_equal(c->metrics.tags, "100%:50%");
    config_free(c);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

struct folder {
    char path[32];
    char ini[64];
    char token[64];
};

static void make_folder(struct folder *folder, const char *ini, const char *token)
{
    strcpy(folder->path, "/tmp/sigmad-config-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->ini, sizeof(folder->ini), "%s/my.ini", folder->path);
    snprintf(folder->token, sizeof(folder->token), "%s/token", folder->path);
    put_file(folder->ini, ini);
    put_file(folder->token, token);
}

static void drop_folder(const struct folder *folder)
{
    unlink(folder->ini);
    unlink(folder->token);
    assert_int_equal(rmdir(folder->path), 0);
}

static void paths_are_from_the_folder_of_the_file(void **state)
{
    struct folder folder;
    char expected[64];
    const char *override = "csv.directory=c";
    (void)state;
    make_folder(&folder, "[csv]\n", "");
    struct config_sources sources = {.path = folder.ini};
    struct config *c = config_load(&sources, NULL, NULL);
    snprintf(expected, sizeof(expected), "%s/data", folder.path);
    assert_string_equal(c->csv.directory, expected);
    config_free(c);

    put_file(folder.ini, "[csv]\ndirectory = a/b\n");
    c = config_load(&sources, NULL, NULL);
    snprintf(expected, sizeof(expected), "%s/a/b", folder.path);
    assert_string_equal(c->csv.directory, expected);
    config_free(c);

    put_file(folder.ini, "[csv]\ndirectory = /a\n");
    c = config_load(&sources, NULL, NULL);
    assert_string_equal(c->csv.directory, "/a");
    config_free(c);

    sources.overrides = &override;
    sources.override_count = 1;
    c = config_load(&sources, NULL, NULL);
    assert_string_equal(c->csv.directory, "c");
    config_free(c);
    drop_folder(&folder);
}

static void reads_the_admin_token(void **state)
{
    struct folder folder;
    (void)state;
    make_folder(&folder, "[http]\nadmin = token\nadmin_token_file = token\n", "s3cret\r\n");
    const struct config_sources sources = {.path = folder.ini};
    struct config *c = config_load(&sources, NULL, NULL);
    assert_non_null(c);
    assert_string_equal(c->http.admin_token, "s3cret");
    config_free(c);

    put_file(folder.ini, "[http]\nadmin_token_file = nowhere\n");
    c = config_load(&sources, NULL, NULL);
    assert_non_null(c);
    assert_null(c->http.admin_token);
    config_free(c);
    drop_folder(&folder);
}

static void refuses_tokens_that_cannot_be(void **state)
{
    static const char ini[] = "[http]\nadmin = token\nadmin_token_file = token\n";
    char overlong[1100];
    char expected[200];
    struct folder folder;
    char *faults;
    size_t size;
    memset(overlong, 'x', sizeof(overlong));
    overlong[sizeof(overlong) - 1] = '\0';
    const struct {
        const char *token, *fault;
    } cases[] = {
        {"", "' does not hold one word of visible ASCII"},
        {"\n", "' does not hold one word of visible ASCII"},
        {"two words\n", "' does not hold one word of visible ASCII"},
        {"two\nlines\n", "' does not hold one word of visible ASCII"},
        {"\xc3\xa4", "' does not hold one word of visible ASCII"},
        {overlong, "': File too large"},
        {NULL, "': No such file or directory"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        make_folder(&folder, ini, cases[i].token ? cases[i].token : "");
        if (!cases[i].token)
            unlink(folder.token);
        FILE *stream = open_memstream(&faults, &size);
        const struct config_sources sources = {.path = folder.ini};
        assert_null(config_load(&sources, stream, NULL));
        fclose(stream);
        snprintf(expected, sizeof(expected), "%s:3: [http] admin_token_file: '%s%s\n", folder.ini,
                 folder.token, cases[i].fault);
        assert_string_equal(faults, expected);
        free(faults);
        drop_folder(&folder);
    }
}

static void a_file_that_cannot_be_read_is_a_fault(void **state)
{
    char *faults;
    size_t size;
    FILE *stream = open_memstream(&faults, &size);
    const struct config_sources gone = {.path = "/nowhere/statsd.ini"};
    const struct config_sources folder = {.path = "/tmp"};
    (void)state;
    assert_null(config_load(&gone, stream, NULL));
    assert_null(config_load(&folder, stream, NULL));
    fclose(stream);
    assert_string_equal(faults, "/nowhere/statsd.ini: No such file or directory\n"
                                "/tmp: Is a directory\n");
    free(faults);
}

static void finds_the_file_of_the_current_folder(void **state)
{
    struct folder folder;
    char before[4096];
    (void)state;
    make_folder(&folder, "", "");
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder.path), 0);
    put_file("statsd.ini", "[flush]\ninterval = 7s\n");
    assert_string_equal(config_find_file(NULL), "statsd.ini");
    assert_string_equal(config_find_file("x"), "x");
    const struct config_sources sources = {0};
    struct config *c = config_load(&sources, NULL, NULL);
    assert_int_equal(c->flush.interval_ms, 7000);
    assert_string_equal(c->csv.directory, "data");
    config_free(c);
    unlink("statsd.ini");
    assert_int_equal(chdir(before), 0);
    drop_folder(&folder);
}

static void names_changes_that_wait_for_a_restart(void **state)
{
    char names[256];
    char few[8];
    struct config *before = load_sound(NULL);
    struct config *after = load_sound("[server]\nudp = :1\n[flush]\ninterval = 1s\n"
                                      "percentiles = 50\n[log]\nlevel = debug\n");
    (void)state;
    assert_int_equal(config_changes_for_restart(before, after, names, sizeof(names)), 2);
    assert_string_equal(names, "server.udp,flush.percentiles");
    assert_int_equal(config_changes_for_restart(before, after, few, sizeof(few)), 2);
    assert_string_equal(few, "server.");
    assert_int_equal(config_changes_for_restart(before, after, NULL, 0), 2);
    assert_int_equal(config_changes_for_restart(before, before, names, sizeof(names)), 0);
    assert_string_equal(names, "");
    assert_true(config_keep_for_restart(after, before));
    assert_int_equal(config_changes_for_restart(before, after, names, sizeof(names)), 0);
    assert_int_equal(after->flush.interval_ms, 1000);
    assert_int_equal(after->log.level, LOG_LEVEL_DEBUG);
    config_free(before);
    config_free(after);
}

/* For each key one other value: it must be seen as different, and only there. */
static void every_key_is_compared(void **state)
{
    static const char *const others[] = {
        "server.udp=:1",
        "server.workers=2",
        "server.dialect=etsy",
        "server.receive_buffer=1MiB",
        "log.level=debug",
        "log.bad_lines=1/s",
        "flush.interval=1s",
        "flush.align=false",
        "flush.percentiles=1",
        "flush.expire_counters=1s",
        "flush.expire_gauges=1s",
        "flush.expire_timers=1s",
        "flush.expire_sets=1s",
        "limits.max_series=1",
        "limits.max_name=1",
        "limits.max_tags=1",
        "limits.max_tag_bytes=1",
        "limits.memory=1GiB",
        "metrics.min_sample_rate=1",
        "metrics.tags=a",
        "csv.directory=off",
        "csv.mode=0600",
        "csv.rotate_size=0",
        "csv.rotate_age=0",
        "csv.retain=0",
        "csv.max_disk=0",
        "csv.compress=false",
        "csv.sync=flush",
        "http.listen=off",
        "http.admin=off",
        "prometheus.max_age=0",
        "prometheus.timer_type=histogram",
        "prometheus.quantile_window=1s",
        "prometheus.buckets=1",
        "prometheus.buckets_plain=1",
        "anomaly.method=off",
        "anomaly.sigma=1",
        "anomaly.history=2",
        "anomaly.warmup=2",
        "anomaly.min_change=1%",
        "anomaly.hold_off=20m",
        "anomaly.sensitivity=7",
        "anomaly.max_memory=64MiB",
        "anomaly.errors=oops",
        "anomaly.latency=lag",
        "anomaly.throughput=ops",
        "anomaly.memory=ram",
        "anomaly.cpu=load",
        "anomaly.higher_is_better=ops",
    };
    struct config *defaults = load_sound(NULL);
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct config *other = load_override(others[i]);
        size_t different = 0;
        for (size_t k = 0; k < config_key_count; k++)
            different += !config_key_is_named(&config_keys[k]) &&
                         !config_value_equal(&config_keys[k], defaults, other);
        print_message("%s\n", others[i]);
        assert_int_equal(different, 1);
        config_free(other);
    }
    config_free(defaults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(shipped_file_is_what_the_schema_writes),
        cmocka_unit_test(shipped_file_gives_the_defaults),
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(unknown_variables_are_a_note),
        cmocka_unit_test(lists_grow_by_indented_lines_and_repeats),
        cmocka_unit_test(off_and_empty_turn_off),
        cmocka_unit_test(places_faults_of_a_file),
        cmocka_unit_test(all_faults_come_at_once_in_order),
        cmocka_unit_test(a_fault_overridden_is_still_a_fault),
        cmocka_unit_test(refuses_overrides_that_name_no_key),
        cmocka_unit_test(refuses_values_out_of_bounds),
        cmocka_unit_test(takes_values_at_the_bounds),
        cmocka_unit_test(a_profile_sets_defaults_only),
        cmocka_unit_test(tells_which_keys_a_profile_cannot_decide),
        cmocka_unit_test(refuses_lists_that_are_too_long),
        cmocka_unit_test(tags_become_canonical),
        cmocka_unit_test(paths_are_from_the_folder_of_the_file),
        cmocka_unit_test(reads_the_admin_token),
        cmocka_unit_test(refuses_tokens_that_cannot_be),
        cmocka_unit_test(a_file_that_cannot_be_read_is_a_fault),
        cmocka_unit_test(finds_the_file_of_the_current_folder),
        cmocka_unit_test(names_changes_that_wait_for_a_restart),
        cmocka_unit_test(every_key_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
