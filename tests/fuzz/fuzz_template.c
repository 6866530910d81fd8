/* SPDX-License-Identifier: MIT
 *
 * Any text as a template: its parts cover it, and what is filled in brings no control character
 * into a string of JSON or a line.
 */
#include <stdint.h>
#include <stdlib.h>

#include "config/template.h"
#include "server/core/require.h"
#include "server/notify/texts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_controls(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += (unsigned char)text[i] < ' ';
    }
    return count;
}

static void check_parts(const char *text, size_t size)
{
    struct template_scan scan = template_begin(text, size);
    struct template_part part;
    size_t covered = 0;
    while (template_next(&scan, &part) != TEMPLATE_END) {
        REQUIRE(part.length > 0 && part.text == text + covered);
        covered += part.length;
    }
    REQUIRE(covered == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum notify_filling fillings[] = {NOTIFY_FILL_JSON, NOTIFY_FILL_LINE};
    const struct alert_row row = {
        .name = "a\"\n\\",
        .condition = "p99 > 1",
        .description = "\xff\x01",
        .metric = "m\r\n",
        .tags = "k=\"v\\n\"",
        .reason = "\t",
        .state = ALERT_RESOLVED,
    };
    const char *text = (const char *)data;
    struct notification *notification = notification_new(&row, false, 0);
    REQUIRE(notification);
    check_parts(text, size);
    for (size_t i = 0; i < 2; i++) {
        struct buffer out = {0};
        notify_text_fill(&out, text, size, notification, "n", fillings[i]);
        REQUIRE(out.failed || count_controls(out.bytes, out.length) <= count_controls(text, size));
        buffer_deinit(&out);
    }
    notification_free(notification);
    return 0;
}
