/* SPDX-License-Identifier: MIT */
#include "server/resources/host.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* /proc/stat has a line a processor and one number an interrupt; what is wanted stands in front. */
#define TEXT_BYTES 16384
#define NOT_READ ((double)NAN)

static size_t read_file(const char *path, char *text, size_t size)
{
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : 1;
    while (got > 0 && length < size) {
        got = read(fd, text + length, size - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return length;
}

static void read_cpu(char text[TEXT_BYTES], struct host_figures *figures)
{
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    /* The first line is in the first read: the rest is not worth being made by the kernel. */
    proc_read_cpu(text, read_file("/proc/stat", text, 1024), figures->cpu_seconds);
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        figures->cpu_seconds[mode] /= ticks_per_second;
    }
}

void host_figures_read(struct host_figures *figures)
{
    char text[TEXT_BYTES];
    *figures = (struct host_figures){.memory_total_bytes = NOT_READ,
                                     .memory_available_bytes = NOT_READ,
                                     .load1 = NOT_READ,
                                     .udp_receive_buffer_errors = NOT_READ,
                                     .udp_input_errors = NOT_READ};
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        figures->cpu_seconds[mode] = NOT_READ;
    }
    size_t length = read_file("/proc/meminfo", text, sizeof(text));
    proc_read_meminfo(text, length, "MemTotal", &figures->memory_total_bytes);
    proc_read_meminfo(text, length, "MemAvailable", &figures->memory_available_bytes);
    read_cpu(text, figures);
    proc_read_load(text, read_file("/proc/loadavg", text, sizeof(text)), &figures->load1);
    length = read_file("/proc/net/snmp", text, sizeof(text));
    proc_read_snmp(text, length, "Udp", "RcvbufErrors", &figures->udp_receive_buffer_errors);
    proc_read_snmp(text, length, "Udp", "InErrors", &figures->udp_input_errors);
    length = read_file("/proc/net/dev", text, sizeof(text));
    figures->device_count = proc_read_devices(text, length, figures->devices, PROC_DEVICES_MAX,
                                              &figures->devices_left_out);
}

void filesystem_figures_read(const char *path, struct filesystem_figures *figures)
{
    struct statvfs space;
    if (statvfs(path, &space) != 0) {
        *figures = (struct filesystem_figures){NOT_READ, NOT_READ};
        return;
    }
    figures->size_bytes = (double)space.f_blocks * (double)space.f_frsize;
    figures->available_bytes = (double)space.f_bavail * (double)space.f_frsize;
}
