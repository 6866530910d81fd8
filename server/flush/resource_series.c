/* SPDX-License-Identifier: MIT
 *
 * The figures of the server and of the host as a whole are a table of entries by enum; devices and
 * file systems are entries of their own, a device's place being taken by another one when it has
 * gone.
 */
#include "server/flush/resource_series.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/core/log.h"
#include "server/flush/merge.h"
#include "server/resources/allocator.h"
#include "server/resources/host.h"
#include "server/resources/process.h"

#define FILESYSTEMS_MAX 33
#define TAGS_BYTES (PATH_MAX + 32)

enum entry_name {
    OWN_RESIDENT,
    OWN_VIRTUAL,
    OWN_CPU,
    OWN_CPU_RATIO,
    OWN_THREADS,
    OWN_OPEN_FDS,
    OWN_MAX_FDS,
    OWN_START,
    OWN_MALLOC_USED,
    OWN_MALLOC_FREE,
    OWN_POOL,
    OWN_POOL_MAX,
    OWN_DROPS,
    OWN_ENTRIES,
    HOST_MEMORY_TOTAL = OWN_ENTRIES,
    HOST_MEMORY_AVAILABLE,
    HOST_MEMORY_RATIO,
    HOST_CPU_RATIO,
    HOST_LOAD1,
    HOST_UDP_RECEIVE_BUFFER_ERRORS,
    HOST_UDP_INPUT_ERRORS,
    HOST_CPU, /* and the other modes */
    ENTRIES = HOST_CPU + PROC_CPU_MODES
};

static const struct entry_kind {
    const char *name;
    bool counter;
} entry_kinds[HOST_CPU] = {
    [OWN_RESIDENT] = {"process_resident_memory_bytes", false},
    [OWN_VIRTUAL] = {"process_virtual_memory_bytes", false},
    [OWN_CPU] = {"process_cpu_seconds_total", true},
    [OWN_CPU_RATIO] = {"process_cpu_used_ratio", false},
    [OWN_THREADS] = {"process_threads", false},
    [OWN_OPEN_FDS] = {"process_open_fds", false},
    [OWN_MAX_FDS] = {"process_max_fds", false},
    [OWN_START] = {"process_start_time_seconds", false},
    [OWN_MALLOC_USED] = {"sigmad_malloc_used_bytes", false},
    [OWN_MALLOC_FREE] = {"sigmad_malloc_free_bytes", false},
    [OWN_POOL] = {"sigmad_pool_bytes", false},
    [OWN_POOL_MAX] = {"sigmad_pool_max_bytes", false},
    [OWN_DROPS] = {"sigmad_datagrams_dropped_total", true},
    [HOST_MEMORY_TOTAL] = {"node_memory_MemTotal_bytes", false},
    [HOST_MEMORY_AVAILABLE] = {"node_memory_MemAvailable_bytes", false},
    [HOST_MEMORY_RATIO] = {"node_memory_used_ratio", false},
    [HOST_CPU_RATIO] = {"node_cpu_used_ratio", false},
    [HOST_LOAD1] = {"node_load1", false},
    [HOST_UDP_RECEIVE_BUFFER_ERRORS] = {"node_netstat_Udp_RcvbufErrors", true},
    [HOST_UDP_INPUT_ERRORS] = {"node_netstat_Udp_InErrors", true},
};

struct entry {
    double total; /* of a counter, when it was last read */
    uint32_t place;
    bool counter;
    bool made;  /* it has its place */
    bool begun; /* `total` holds */
};

struct device {
    char name[PROC_DEVICE_BYTES];
    struct entry receive, transmit;
    bool present; /* at the latest reading */
};

struct filesystem {
    char *path; /* of its mount point */
    struct entry size, available, ratio;
};

struct resource_series {
    struct resource_options options;
    struct entry entries[ENTRIES];
    struct device devices[PROC_DEVICES_MAX];
    size_t device_count;
    struct filesystem filesystems[FILESYSTEMS_MAX];
    size_t filesystem_count;
    bool server, host;
    uint64_t overwritten, told_overwritten; /* windows' samples of senders */
    uint64_t refused, told_refused;         /* readings of series that have no place */
    uint64_t now_ns;
};

static struct identity *identity_of(struct resource_series *series, const struct entry *entry)
{
    struct registry *registry = series->options.registry;
    return registry_identity_of(
        registry, registry_at(registry, place_kind(entry->place), place_index(entry->place)));
}

/* `tags` as `key:value,key2:value2`. */
static void make(struct resource_series *series, struct entry *entry, bool counter,
                 const char *name, const char *tags)
{
    struct name_tags_text text = {name, tags, strlen(name), strlen(tags)};
    *entry = (struct entry){.counter = counter};
    entry->made =
        registry_resolve(series->options.registry, counter ? STATSD_COUNTER : STATSD_GAUGE,
                         TAGS_COLON, &text, &entry->place) == 0;
}

static void put(struct resource_series *series, struct entry *entry, double value)
{
    if (isnan(value)) {
        return;
    }
    if (!entry->made) {
        series->refused++;
        return;
    }
    struct series *head =
        registry_at(series->options.registry, place_kind(entry->place), place_index(entry->place));
    series->overwritten += head->touched;
    merge_touch(head, place_kind(entry->place), series->now_ns);
    if (entry->counter) {
        /* A total that has fallen began anew, as with Prometheus' rate(). */
        double before = entry->begun && entry->total <= value ? entry->total : 0;
        ((struct counter_series *)head)->count = entry->begun ? value - before : 0;
        ((struct counter_series *)head)->total = value;
        entry->total = value;
        entry->begun = true;
    } else {
        ((struct gauge_series *)head)->value = value;
        ((struct gauge_series *)head)->set_ns = series->now_ns;
    }
}

static void make_own(struct resource_series *series)
{
    for (size_t i = 0; i < OWN_ENTRIES; i++) {
        struct entry *entry = &series->entries[i];
        make(series, entry, entry_kinds[i].counter, entry_kinds[i].name, "");
        entry->begun = true; /* these count from the start of the server */
        if (entry->made) {
            identity_of(series, entry)->own = true;
        }
    }
}

/* The mount point that a path is below: where the number of the device changes on the way up. To be
 * freed; NULL where the path is not there. */
static char *mount_point(const char *path)
{
    struct stat here, above;
    char *point = realpath(path, NULL);
    if (!point || stat(point, &here) != 0) {
        free(point);
        return NULL;
    }
    char *slash;
    while ((slash = strrchr(point, '/')) && point[1] != '\0') {
        char kept = slash == point ? slash[1] : '/';
        slash[slash == point] = '\0';
        if (stat(point, &above) != 0 || above.st_dev != here.st_dev) {
            slash[slash == point] = kept;
            break;
        }
    }
    return point;
}

static bool is_watched(const struct resource_series *series, const char *point)
{
    for (size_t i = 0; i < series->filesystem_count; i++) {
        if (strcmp(series->filesystems[i].path, point) == 0) {
            return true;
        }
    }
    return false;
}

/* A tag is ended by a comma. */
static void write_tag(char tags[TAGS_BYTES], const char *key, const char *value)
{
    int length = snprintf(tags, TAGS_BYTES, "%s:%s", key, value);
    for (char *comma = tags; length > 0 && (comma = strchr(comma, ','));) {
        *comma = '_';
    }
}

static void watch_filesystem(struct resource_series *series, const char *path)
{
    char tags[TAGS_BYTES];
    char *point = mount_point(path);
    if (!point) {
        log_line(LOG_LEVEL_WARNING, "no file system to watch", "path", path, "key",
                 "resources.filesystems", NULL);
        return;
    }
    if (is_watched(series, point) || series->filesystem_count == FILESYSTEMS_MAX) {
        free(point);
        return;
    }
    struct filesystem *filesystem = &series->filesystems[series->filesystem_count++];
    filesystem->path = point;
    write_tag(tags, "mountpoint", point);
    make(series, &filesystem->size, false, "node_filesystem_size_bytes", tags);
    make(series, &filesystem->available, false, "node_filesystem_avail_bytes", tags);
    make(series, &filesystem->ratio, false, "node_filesystem_used_ratio", tags);
}

static void make_host(struct resource_series *series, const struct config *config)
{
    char tags[TAGS_BYTES];
    for (size_t i = OWN_ENTRIES; i < HOST_CPU; i++) {
        make(series, &series->entries[i], entry_kinds[i].counter, entry_kinds[i].name, "");
    }
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        write_tag(tags, "mode", proc_cpu_modes[mode]);
        make(series, &series->entries[HOST_CPU + mode], true, "node_cpu_seconds_total", tags);
    }
    if (config->csv.directory) {
        watch_filesystem(series, config->csv.directory);
    }
    for (size_t i = 0; i < config->resources.filesystems.count; i++) {
        watch_filesystem(series, config->resources.filesystems.items[i]);
    }
}

struct resource_series *resource_series_new(const struct resource_options *options)
{
    struct resource_series *series = calloc(1, sizeof(*series));
    if (!series) {
        return NULL;
    }
    series->options = *options;
    series->server = options->config->resources.server;
    series->host = options->config->resources.host;
    if (series->server) {
        make_own(series);
    }
    if (series->host) {
        make_host(series, options->config);
    }
    return series;
}

void resource_series_free(struct resource_series *series)
{
    for (size_t i = 0; series && i < series->filesystem_count; i++) {
        free(series->filesystems[i].path);
    }
    free(series);
}

static void add_own(struct resource_series *series, double seconds)
{
    struct process_figures process;
    struct allocator_figures allocator;
    struct ingest_figures ingest = {0};
    process_figures_read(&process);
    allocator_figures_read(&allocator);
    if (series->options.ingest) {
        series->options.ingest(series->options.context, &ingest);
    }
    const double values[OWN_ENTRIES] = {
        [OWN_RESIDENT] = (double)process.resident_bytes,
        [OWN_VIRTUAL] = (double)process.virtual_bytes,
        [OWN_CPU] = process.cpu_seconds,
        [OWN_CPU_RATIO] = fmax(process.cpu_seconds - series->entries[OWN_CPU].total, 0) / seconds,
        [OWN_THREADS] = (double)process.threads,
        [OWN_OPEN_FDS] = (double)process.open_fds,
        [OWN_MAX_FDS] = (double)process.max_fds,
        [OWN_START] = process.start_time_seconds,
        [OWN_MALLOC_USED] = (double)allocator.used_bytes,
        [OWN_MALLOC_FREE] = (double)allocator.free_bytes,
        [OWN_POOL] = (double)pool_bytes(series->options.pool),
        [OWN_POOL_MAX] = (double)pool_bytes_max(series->options.pool),
        [OWN_DROPS] = (double)ingest.datagrams_dropped,
    };
    for (size_t i = 0; i < OWN_ENTRIES; i++) {
        put(series, &series->entries[i], values[i]);
    }
}

/* The share of all processors' time since the latest reading that was neither idle nor spent
 * waiting for a disk; NaN at the first. */
static double cpu_ratio(const struct resource_series *series, const double *seconds)
{
    double all = 0, idle = 0;
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        const struct entry *entry = &series->entries[HOST_CPU + mode];
        double more = entry->begun ? fmax(seconds[mode] - entry->total, 0) : 0;
        bool idles = strcmp(proc_cpu_modes[mode], "idle") == 0 ||
                     strcmp(proc_cpu_modes[mode], "iowait") == 0;
        all += more;
        idle += idles ? more : 0;
    }
    return all > 0 ? 1 - idle / all : (double)NAN;
}

/* The device's place, or a free one, or that of one that has gone; NULL where all are taken. */
static struct device *find_device(struct resource_series *series, const char *name)
{
    struct device *gone = NULL;
    for (size_t i = 0; i < series->device_count; i++) {
        struct device *device = &series->devices[i];
        if (strcmp(device->name, name) == 0) {
            return device;
        }
        gone = device->present ? gone : device;
    }
    return series->device_count < PROC_DEVICES_MAX ? &series->devices[series->device_count++]
                                                   : gone;
}

static void release(struct resource_series *series, const struct entry *entry)
{
    if (entry->made) {
        registry_release(series->options.registry, entry->place);
    }
}

static void add_device(struct resource_series *series, const struct proc_device *read)
{
    char tags[TAGS_BYTES];
    struct device *device = find_device(series, read->name);
    if (!device) {
        series->refused++;
        return;
    }
    if (strcmp(device->name, read->name) != 0) {
        release(series, &device->receive);
        release(series, &device->transmit);
        memcpy(device->name, read->name, sizeof(device->name));
        write_tag(tags, "device", read->name);
        make(series, &device->receive, true, "node_network_receive_drop_total", tags);
        make(series, &device->transmit, true, "node_network_transmit_drop_total", tags);
    }
    device->present = true;
    put(series, &device->receive, read->receive_drops);
    put(series, &device->transmit, read->transmit_drops);
}

static void add_devices(struct resource_series *series, const struct host_figures *host)
{
    /* Who is there is known first, so that no place is taken from a device further down. */
    for (size_t i = 0; i < series->device_count; i++) {
        struct device *device = &series->devices[i];
        device->present = false;
        for (size_t j = 0; j < host->device_count && !device->present; j++) {
            device->present = strcmp(host->devices[j].name, device->name) == 0;
        }
    }
    for (size_t i = 0; i < host->device_count; i++) {
        add_device(series, &host->devices[i]);
    }
    series->refused += host->devices_left_out;
}

static void add_filesystem(struct resource_series *series, struct filesystem *filesystem)
{
    struct filesystem_figures figures;
    filesystem_figures_read(filesystem->path, &figures);
    put(series, &filesystem->size, figures.size_bytes);
    put(series, &filesystem->available, figures.available_bytes);
    if (figures.size_bytes > 0) {
        put(series, &filesystem->ratio, 1 - figures.available_bytes / figures.size_bytes);
    }
}

static void add_host(struct resource_series *series)
{
    struct host_figures host;
    host_figures_read(&host);
    const double values[HOST_CPU] = {
        [HOST_MEMORY_TOTAL] = host.memory_total_bytes,
        [HOST_MEMORY_AVAILABLE] = host.memory_available_bytes,
        [HOST_MEMORY_RATIO] = 1 - host.memory_available_bytes / host.memory_total_bytes,
        [HOST_CPU_RATIO] = cpu_ratio(series, host.cpu_seconds),
        [HOST_LOAD1] = host.load1,
        [HOST_UDP_RECEIVE_BUFFER_ERRORS] = host.udp_receive_buffer_errors,
        [HOST_UDP_INPUT_ERRORS] = host.udp_input_errors,
    };
    for (size_t i = OWN_ENTRIES; i < HOST_CPU; i++) {
        put(series, &series->entries[i], values[i]);
    }
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        put(series, &series->entries[HOST_CPU + mode], host.cpu_seconds[mode]);
    }
    add_devices(series, &host);
    for (size_t i = 0; i < series->filesystem_count; i++) {
        add_filesystem(series, &series->filesystems[i]);
    }
}

/* Says at the first time, and again when it has doubled. */
static void tell(uint64_t count, uint64_t *told, const char *message, const char *key)
{
    if (count > 0 && count >= 2 * *told) {
        *told = count;
        log_line(LOG_LEVEL_WARNING, message, "times", log_text("%llu", (unsigned long long)count),
                 "key", key, NULL);
    }
}

void resource_series_add(struct resource_series *series, uint64_t now_ns, double seconds)
{
    series->now_ns = now_ns;
    if (series->server) {
        add_own(series, seconds);
    }
    if (series->host) {
        add_host(series);
    }
    tell(series->overwritten, &series->told_overwritten,
         "a sender uses the name of a resource, what it sent is not shown", "resources");
    tell(series->refused, &series->told_refused, "no room for a resource as a series",
         "limits.max_series");
}
