/* SPDX-License-Identifier: MIT
 *
 * What this process may use of the machine: memory and processors. Read afresh at each call;
 * thread-safe.
 */
#ifndef CONFIG_MACHINE_H
#define CONFIG_MACHINE_H

#include <stdint.h>

/* Bytes of memory: the smallest limit of the process's cgroup and its parents (version 2
 * memory.max, version 1 memory.limit_in_bytes), or the machine's RAM where that is less or no limit
 * is set. */
uint64_t config_machine_memory_bytes(void);

/* The cgroup part alone: `membership` is a file like /proc/self/cgroup, `root` a folder like
 * /sys/fs/cgroup. UINT64_MAX where no limit is found. */
uint64_t config_machine_cgroup_limit_bytes(const char *membership, const char *root);

/* What `workers = auto` means: half the processors that the scheduler allows, 1 to 8. */
unsigned config_machine_workers(void);

#endif
