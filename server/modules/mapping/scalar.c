/* SPDX-License-Identifier: MIT
 *
 * The values of a document: text, numbers, durations.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "server/modules/mapping/document.h"

/* A hundred years, so that sums stay far from overflow. */
#define DURATION_MS_MAX (100.0 * 366 * 86400 * 1000)

static const char *scalar_text(const yaml_node_t *value)
{
    return value->type == YAML_SCALAR_NODE ? (const char *)value->data.scalar.value : NULL;
}

static bool is_quoted(const yaml_node_t *value)
{
    return value->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static bool refuse(struct document *document, const yaml_node_t *value, const char *key,
                   const char *wanted)
{
    const char *text = scalar_text(value);
    if (text) {
        document_fault(document, value, "%s: '%s' is not %s", key, text, wanted);
    } else {
        document_fault(document, value, "%s: is not %s", key, wanted);
    }
    return false;
}

bool document_text(struct document *document, yaml_node_t *value, const char *key, const char **out,
                   size_t *length)
{
    if (document_is_null(value)) {
        return true;
    }
    if (!scalar_text(value) || strlen(scalar_text(value)) != value->data.scalar.length) {
        return refuse(document, value, key, "text");
    }
    *out = scalar_text(value);
    *length = value->data.scalar.length;
    return true;
}

bool document_bool(struct document *document, yaml_node_t *value, const char *key, bool *out)
{
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};
    if (document_is_null(value)) {
        return true;
    }
    for (size_t i = 0; scalar_text(value) && !is_quoted(value) && i < 6; i++) {
        if (strcasecmp(scalar_text(value), words[i / 3][i % 3]) == 0) {
            *out = i / 3 == 1;
            return true;
        }
    }
    return refuse(document, value, key, "true or false");
}

static bool read_number(const char *text, double *out)
{
    const char *digits = text + (*text == '+' || *text == '-');
    if (strcasecmp(digits, ".inf") == 0) {
        *out = *text == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    return number_parse(text, strlen(text), out);
}

bool document_number(struct document *document, yaml_node_t *value, const char *key, double *out)
{
    if (document_is_null(value)) {
        return true;
    }
    if (scalar_text(value) && !is_quoted(value) && read_number(scalar_text(value), out)) {
        return true;
    }
    return refuse(document, value, key, "a number");
}

bool document_count(struct document *document, yaml_node_t *value, const char *key, unsigned *out)
{
    double number = *out;
    if (!document_number(document, value, key, &number)) {
        return false;
    }
    if (number < 0 || number > UINT32_MAX || number != floor(number)) {
        return refuse(document, value, key, "a whole number from 0 to 4294967295");
    }
    *out = (unsigned)number;
    return true;
}

/* The milliseconds of a unit as Go writes it; moves *text behind it. 0 for none. */
static double take_unit(const char **text)
{
    static const struct {
        const char *word;
        double ms;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"\xC2\xB5s", 1e-3}, {"ms", 1},
                 {"s", 1e3},   {"m", 60e3},  {"h", 3600e3}};
    size_t length = strcspn(*text, "0123456789.");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].word) == length && strncmp(*text, units[i].word, length) == 0) {
            *text += length;
            return units[i].ms;
        }
    }
    return 0;
}

static bool read_duration(const char *text, uint64_t *out_ms)
{
    double total_ms = 0;
    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    if (!*text) {
        return false;
    }
    while (*text) {
        size_t length = strspn(text, "0123456789.");
        double number;
        if (length == 0 || !number_parse(text, length, &number)) {
            return false;
        }
        text += length;
        double unit_ms = take_unit(&text);
        total_ms += number * unit_ms;
        if (unit_ms == 0 || total_ms > DURATION_MS_MAX) {
            return false;
        }
    }
    /* A ttl of less than a millisecond is one, not none. */
    *out_ms = (uint64_t)ceil(total_ms);
    return true;
}

bool document_duration(struct document *document, yaml_node_t *value, const char *key,
                       uint64_t *out_ms)
{
    if (document_is_null(value)) {
        return true;
    }
    if (scalar_text(value) && read_duration(scalar_text(value), out_ms)) {
        return true;
    }
    return refuse(document, value, key, "a duration like 300ms or 1m30s");
}
