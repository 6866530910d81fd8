/* SPDX-License-Identifier: MIT
 *
 * A cgroup's limit holds for everything below it, so the way goes from the process's own group up
 * to the root and keeps the least. Inside a container the path in /proc/self/cgroup may not exist
 * below the mounted root; going up then ends at the root, where the container's own limit is found.
 */
#include "config/machine.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS_LARGEST 8
#define LINE_MAX_BYTES 4096

/* The number in a limit file; UINT64_MAX for "max", or where it cannot be read. */
static uint64_t read_limit(const char *root, const char *controller, const char *group,
                           const char *file)
{
    char path[PATH_MAX];
    char line[64];
    int length = snprintf(path, sizeof(path), "%s%s%s/%s", root, controller, group, file);
    if (length < 0 || (size_t)length >= sizeof(path))
        return UINT64_MAX;
    FILE *stream = fopen(path, "re");
    if (!stream)
        return UINT64_MAX;
    bool got = fgets(line, sizeof(line), stream) != NULL;
    fclose(stream);
    if (!got || line[0] < '0' || line[0] > '9')
        return UINT64_MAX;
    errno = 0;
    unsigned long long limit = strtoull(line, NULL, 10);
    return errno == 0 ? limit : UINT64_MAX;
}

/* The least limit from `group` up to the root; `group` is used up. */
static uint64_t least_limit(const char *root, const char *controller, char *group, const char *file)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        uint64_t limit = read_limit(root, controller, group, file);
        if (limit < least)
            least = limit;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Is `memory` one of the comma-separated controllers? */
static bool names_memory(const char *controllers)
{
    while (*controllers) {
        size_t length = strcspn(controllers, ",");
        if (length == 6 && strncmp(controllers, "memory", 6) == 0)
            return true;
        controllers += length + (controllers[length] == ',');
    }
    return false;
}

/* One line is HIERARCHY:CONTROLLERS:PATH; version 2 has no controllers (cgroups(7)). */
static uint64_t line_limit(char *line, const char *root)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return UINT64_MAX;
    controllers++;
    *group++ = '\0';
    if (*controllers == '\0')
        return least_limit(root, "", group, "memory.max");
    if (names_memory(controllers))
        return least_limit(root, "/memory", group, "memory.limit_in_bytes");
    return UINT64_MAX;
}

uint64_t config_machine_cgroup_limit_bytes(const char *membership, const char *root)
{
    char line[LINE_MAX_BYTES];
    uint64_t least = UINT64_MAX;
    FILE *stream = fopen(membership, "re");
    if (!stream)
        return least;
    while (fgets(line, sizeof(line), stream)) {
        uint64_t limit = line_limit(line, root);
        if (limit < least)
            least = limit;
    }
    fclose(stream);
    return least;
}

uint64_t config_machine_memory_bytes(void)
{
    uint64_t limit = config_machine_cgroup_limit_bytes("/proc/self/cgroup", "/sys/fs/cgroup");
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0)
        return limit;
    uint64_t ram = (uint64_t)pages * (uint64_t)page_bytes;
    return limit < ram ? limit : ram;
}

unsigned config_machine_workers(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return 1;
    int half = CPU_COUNT(&allowed) / 2;
    if (half < 1)
        return 1;
    return half > WORKERS_LARGEST ? WORKERS_LARGEST : (unsigned)half;
}
