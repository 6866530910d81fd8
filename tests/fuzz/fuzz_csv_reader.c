/* SPDX-License-Identifier: MIT
 *
 * Whatever lies in a folder of logs, reading it ends, every row has as many fields as its header,
 * and reading it again gives the same. The first byte chooses the kind, whether the file is the
 * current one, and whether what follows is compressed for it or taken for compressed as it is.
 */
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "server/core/require.h"
#include "tools/sigmactl/csv_reader.h"

#define INPUT_BYTES_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t rows, faults, digest;
};

static char folder[] = "/tmp/fuzz_csv_reader_XXXXXX";

static void remove_folder(void)
{
    rmdir(folder);
}

static void make_folder(void)
{
    static bool made;
    if (!made) {
        REQUIRE(mkdtemp(folder));
        REQUIRE(freopen("/dev/null", "w", stderr)); /* faults are told there */
        REQUIRE(atexit(remove_folder) == 0);
        made = true;
    }
}

static void write_file(const char *path, const uint8_t *bytes, size_t size, bool compress)
{
    /* "T": transparent, without compression. */
    gzFile file = gzopen(path, compress ? "wb1" : "wbT");
    REQUIRE(file && gzwrite(file, bytes, (unsigned)size) == (int)size && gzclose(file) == Z_OK);
}

static void check_row(const struct csv_row *row, struct outcome *outcome)
{
    REQUIRE(isfinite(row->stamp) && row->line > 1);
    REQUIRE(row->header->count >= CSV_COLUMNS_FIXED && row->header->count <= CSV_LINE_FIELDS_MAX);
    for (size_t i = 0; i < row->header->count; i++) {
        const struct csv_field *field = &row->fields[i];
        REQUIRE(field->text[field->length] == '\0');
        REQUIRE(!isinf(row->numbers[i]));
        for (size_t j = 0; j <= field->length; j++) {
            uint64_t byte = (unsigned char)field->text[j];
            outcome->digest = (outcome->digest ^ byte) * UINT64_C(1099511628211);
        }
    }
    outcome->rows++;
}

static struct outcome read_all(enum csv_kind kind)
{
    char reason[CSV_READER_REASON_MAX];
    struct outcome outcome = {0};
    const struct csv_reader_query query = {folder, kind, -(double)INFINITY, (double)INFINITY, NULL};
    struct csv_reader *reader = csv_reader_new(&query, reason);
    REQUIRE(reader);
    for (const struct csv_row *row; (row = csv_reader_next(reader));) {
        check_row(row, &outcome);
    }
    outcome.faults = csv_reader_faults(reader);
    csv_reader_free(reader);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const endings[] = {".csv", "-20261121T000000Z.csv",
                                          "-20261121T000000Z.csv.gz", "-20261121T000000Z.csv.gz"};
    char path[PATH_MAX];
    if (size < 1 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    make_folder();
    enum csv_kind kind = (enum csv_kind)((data[0] >> 2) % CSV_KINDS);
    unsigned form = data[0] & 3;
    snprintf(path, sizeof(path), "%s/%s%s", folder, csv_kind_name(kind), endings[form]);
    write_file(path, data + 1, size - 1, form == 2);
    struct outcome once = read_all(kind);
    struct outcome twice = read_all(kind);
    REQUIRE(memcmp(&once, &twice, sizeof(once)) == 0);
    REQUIRE(unlink(path) == 0);
    return 0;
}
