/* SPDX-License-Identifier: MIT */
#include "server/resources/proc_text.h"

#include <stdbool.h>
#include <string.h>

#include "proto/number.h"

const char *const proc_cpu_modes[PROC_CPU_MODES] = {"user",   "nice", "system",  "idle",
                                                    "iowait", "irq",  "softirq", "steal"};

/* Columns of /proc/net/dev behind the name. */
enum { COLUMN_RECEIVE_DROPS = 3, COLUMN_TRANSMIT_DROPS = 11 };

struct text {
    const char *at, *end;
};

/* The next line without its LF; false when there is none. */
static bool next_line(struct text *text, struct text *line)
{
    if (text->at >= text->end) {
        return false;
    }
    const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
    *line = (struct text){text->at, newline ? newline : text->end};
    text->at = newline ? newline + 1 : text->end;
    return true;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The next word of a line, empty at its end. */
static struct text next_word(struct text *line)
{
    while (line->at < line->end && is_blank(*line->at)) {
        line->at++;
    }
    struct text word = {line->at, line->at};
    while (word.end < line->end && !is_blank(*word.end)) {
        word.end++;
    }
    line->at = word.end;
    return word;
}

static bool is_text(struct text word, const char *wanted)
{
    size_t length = (size_t)(word.end - word.at);
    return length == strlen(wanted) && memcmp(word.at, wanted, length) == 0;
}

/* A word that is `wanted` and a colon. */
static bool is_key(struct text word, const char *wanted)
{
    if (word.end == word.at || word.end[-1] != ':') {
        return false;
    }
    word.end--;
    return is_text(word, wanted);
}

static bool read_number(struct text word, double *value)
{
    double read;
    if (!number_parse(word.at, (size_t)(word.end - word.at), &read) || read < 0) {
        return false;
    }
    *value = read;
    return true;
}

void proc_read_meminfo(const char *text, size_t length, const char *key, double *bytes)
{
    struct text rest = {text, text + length}, line;
    while (next_line(&rest, &line)) {
        if (!is_key(next_word(&line), key)) {
            continue;
        }
        double kib;
        if (read_number(next_word(&line), &kib) && is_text(next_word(&line), "kB")) {
            *bytes = kib * 1024;
        }
        return;
    }
}

void proc_read_cpu(const char *text, size_t length, double ticks[PROC_CPU_MODES])
{
    struct text rest = {text, text + length}, line;
    while (next_line(&rest, &line)) {
        if (!is_text(next_word(&line), "cpu")) {
            continue;
        }
        for (size_t mode = 0; mode < PROC_CPU_MODES; mode++) {
            if (!read_number(next_word(&line), &ticks[mode])) {
                return;
            }
        }
        return;
    }
}

void proc_read_load(const char *text, size_t length, double *load1)
{
    struct text line = {text, text + length};
    read_number(next_word(&line), load1);
}

/* The value under the name, of the two lines of a protocol. */
static void read_pair(struct text names, struct text values, const char *name, double *value)
{
    for (;;) {
        struct text word = next_word(&names);
        struct text number = next_word(&values);
        if (word.at == word.end) {
            return;
        }
        if (is_text(word, name)) {
            read_number(number, value);
            return;
        }
    }
}

void proc_read_snmp(const char *text, size_t length, const char *protocol, const char *name,
                    double *value)
{
    struct text rest = {text, text + length}, names, values;
    while (next_line(&rest, &names)) {
        if (is_key(next_word(&names), protocol)) {
            if (next_line(&rest, &values) && is_key(next_word(&values), protocol)) {
                read_pair(names, values, name, value);
            }
            return;
        }
    }
}

/* False for a line that is no device's. */
static bool read_device(struct text line, struct proc_device *device)
{
    struct text name = next_word(&(struct text){line.at, line.end});
    const char *colon =
        name.at < name.end ? memchr(name.at, ':', (size_t)(line.end - name.at)) : NULL;
    size_t length = colon ? (size_t)(colon - name.at) : 0;
    if (length == 0 || length >= sizeof(device->name)) {
        return false;
    }
    struct text columns = {colon + 1, line.end};
    *device = (struct proc_device){0};
    memcpy(device->name, name.at, length);
    for (int column = 0; column <= COLUMN_TRANSMIT_DROPS; column++) {
        double value;
        if (!read_number(next_word(&columns), &value)) {
            return false;
        }
        device->receive_drops = column == COLUMN_RECEIVE_DROPS ? value : device->receive_drops;
        device->transmit_drops = column == COLUMN_TRANSMIT_DROPS ? value : device->transmit_drops;
    }
    return true;
}

size_t proc_read_devices(const char *text, size_t length, struct proc_device *devices, size_t max,
                         size_t *left_out)
{
    struct text rest = {text, text + length}, line;
    size_t count = 0;
    *left_out = 0;
    while (next_line(&rest, &line)) {
        struct proc_device device;
        if (!read_device(line, &device)) {
            continue;
        }
        if (count < max) {
            devices[count++] = device;
        } else {
            ++*left_out;
        }
    }
    return count;
}
