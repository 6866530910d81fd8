/* SPDX-License-Identifier: MIT
 *
 * What files of /proc say: readers of their text as proc(5) has it. Functions of their bytes, which
 * need no NUL behind them; whatever the text holds they neither fail nor read beyond it. What it
 * does not hold stays as it was, so that a caller begins with NaN and sees what was there.
 */
#ifndef SERVER_RESOURCES_PROC_TEXT_H
#define SERVER_RESOURCES_PROC_TEXT_H

#include <stddef.h>

/* Modes of a processor, in the order of /proc/stat and by the names that node_exporter has. */
#define PROC_CPU_MODES 8
extern const char *const proc_cpu_modes[PROC_CPU_MODES]; /* "user", "nice", … "steal" */

#define PROC_DEVICES_MAX 64
#define PROC_DEVICE_BYTES 32 /* of a name, its NUL included; the kernel has 16 */

struct proc_device {
    char name[PROC_DEVICE_BYTES];
    double receive_drops, transmit_drops; /* packets since the device came up */
};

/* The value in bytes of a line `KEY:  N kB` of /proc/meminfo. */
void proc_read_meminfo(const char *text, size_t length, const char *key, double *bytes);

/* Ticks of all processors together since the boot: the line "cpu" of /proc/stat. */
void proc_read_cpu(const char *text, size_t length, double ticks[PROC_CPU_MODES]);

/* The load of the last minute, of /proc/loadavg. */
void proc_read_load(const char *text, size_t length, double *load1);

/* A counter of /proc/net/snmp, whose lines come in pairs: names, then values. */
void proc_read_snmp(const char *text, size_t length, const char *protocol, const char *name,
                    double *value);

/* The devices of /proc/net/dev, at most `max`. Returns how many; *left_out becomes how many more
 * there were. */
size_t proc_read_devices(const char *text, size_t length, struct proc_device *devices, size_t max,
                         size_t *left_out);

#endif
