/* SPDX-License-Identifier: MIT
 *
 * Texts of /proc: whatever they hold is read within its bytes, names of devices have their NUL, and
 * no value is negative.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/resources/proc_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proc_device devices[3];
    double ticks[PROC_CPU_MODES] = {0};
    double value = 0;
    size_t left_out;
    const char *text = (const char *)data;
    size_t count = proc_read_devices(text, size, devices, 3, &left_out);
    REQUIRE(count <= 3 && (left_out == 0 || count == 3));
    for (size_t i = 0; i < count; i++) {
        REQUIRE(strnlen(devices[i].name, PROC_DEVICE_BYTES) < PROC_DEVICE_BYTES);
        REQUIRE(devices[i].receive_drops >= 0 && devices[i].transmit_drops >= 0);
    }
    proc_read_cpu(text, size, ticks);
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        REQUIRE(ticks[mode] >= 0);
    }
    proc_read_meminfo(text, size, "MemTotal", &value);
    REQUIRE(value >= 0);
    proc_read_snmp(text, size, "Udp", "RcvbufErrors", &value);
    REQUIRE(value >= 0);
    proc_read_load(text, size, &value);
    REQUIRE(value >= 0);
    return 0;
}
