/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/json_text.h"

#include "proto/text.h"
#include "server/core/buffer.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* The bytes of the well-formed character at `text`, 0 where there is none. */
static size_t character_length(const char *text, size_t length)
{
    for (size_t step = 1; step <= 4 && step <= length; step++) {
        if (text_is_utf8(text, step)) {
            return step;
        }
    }
    return 0;
}

json_t *json_text(const char *bytes, size_t length)
{
    if (text_is_utf8(bytes, length)) {
        return json_stringn(bytes, length);
    }
    struct buffer mended = {0};
    for (size_t i = 0; i < length;) {
        size_t step = character_length(bytes + i, length - i);
        if (step > 0) {
            buffer_append(&mended, bytes + i, step);
        } else {
            buffer_append_text(&mended, REPLACEMENT);
        }
        i += step > 0 ? step : 1;
    }
    json_t *text = mended.failed ? NULL : json_stringn(mended.bytes, mended.length);
    buffer_deinit(&mended);
    return text;
}
