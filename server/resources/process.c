/* SPDX-License-Identifier: MIT
 *
 * Fields of /proc/PID/stat are numbered as in proc(5). The second one, the command, may hold blanks
 * and brackets, so that reading starts behind the last ')'.
 */
#include "server/resources/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES 17

enum {
    FIELD_UTIME = 14,
    FIELD_STIME,
    FIELD_THREADS = 20,
    FIELD_START = 22,
    FIELD_VSIZE,
    FIELD_RSS
};

static size_t read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

static void read_stat(const char *path, char name[NAME_BYTES],
                      unsigned long long fields[FIELD_RSS + 1])
{
    char text[1024];
    read_text(path, text, sizeof(text));
    const char *begin = strchr(text, '(');
    snprintf(name, NAME_BYTES, "%.*s", begin ? (int)strcspn(begin + 1, ")") : 0,
             begin ? begin + 1 : "");
    char *at = strrchr(text, ')');
    at = at ? strchr(at, ' ') : NULL;
    for (size_t field = 3; at && field <= FIELD_RSS; field++) {
        fields[field] = strtoull(at + 1, NULL, 10);
        at = strchr(at + 1, ' ');
    }
}

/* Start is counted in ticks from the boot of the system, which is the wall clock less the time
 * since. */
static double start_time(unsigned long long ticks, double ticks_per_second)
{
    struct timespec wall;
    struct timespec up;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &up);
    double boot = (double)(wall.tv_sec - up.tv_sec) + (double)(wall.tv_nsec - up.tv_nsec) / 1e9;
    return boot + (double)ticks / ticks_per_second;
}

static uint64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;
    if (!folder) {
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count > 0 ? count - 1 : 0; /* without the folder itself */
}

void process_figures_read(struct process_figures *figures)
{
    unsigned long long fields[FIELD_RSS + 1] = {0};
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    struct rlimit limit = {0};
    char name[NAME_BYTES];
    read_stat("/proc/self/stat", name, fields);
    getrlimit(RLIMIT_NOFILE, &limit);
    *figures = (struct process_figures){
        .cpu_seconds = (double)(fields[FIELD_UTIME] + fields[FIELD_STIME]) / ticks_per_second,
        .start_time_seconds = start_time(fields[FIELD_START], ticks_per_second),
        .resident_bytes = fields[FIELD_RSS] * (uint64_t)sysconf(_SC_PAGESIZE),
        .virtual_bytes = fields[FIELD_VSIZE],
        .threads = fields[FIELD_THREADS],
        .open_fds = count_fds(),
        .max_fds = limit.rlim_cur,
    };
}

size_t process_read_workers(double *seconds, size_t max)
{
    DIR *folder = opendir("/proc/self/task");
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    size_t count = 0;
    memset(seconds, 0, max * sizeof(*seconds));
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[300], name[NAME_BYTES];
        unsigned long long fields[FIELD_RSS + 1] = {0};
        unsigned worker;
        snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
        read_stat(path, name, fields);
        if (sscanf(name, "worker-%u", &worker) == 1 && worker < max) {
            seconds[worker] =
                (double)(fields[FIELD_UTIME] + fields[FIELD_STIME]) / ticks_per_second;
            count = worker >= count ? worker + 1 : count;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}

size_t process_read_threads(struct thread_time *threads, size_t max)
{
    DIR *folder = opendir("/proc/self/task");
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    size_t count = 0;
    for (const struct dirent *entry; folder && count < max && (entry = readdir(folder));) {
        char path[300];
        unsigned long long fields[FIELD_RSS + 1] = {0};
        long id = strtol(entry->d_name, NULL, 10);
        if (id > 0) {
            struct thread_time *thread = &threads[count++];
            snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", id);
            read_stat(path, thread->name, fields);
            thread->id = id;
            thread->cpu_seconds =
                (double)(fields[FIELD_UTIME] + fields[FIELD_STIME]) / ticks_per_second;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}
