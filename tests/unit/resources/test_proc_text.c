/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/resources/proc_text.h"

#define UNREAD ((double)NAN)

static void memory_is_read_in_bytes(void **state)
{
    static const char text[] = "MemTotal:        8148904 kB\nMemFree:  1 kB\n"
                               "MemAvailable:\t 5000000 kB\nHugePages_Total:       7\n";
    (void)state;
    double total = UNREAD, available = UNREAD, pages = UNREAD, none = UNREAD;
    proc_read_meminfo(text, strlen(text), "MemTotal", &total);
    proc_read_meminfo(text, strlen(text), "MemAvailable", &available);
    proc_read_meminfo(text, strlen(text), "HugePages_Total", &pages);
    proc_read_meminfo(text, strlen(text), "Mem", &none);
    assert_true(total == 8148904.0 * 1024);
    assert_true(available == 5000000.0 * 1024);
    assert_true(isnan(pages));
    assert_true(isnan(none));
}

static void processors_are_taken_together(void **state)
{
    static const char text[] = "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
    double ticks[PROC_CPU_MODES];
    (void)state;
    proc_read_cpu(text, strlen(text), ticks);
    for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
        assert_true(ticks[mode] == 10.0 * (double)(mode + 1));
    }
    assert_string_equal(proc_cpu_modes[3], "idle");
    assert_string_equal(proc_cpu_modes[7], "steal");
}

static void an_old_kernel_has_fewer_modes(void **state)
{
    static const char text[] = "cpu 1 2 3 4\n";
    double ticks[PROC_CPU_MODES] = {[4] = UNREAD};
    (void)state;
    proc_read_cpu(text, strlen(text), ticks);
    assert_true(ticks[3] == 4);
    assert_true(isnan(ticks[4]));
}

static void the_load_is_the_first_number(void **state)
{
    double load = UNREAD;
    (void)state;
    proc_read_load("0.42 0.30 0.20 1/345 6789\n", 26, &load);
    assert_true(load == 0.42);
}

static void a_counter_of_snmp_is_found_by_its_name(void **state)
{
    static const char text[] = "Ip: Forwarding InErrors\nIp: 1 99\n"
                               "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\n"
                               "Udp: 100 2 3 4 5\nUdpLite: InErrors\nUdpLite: 77\n";
    (void)state;
    double errors = UNREAD, buffers = UNREAD, none = UNREAD;
    proc_read_snmp(text, strlen(text), "Udp", "InErrors", &errors);
    proc_read_snmp(text, strlen(text), "Udp", "RcvbufErrors", &buffers);
    proc_read_snmp(text, strlen(text), "Udp", "SndbufErrors", &none);
    assert_true(errors == 3);
    assert_true(buffers == 5);
    assert_true(isnan(none));
}

static const char devices_text[] =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop\n"
    "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    "  eth0:100 2 3 44 5 6 7 8 9 10 11 122 13 14 15 16\n"
    "broken: 1 2\n"
    "a_name_that_no_kernel_would_give_to_a_device: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";

static void devices_have_what_they_dropped(void **state)
{
    struct proc_device devices[4];
    size_t left_out;
    (void)state;
    assert_int_equal(proc_read_devices(devices_text, strlen(devices_text), devices, 4, &left_out),
                     2);
    assert_int_equal(left_out, 0);
    assert_string_equal(devices[0].name, "lo");
    assert_true(devices[0].receive_drops == 4 && devices[0].transmit_drops == 12);
    assert_string_equal(devices[1].name, "eth0");
    assert_true(devices[1].receive_drops == 44 && devices[1].transmit_drops == 122);
}

static void devices_beyond_the_room_are_counted(void **state)
{
    struct proc_device devices[1];
    size_t left_out;
    (void)state;
    assert_int_equal(proc_read_devices(devices_text, strlen(devices_text), devices, 1, &left_out),
                     1);
    assert_int_equal(left_out, 1);
}

static void a_text_cut_anywhere_is_read_as_far_as_it_goes(void **state)
{
    struct proc_device devices[4];
    size_t left_out;
    (void)state;
    for (size_t length = 0; length <= strlen(devices_text); length++) {
        double value = UNREAD;
        assert_true(proc_read_devices(devices_text, length, devices, 4, &left_out) <= 2);
        proc_read_snmp(devices_text, length, "lo", "1", &value);
        proc_read_meminfo(devices_text, length, "lo", &value);
        assert_true(isnan(value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_read_in_bytes),
        cmocka_unit_test(processors_are_taken_together),
        cmocka_unit_test(an_old_kernel_has_fewer_modes),
        cmocka_unit_test(the_load_is_the_first_number),
        cmocka_unit_test(a_counter_of_snmp_is_found_by_its_name),
        cmocka_unit_test(devices_have_what_they_dropped),
        cmocka_unit_test(devices_beyond_the_room_are_counted),
        cmocka_unit_test(a_text_cut_anywhere_is_read_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
