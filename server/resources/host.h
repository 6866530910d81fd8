/* SPDX-License-Identifier: MIT
 *
 * What the system says of the host, read from /proc and statvfs() at the moment of the call: a few
 * system calls, well below a millisecond. What cannot be read is NaN. A file system whose server
 * does not answer (NFS) would hold the caller up; that is why only those are looked at that the
 * configuration names. Any thread.
 */
#ifndef SERVER_RESOURCES_HOST_H
#define SERVER_RESOURCES_HOST_H

#include <stddef.h>

#include "server/resources/proc_text.h"

struct host_figures {
    double memory_total_bytes, memory_available_bytes;
    double cpu_seconds[PROC_CPU_MODES]; /* of all processors together since the boot */
    double load1;
    double udp_receive_buffer_errors; /* datagrams that no receive buffer had room for */
    double udp_input_errors;
    struct proc_device devices[PROC_DEVICES_MAX];
    size_t device_count, devices_left_out;
};

struct filesystem_figures {
    double size_bytes;
    double available_bytes; /* to who is not root */
};

void host_figures_read(struct host_figures *figures);
void filesystem_figures_read(const char *path, struct filesystem_figures *figures);

#endif
