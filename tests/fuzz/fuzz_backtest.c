/* SPDX-License-Identifier: MIT
 *
 * Whatever comes in as CSV is judged to its end, every row that comes out is a row that came in
 * with a score from 0 to 1, and doing it again gives the same. The first byte chooses the method.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "server/core/require.h"
#include "tools/sigmactl/backtest_settings.h"
#include "tools/sigmactl/backtest_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config *config_of(bool automatic)
{
    static struct settings settings[2];
    if (settings[0].count == 0) {
        static const struct settings_request requests[2] = {
            {.method = "sigma", .warmup = "2", .hold_off = "20m"}, {.method = "auto"}};
        REQUIRE(freopen("/dev/null", "w", stderr)); /* faults are told there */
        REQUIRE(settings_load(&settings[0], &requests[0]));
        REQUIRE(settings_load(&settings[1], &requests[1]));
    }
    return settings[automatic].items[0].config;
}

/* What comes out; the caller frees it. */
static char *judge(const struct config *config, const uint8_t *data, size_t size, bool *sound)
{
    char *text = NULL;
    size_t length;
    FILE *in = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : fopen("/dev/null", "r");
    FILE *out = open_memstream(&text, &length);
    REQUIRE(in && out);
    *sound = backtest_stream(config, in, "input", out);
    fclose(in);
    REQUIRE(fclose(out) == 0);
    return text;
}

static void check_row(const char *row, size_t length)
{
    const char *severity = memrchr(row, ',', length);
    REQUIRE(severity);
    const char *score = memrchr(row, ',', (size_t)(severity - row));
    double value;
    REQUIRE(score && number_parse(score + 1, (size_t)(severity - score - 1), &value));
    REQUIRE(value >= 0 && value <= 1);
    REQUIRE(severity[1] == '\n' || value >= 0.5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool sound, again_sound;
    const struct config *config = config_of(data[0] & 1);
    char *text = judge(config, data + 1, size - 1, &sound);
    char *again = judge(config, data + 1, size - 1, &again_sound);
    REQUIRE(sound == again_sound && strcmp(text, again) == 0);
    for (const char *row = strchr(text, '\n') + 1; *row != '\0';) {
        const char *end = strchr(row, '\n');
        REQUIRE(end);
        check_row(row, (size_t)(end + 1 - row));
        row = end + 1;
    }
    free(text);
    free(again);
    return 0;
}
