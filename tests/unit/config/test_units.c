/* SPDX-License-Identifier: MIT
 *
 * Units, addresses, the distance of words, and what the machine grants.
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

#include "config/address.h"
#include "config/machine.h"
#include "config/suggest.h"
#include "config/units.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MIB (UINT64_C(1) << 20)

struct quantity {
    const char *text;
    uint64_t value;
};

static void reads_durations(void **state)
{
    static const struct quantity taken[] = {
        {"0", 0},          {"0s", 0},         {"1ms", 1},
        {"500ms", 500},    {"10s", 10000},    {"1.5s", 1500},
        {"0.001s", 1},     {"5m", 300000},    {"1h", 3600000},
        {"1.1h", 3960000}, {"2d", 172800000}, {"014d", 1209600000},
        {".5s", 500},      {"1.s", 1000},     {"11574074d", UINT64_C(999999993600000)},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        uint64_t ms = 77;
        print_message("%s\n", taken[i].text);
        assert_true(units_parse_duration(taken[i].text, &ms));
        assert_int_equal(ms, taken[i].value);
    }
}

static void refuses_what_is_no_duration(void **state)
{
    static const char *const refused[] = {
        "",     "s",    "1",     "10",        "-1s",
        "+1s",  "1 s",  "1S",    "1min",      "1h30m",
        "1e3s", "1w",   "0.5ms", "1.2.3s",    ".s",
        "inf",  "0x1s", "1s ",   "11574075d", "99999999999999999999d",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        uint64_t ms = 77;
        print_message("'%s'\n", refused[i]);
        assert_false(units_parse_duration(refused[i], &ms));
        assert_int_equal(ms, 77);
    }
}

static void reads_sizes(void **state)
{
    static const struct quantity taken[] = {
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"12B", 12},
        {"64KiB", 65536},
        {"16MiB", 16 * MIB},
        {"1.5GiB", 1536 * MIB},
        {"1TiB", MIB * MIB},
        {"0.5KiB", 512},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        uint64_t bytes = 77;
        print_message("%s\n", taken[i].text);
        assert_true(units_parse_size(taken[i].text, &bytes));
        assert_int_equal(bytes, taken[i].value);
    }
}

static void refuses_what_is_no_size(void **state)
{
    static const char *const refused[] = {
        "", "KiB", "64K", "64KB", "64kib", "-1", "1.5", "0.3KiB", "1 MiB", "1e3", "1000TiB", "50%",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        uint64_t bytes = 77;
        print_message("'%s'\n", refused[i]);
        assert_false(units_parse_size(refused[i], &bytes));
        assert_int_equal(bytes, 77);
    }
}

static void formatted_quantities_read_back(void **state)
{
    char text[UNITS_TEXT_MAX];
    uint64_t back;
    uint64_t value = 1;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        units_format_duration(text, value);
        assert_true(units_parse_duration(text, &back));
        assert_int_equal(back, value);
        size_t length = units_format_size(text, value);
        assert_int_equal(length, strlen(text));
        assert_true(units_parse_size(text, &back));
        assert_int_equal(back, value);
        value = (value * 6364136223846793005u + 1442695040888963407u) % UNITS_LARGEST;
        if (i % 3 == 0)
            value = value / 1000 * 1000;
    }
    units_format_duration(text, 86400000);
    assert_string_equal(text, "1d");
    units_format_duration(text, 90000);
    assert_string_equal(text, "90s");
    units_format_size(text, 65536);
    assert_string_equal(text, "64KiB");
    units_format_size(text, 0);
    assert_string_equal(text, "0");
}

static void reads_percents(void **state)
{
    static const char *const refused[] = {"", "%", "10", "10 %", "-1%", "10%%", "1e1%", "0.1"};
    double fraction = 7;
    (void)state;
    assert_true(units_parse_percent("10%", &fraction) && fraction == 0.1);
    assert_true(units_parse_percent("0%", &fraction) && fraction == 0);
    assert_true(units_parse_percent("99.9%", &fraction) && fraction == 99.9 / 100);
    assert_true(units_parse_percent("0", &fraction) && fraction == 0);
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_false(units_parse_percent(refused[i], &fraction));
}

static void reads_rates(void **state)
{
    static const char *const refused[] = {
        "",
        "10",
        "/min",
        "10/",
        "10/m",
        "10/minute",
        "1.5/s",
        "-1/s",
        "10 /s",
        "10/ s",
        "1000001/s",
        "off",
        "99999999999999999999999999999999999999/s",
    };
    double per_second;
    unsigned burst;
    (void)state;
    assert_true(units_parse_rate("10/min", &per_second, &burst));
    assert_true(per_second == 10.0 / 60 && burst == 10);
    assert_true(units_parse_rate("3/s", &per_second, &burst) && per_second == 3 && burst == 3);
    assert_true(units_parse_rate("36/h", &per_second, &burst) && per_second == 0.01);
    assert_true(units_parse_rate("1/d", &per_second, &burst) && per_second == 1.0 / 86400);
    assert_true(units_parse_rate("0", &per_second, &burst) && per_second == 0 && burst == 0);
    assert_true(units_parse_rate("0/s", &per_second, &burst) && per_second == 0 && burst == 0);
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_false(units_parse_rate(refused[i], &per_second, &burst));
}

static void reads_modes_and_whole_numbers(void **state)
{
    unsigned mode;
    uint64_t value;
    (void)state;
    assert_true(units_parse_octal("0640", &mode) && mode == 0640);
    assert_true(units_parse_octal("600", &mode) && mode == 0600);
    assert_false(units_parse_octal("", &mode) || units_parse_octal("64", &mode) ||
                 units_parse_octal("00640", &mode) || units_parse_octal("0680", &mode) ||
                 units_parse_octal("rw-", &mode) || units_parse_octal("0640 ", &mode));
    assert_true(units_parse_whole("1000000000000000", &value) && value == UNITS_LARGEST);
    assert_false(units_parse_whole("1000000000000001", &value) ||
                 units_parse_whole("99999999999999999999999", &value) ||
                 units_parse_whole("", &value) || units_parse_whole("-1", &value) ||
                 units_parse_whole("1.0", &value) || units_parse_whole("1e3", &value));
}

static void takes_addresses(void **state)
{
    static const char *const taken[] = {
        "127.0.0.1:8125",       ":8125",          "0.0.0.0:0",
        "[::1]:8125",           "[::]:0",         "[fe80::1%eth0]:8125",
        "localhost:65535",      "a-b.example.:1", "under_score:1",
        "[::ffff:127.0.0.1]:1",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        print_message("%s\n", taken[i]);
        assert_null(config_address_fault(taken[i]));
    }
    assert_true(config_address_picks_port("[::]:0"));
    assert_false(config_address_picks_port(":8125"));
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const refused[] = {
        "",
        "8125",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        ":99999999",
        ":-1",
        ":http",
        "127.0.0.300:1",
        "1.2.3:1",
        "::1:8125",
        "[::1]",
        "[::1",
        "[::1]8125",
        "[::g]:1",
        "[]:1",
        "[:1",
        "[::1%]:1",
        "a b:1",
        "a..b:1",
        ".a:1",
        "a/b:1",
        "udp://a:1",
        "[::1%averylonginterface]:1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1",
    };
    char overlong[300];
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        print_message("%s\n", refused[i]);
        assert_non_null(config_address_fault(refused[i]));
    }
    memset(overlong, 'a', sizeof(overlong));
    strcpy(overlong + sizeof(overlong) - 3, ":1");
    assert_non_null(config_address_fault(overlong));
}

static void counts_edits_between_words(void **state)
{
    static const struct {
        const char *left, *right;
        size_t distance;
    } cases[] = {
        {"", "", 0},           {"", "abc", 3},           {"flush", "flush", 0},
        {"flsh", "flush", 1},  {"fulsh", "flush", 1},    {"flushh", "flush", 1},
        {"flash", "flush", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(suggest_distance(cases[i].left, cases[i].right), cases[i].distance);
        assert_int_equal(suggest_distance(cases[i].right, cases[i].left), cases[i].distance);
    }
    assert_string_equal(suggest_section("prometeus")->name, "prometheus");
    assert_string_equal(suggest_key(config_section_find("flush"), "intervall")->name, "interval");
}

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void put_folder(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void drop(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(remove(path), 0);
}

static void takes_the_least_cgroup_limit_on_the_way_up(void **state)
{
    char folder[] = "/tmp/sigmad-cgroup-XXXXXX";
    char membership[512];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(membership, sizeof(membership), "%s/self", folder);
    put_file(folder, "self", "0::/a/b\n");
    assert_true(config_machine_cgroup_limit_bytes(membership, folder) == UINT64_MAX);
    put_folder(folder, "a");
    put_folder(folder, "a/b");
    put_file(folder, "a/b/memory.max", "max\n");
    put_file(folder, "a/memory.max", "1048576\n");
    assert_true(config_machine_cgroup_limit_bytes(membership, folder) == 1048576);
    put_file(folder, "a/b/memory.max", "4096\n");
    assert_true(config_machine_cgroup_limit_bytes(membership, folder) == 4096);

    put_file(folder, "self", "5:cpu,memory:/gone\n4:cpuset:/a/b\n");
    assert_true(config_machine_cgroup_limit_bytes(membership, folder) == UINT64_MAX);
    put_folder(folder, "memory");
    put_file(folder, "memory/memory.limit_in_bytes", "8192\n");
    assert_true(config_machine_cgroup_limit_bytes(membership, folder) == 8192);

    static const char *const files[] = {
        "self",  "a/b/memory.max", "a/b", "a/memory.max", "a", "memory/memory.limit_in_bytes",
        "memory"};
    for (size_t i = 0; i < COUNT(files); i++)
        drop(folder, files[i]);
    assert_int_equal(rmdir(folder), 0);
    assert_true(config_machine_cgroup_limit_bytes(membership, folder) == UINT64_MAX);
}

static void the_machine_grants_something(void **state)
{
    (void)state;
    assert_true(config_machine_memory_bytes() >= MIB);
    assert_in_range(config_machine_workers(), 1, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_what_is_no_duration),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(refuses_what_is_no_size),
        cmocka_unit_test(formatted_quantities_read_back),
        cmocka_unit_test(reads_percents),
        cmocka_unit_test(reads_rates),
        cmocka_unit_test(reads_modes_and_whole_numbers),
        cmocka_unit_test(takes_addresses),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(counts_edits_between_words),
        cmocka_unit_test(takes_the_least_cgroup_limit_on_the_way_up),
        cmocka_unit_test(the_machine_grants_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
