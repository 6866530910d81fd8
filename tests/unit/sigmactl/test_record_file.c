/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/sigmactl/record_file.h"

#define WALL INT64_C(1700000000123456789)

static char path[] = "/tmp/test_record_XXXXXX";
static struct record_reader reader;

static int make_path(void **state)
{
    (void)state;
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    close(fd);
    return unlink(path);
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void write_two(void)
{
    struct record_writer writer;
    assert_true(record_writer_open(&writer, path, WALL));
    assert_true(record_writer_add(&writer, 5, "a:1|c", 5));
    assert_true(record_writer_add(&writer, 5, "", 0));
    assert_int_equal(writer.bytes, RECORD_HEADER_BYTES + record_bytes(5) + record_bytes(0));
    assert_true(record_writer_close(&writer, 9, 3));
}

static void reads_what_was_written(void **state)
{
    struct record record;
    (void)state;
    write_two();
    assert_true(record_reader_open(&reader, path));
    assert_int_equal(reader.start_wall_ns, WALL);
    assert_int_equal(record_reader_next(&reader, &record), RECORD_DATAGRAM);
    assert_int_equal(record.offset_ns, 5);
    assert_int_equal(record.length, 5);
    assert_memory_equal(record.bytes, "a:1|c\0\0", 7);
    assert_int_equal(record_reader_next(&reader, &record), RECORD_DATAGRAM);
    assert_int_equal(record.length, 0);
    assert_int_equal(record_reader_next(&reader, &record), RECORD_END);
    assert_int_equal(reader.end_ns, 9);
    assert_int_equal(reader.dropped, 3);
    record_reader_close(&reader);
}

static void a_recording_is_never_overwritten(void **state)
{
    struct record_writer writer;
    (void)state;
    write_two();
    assert_false(record_writer_open(&writer, path, WALL));
    assert_int_equal(errno, EEXIST);
}

/* At every length: what is whole is read, and nothing else is. */
static void a_broken_off_recording_is_read_as_far_as_it_is_whole(void **state)
{
    const off_t whole[] = {RECORD_HEADER_BYTES + RECORD_HEAD_BYTES + 5,
                           RECORD_HEADER_BYTES + 2 * RECORD_HEAD_BYTES + 5};
    (void)state;
    for (off_t length = whole[1] + RECORD_HEAD_BYTES; length >= RECORD_HEADER_BYTES; length--) {
        struct record record;
        int found = 0;
        write_two();
        assert_int_equal(truncate(path, length), 0);
        assert_true(record_reader_open(&reader, path));
        while (record_reader_next(&reader, &record) == RECORD_DATAGRAM) {
            found++;
        }
        assert_int_equal(found, (length >= whole[0]) + (length >= whole[1]));
        assert_int_equal(record_reader_next(&reader, &record), RECORD_CUT);
        record_reader_close(&reader);
        unlink(path);
    }
}

static void poke(long at, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void refuses_other_files(void **state)
{
    (void)state;
    assert_false(record_reader_open(&reader, path));
    assert_string_equal(reader.reason, "No such file or directory");
    write_two();
    poke(8, "\2", 1);
    assert_false(record_reader_open(&reader, path));
    assert_string_equal(reader.reason, "is of version 2, of which this program knows nothing");
    poke(0, "x", 1);
    assert_false(record_reader_open(&reader, path));
    assert_string_equal(reader.reason, "is no recording of sigmactl record");
}

static void tells_where_a_recording_is_damaged(void **state)
{
    struct record record;
    (void)state;
    write_two();
    poke(RECORD_HEADER_BYTES + 2, "\1", 1);
    assert_true(record_reader_open(&reader, path));
    assert_int_equal(record_reader_next(&reader, &record), RECORD_DAMAGED);
    assert_string_equal(reader.reason,
                        "is damaged at byte 24: a record is longer than any datagram");
    record_reader_close(&reader);
}

static void time_never_runs_backwards(void **state)
{
    struct record record;
    (void)state;
    write_two();
    poke(RECORD_HEADER_BYTES + RECORD_HEAD_BYTES + 5 + 8, "\4", 1);
    assert_true(record_reader_open(&reader, path));
    assert_int_equal(record_reader_next(&reader, &record), RECORD_DATAGRAM);
    assert_int_equal(record_reader_next(&reader, &record), RECORD_DAMAGED);
    record_reader_close(&reader);
}

static void kinds_of_later_versions_are_skipped(void **state)
{
    struct record record;
    (void)state;
    write_two();
    poke(RECORD_HEADER_BYTES + 4, "\7", 1);
    assert_true(record_reader_open(&reader, path));
    assert_int_equal(record_reader_next(&reader, &record), RECORD_DATAGRAM);
    assert_int_equal(record.length, 0);
    record_reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_was_written, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_recording_is_never_overwritten, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_broken_off_recording_is_read_as_far_as_it_is_whole,
                                        make_path, remove_path),
        cmocka_unit_test_setup_teardown(refuses_other_files, make_path, remove_path),
        cmocka_unit_test_setup_teardown(tells_where_a_recording_is_damaged, make_path, remove_path),
        cmocka_unit_test_setup_teardown(time_never_runs_backwards, make_path, remove_path),
        cmocka_unit_test_setup_teardown(kinds_of_later_versions_are_skipped, make_path,
                                        remove_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
