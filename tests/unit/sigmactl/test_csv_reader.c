/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <zlib.h>

#include "tests/unit/sink/make_snapshot.h"
#include "tests/unit/sink/temporary.h"
#include "tools/sigmactl/csv_reader.h"
#include "tools/sigmactl/csv_stream.h"

#define HEADER "timestamp,metric,tags,count,rate\n"

static char *folder;
static struct csv_reader *reader;

static int make_folder(void **state)
{
    (void)state;
    folder = temporary_make();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    csv_reader_free(reader);
    reader = NULL;
    temporary_remove(folder);
    return 0;
}

static void put(const char *name, const char *text)
{
    temporary_write(folder, name, text, strlen(text));
}

static void put_compressed(const char *name, const char *text)
{
    gzFile file = gzopen(temporary_path(folder, name), "wb");
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static void open_query(struct csv_reader_query query)
{
    char reason[CSV_READER_REASON_MAX];
    csv_reader_free(reader);
    query.directory = folder;
    reader = csv_reader_new(&query, reason);
    assert_non_null(reader);
}

static void open_all(enum csv_kind kind)
{
    open_query(
        (struct csv_reader_query){.kind = kind, .from = -(double)INFINITY, .to = (double)INFINITY});
}

/* The names of all rows, a blank behind each. */
static const char *read_names(void)
{
    static char names[1024];
    names[0] = '\0';
    for (const struct csv_row *row; (row = csv_reader_next(reader));) {
        strcat(names, row->fields[CSV_COLUMN_METRIC].text);
        strcat(names, " ");
    }
    return names;
}

static void assert_names(const char *expected)
{
    assert_string_equal(read_names(), expected);
    assert_null(csv_reader_next(reader));
}

static void put_four_files(void)
{
    put_compressed("counters-20261119T000000Z.csv.gz", HEADER "1795000000,a,,1,1\n");
    put("counters-20261120T000000Z.csv", HEADER "1795100000,b,,2,2\n");
    put("counters-20261120T000000Z-1.csv", HEADER "1795132800,c,,3,3\n");
    put("counters.csv", HEADER "1795200000,d,,4,4\n1795200010,e,,5,5\n");
    put("counters-20261119T000000Z.csv.gz.tmp", "half");
    put("gauges.csv", "timestamp,metric,tags,value\n1795200000,other,,1\n");
}

static void reads_closed_files_by_age_then_the_current_one(void **state)
{
    (void)state;
    put_four_files();
    open_all(CSV_COUNTERS);
    assert_names("a b c d e ");
    assert_int_equal(csv_reader_files(reader), 4);
    assert_int_equal(csv_reader_faults(reader), 0);
}

static void a_file_plain_and_compressed_is_read_once(void **state)
{
    (void)state;
    put_four_files();
    put_compressed("counters-20261120T000000Z.csv.gz", HEADER "1795100000,b,,2,2\n");
    open_all(CSV_COUNTERS);
    assert_names("a b c d e ");
}

static void a_range_is_of_stamps_and_passes_over_files_outside(void **state)
{
    (void)state;
    put_four_files();
    open_query((struct csv_reader_query){
        .kind = CSV_COUNTERS, .from = 1795132800, .to = 1795200000, .metric = NULL});
    assert_names("c d ");
    assert_int_equal(csv_reader_files(reader), 3); /* b's name ends a second before c's stamp */
    open_query((struct csv_reader_query){
        .kind = CSV_COUNTERS, .from = -(double)INFINITY, .to = 1795000000});
    assert_names("a ");
    assert_int_equal(csv_reader_files(reader), 1);
}

static void metrics_are_chosen_by_glob(void **state)
{
    (void)state;
    put("counters.csv", HEADER "1,api.a.hits,,1,1\n1,db.hits,,1,1\n1,api.b,,1,1\n");
    open_query((struct csv_reader_query){.kind = CSV_COUNTERS,
                                         .from = -(double)INFINITY,
                                         .to = (double)INFINITY,
                                         .metric = "api.*"});
    assert_names("api.a.hits api.b ");
    open_query((struct csv_reader_query){.kind = CSV_COUNTERS,
                                         .from = -(double)INFINITY,
                                         .to = (double)INFINITY,
                                         .metric = "*hits"});
    assert_names("api.a.hits db.hits ");
}

static void columns_are_found_by_each_files_header(void **state)
{
    (void)state;
    put("timers-20261120T000000Z.csv",
        "timestamp,metric,tags,type,count,p50,p99\n5,t,,ms,3,20,40\n");
    put("timers.csv", "timestamp,metric,tags,type,p99.9,p99,count\n6,t,k=v,ms,,41,4\n");
    open_all(CSV_TIMERS);
    const struct csv_row *row = csv_reader_next(reader);
    unsigned number = row->header->number;
    assert_float_equal(row->numbers[csv_row_column(row, "p99")], 40, 0);
    assert_int_equal(csv_row_column(row, "p99.9"), -1);
    assert_float_equal(row->stamp, 5, 0);
    row = csv_reader_next(reader);
    assert_int_not_equal(row->header->number, number);
    assert_float_equal(row->numbers[csv_row_column(row, "p99")], 41, 0);
    assert_float_equal(row->numbers[csv_row_column(row, "count")], 4, 0);
    assert_true(isnan(row->numbers[csv_row_column(row, "p99.9")]));
    assert_string_equal(row->fields[csv_row_column(row, "type")].text, "ms");
    assert_string_equal(row->fields[CSV_COLUMN_TAGS].text, "k=v");
    assert_int_equal(row->line, 2);
    assert_non_null(strstr(row->file, "timers.csv"));
}

/* Each line is a fault of its own, and none costs a sound row. */
static void damaged_rows_are_counted_and_passed_over(void **state)
{
    (void)state;
    put("counters.csv", HEADER "1,a,,1,1\n"
                               "1,few,,1\n"
                               "1,many,,1,1,1\n"
                               "x,stamp,,1,1\n"
                               ",nostamp,,1,1\n"
                               "1e300,far,,1,1\n"
                               "1,count,,one,1\n"
                               "1,\"open,,1,1\n"
                               "1,esc\\aped,,1,1\n"
                               "\n"
                               "nan,n,,1,1\n"
                               "1,rate,,1,inf\n"
                               "1,b,,,\n");
    open_all(CSV_COUNTERS);
    assert_names("a b ");
    assert_int_equal(csv_reader_faults(reader), 11);
}

static void the_half_last_line_of_the_current_file_is_no_fault(void **state)
{
    (void)state;
    put("counters.csv", HEADER "1,a,,1,1\n2,b,,12,3");
    open_all(CSV_COUNTERS);
    assert_names("a ");
    assert_int_equal(csv_reader_faults(reader), 0);
}

static void the_half_last_line_of_a_closed_file_is_one(void **state)
{
    (void)state;
    put("counters-20261120T000000Z.csv", HEADER "1,a,,1,1\n2,b,,12,3");
    open_all(CSV_COUNTERS);
    assert_names("a ");
    assert_int_equal(csv_reader_faults(reader), 1);
}

static void files_that_are_none_of_ours_are_passed_over(void **state)
{
    (void)state;
    put("counters-20261118T000000Z.csv", "time,name\n1,x\n");
    put("counters-20261119T000000Z.csv", "timestamp,metric,tags,count,count\n1,x,,1,1\n");
    put("counters-20261120T000000Z.csv.gz", HEADER "1,x,,1,1\n");
    put("counters-20261121T000000Z.csv.gz", "");
    put("counters-20261122T000000Z.csv", "");
    put("counters.csv", HEADER "1,a,,1,1\n");
    open_all(CSV_COUNTERS);
    assert_names("a ");
    assert_int_equal(csv_reader_faults(reader), 4); /* an empty file is only without rows */
}

static void a_compressed_file_cut_short_gives_the_rows_before(void **state)
{
    static char text[1 << 16];
    (void)state;
    strcpy(text, HEADER);
    for (int i = 0; i < 2000; i++) {
        snprintf(text + strlen(text), 64, "%d,m%d,,%d,1\n", i + 1, i, i * 7919 % 1000);
    }
    put_compressed("counters-20261120T000000Z.csv.gz", text);
    const char *path = temporary_path(folder, "counters-20261120T000000Z.csv.gz");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size / 2), 0);
    open_all(CSV_COUNTERS);
    int rows = 0;
    for (const struct csv_row *row; (row = csv_reader_next(reader)); rows++) {
        assert_float_equal(row->stamp, rows + 1, 0);
    }
    assert_in_range(rows, 1, 1999);
    assert_int_equal(csv_reader_faults(reader), 1);
}

static void a_line_beyond_the_bound_costs_itself_only(void **state)
{
    static char text[3 * CSV_STREAM_LINE_MAX];
    (void)state;
    strcpy(text, HEADER "1,a,,1,1\n");
    size_t begin = strlen(text);
    memset(text + begin, 'x', 2 * CSV_STREAM_LINE_MAX);
    strcpy(text + begin + 2 * CSV_STREAM_LINE_MAX, "\n2,b,,2,2\n");
    put("counters.csv", text);
    open_all(CSV_COUNTERS);
    assert_names("a b ");
    assert_int_equal(csv_reader_faults(reader), 1);
}

static void line_ends_of_spreadsheets_are_read(void **state)
{
    (void)state;
    put("counters.csv", "timestamp,metric,tags,count,rate\r\n1,a,,1,2\r\n");
    open_all(CSV_COUNTERS);
    const struct csv_row *row = csv_reader_next(reader);
    assert_float_equal(row->numbers[csv_row_column(row, "rate")], 2, 0);
    assert_int_equal(csv_reader_faults(reader), 0);
}

static void a_folder_that_is_not_there_is_an_error_and_an_empty_one_has_no_rows(void **state)
{
    char reason[CSV_READER_REASON_MAX];
    struct csv_reader_query query = {.directory = "/nowhere/at/all", .kind = CSV_SETS};
    (void)state;
    assert_null(csv_reader_new(&query, reason));
    assert_non_null(strstr(reason, "/nowhere/at/all"));
    assert_non_null(strstr(reason, "No such file"));
    open_all(CSV_SETS);
    assert_names("");
}

/* What the server closes while we read is read once, and what it compresses is found. */
static void rotation_meanwhile_neither_hides_nor_doubles_rows(void **state)
{
    char from[PATH_MAX];
    (void)state;
    put_four_files();
    open_all(CSV_COUNTERS);
    snprintf(from, sizeof(from), "%s", temporary_path(folder, "counters.csv"));
    assert_int_equal(rename(from, temporary_path(folder, "counters-20261121T000000Z.csv")), 0);
    put("counters.csv", HEADER "1795300000,new,,1,1\n");
    put_compressed("counters-20261120T000000Z.csv.gz", HEADER "1795100000,b,,2,2\n");
    assert_int_equal(unlink(temporary_path(folder, "counters-20261120T000000Z.csv")), 0);
    assert_int_equal(unlink(temporary_path(folder, "counters-20261120T000000Z-1.csv")), 0);
    assert_names("a b d e ");
    assert_int_equal(csv_reader_faults(reader), 0);
}

/* The server's own rows of names that no CSV library would be given on purpose. */
static void reads_back_the_rows_of_the_server(void **state)
{
    static const char *const names[] = {"a.b", "with,comma", "say \"so\"", "back\\slash", "l\nf\r"};
    struct snapshot *snapshot = make_snapshot(1, 1795255200.125);
    struct buffer out = {0};
    (void)state;
    csv_rows_header(CSV_COUNTERS, made_percents, 5, &out);
    for (size_t i = 0; i < 5; i++) {
        make_counter(snapshot, names[i], "k:v;w=x,q\"t,n\nl", (double)i / 3);
    }
    csv_rows_render(CSV_COUNTERS, snapshot, 0, SIZE_MAX, &out);
    temporary_write(folder, "counters.csv", out.bytes, out.length);
    open_all(CSV_COUNTERS);
    for (size_t i = 0; i < 5; i++) {
        const struct csv_row *row = csv_reader_next(reader);
        assert_non_null(row);
        assert_string_equal(row->fields[CSV_COLUMN_METRIC].text, names[i]);
        assert_string_equal(row->fields[CSV_COLUMN_TAGS].text, "k=v\\;w\\=x;n\\nl;q\"t");
        assert_true(row->numbers[csv_row_column(row, "count")] == (double)i / 3);
        assert_true(row->stamp == 1795255200.125);
    }
    assert_null(csv_reader_next(reader));
    snapshot_unref(snapshot);
    buffer_deinit(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_closed_files_by_age_then_the_current_one),
        TEST(a_file_plain_and_compressed_is_read_once),
        TEST(a_range_is_of_stamps_and_passes_over_files_outside),
        TEST(metrics_are_chosen_by_glob),
        TEST(columns_are_found_by_each_files_header),
        TEST(damaged_rows_are_counted_and_passed_over),
        TEST(the_half_last_line_of_the_current_file_is_no_fault),
        TEST(the_half_last_line_of_a_closed_file_is_one),
        TEST(files_that_are_none_of_ours_are_passed_over),
        TEST(a_compressed_file_cut_short_gives_the_rows_before),
        TEST(a_line_beyond_the_bound_costs_itself_only),
        TEST(line_ends_of_spreadsheets_are_read),
        TEST(a_folder_that_is_not_there_is_an_error_and_an_empty_one_has_no_rows),
        TEST(rotation_meanwhile_neither_hides_nor_doubles_rows),
        TEST(reads_back_the_rows_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
