/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/load_values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TIMER_LARGEST_MS 9999.999

/* In [0, 1). */
static double fraction(uint64_t *state)
{
    return (double)(load_random(state) >> 11) * 0x1p-53;
}

/* Near enough to a normal deviate: the sum of twelve uniform ones (Irwin-Hall). */
static double deviate(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += fraction(state);
    }
    return sum;
}

static uint32_t draw_thousandths(enum statsd_type type, uint64_t *state)
{
    switch (type) {
    case STATSD_COUNTER: /* half of them 1, the rest up to 100 */
        return fraction(state) < 0.5 ? 1000 : 1000 * (1 + (uint32_t)(fraction(state) * 100));
    case STATSD_GAUGE:
        return 100 * (uint32_t)(fraction(state) * 10000);
    case STATSD_TIMER:
        return (uint32_t)(fmin(40 * exp(0.6 * deviate(state)), TIMER_LARGEST_MS) * 1000);
    case STATSD_HISTOGRAM: /* 64 bytes to 64 KiB, each octave alike */
        return 1000 * (uint32_t)(64 * exp2(10 * fraction(state)));
    case STATSD_DISTRIBUTION:
        return (uint32_t)(fraction(state) * 1000);
    case STATSD_SET:
    case STATSD_TYPES:
        break;
    }
    return 0;
}

/* What takes five characters, if its last digit is none that is left out. */
static uint32_t draw_uniform(enum statsd_type type, uint64_t *state)
{
    uint32_t digits = 1000 + (uint32_t)(fraction(state) * 9000);
    switch (type) {
    case STATSD_COUNTER:
    case STATSD_HISTOGRAM:
        return 1000 * (10000 + (uint32_t)(fraction(state) * 90000));
    case STATSD_GAUGE:
        return 100 * digits;
    case STATSD_TIMER:
        return 10 * digits;
    case STATSD_DISTRIBUTION:
    case STATSD_SET:
    case STATSD_TYPES:
        break;
    }
    return digits;
}

/* Without closing zeros behind the point. */
static int format_thousandths(char *out, size_t size, uint32_t thousandths)
{
    int length = snprintf(out, size, "%u.%03u", thousandths / 1000, thousandths % 1000);
    while (out[length - 1] == '0') {
        length--;
    }
    return out[length - 1] == '.' ? length - 1 : length;
}

static void fill_uniform(struct load_value *value, enum statsd_type type, unsigned index,
                         uint64_t *state)
{
    char text[32];
    int length;
    do {
        value->thousandths = type == STATSD_SET ? 0 : draw_uniform(type, state);
        length = type == STATSD_SET ? snprintf(text, sizeof(text), "u%04u", index)
                                    : format_thousandths(text, sizeof(text), value->thousandths);
    } while (length != LOAD_UNIFORM_LENGTH);
    value->length = LOAD_UNIFORM_LENGTH;
    memcpy(value->text, text, LOAD_UNIFORM_LENGTH);
}

static void fill_value(struct load_value *value, enum statsd_type type, unsigned index,
                       uint64_t *state)
{
    char text[32];
    value->thousandths = draw_thousandths(type, state);
    int length = type == STATSD_SET ? snprintf(text, sizeof(text), "user%u", index)
                                    : format_thousandths(text, sizeof(text), value->thousandths);
    value->length = (uint8_t)length;
    memcpy(value->text, text, value->length);
}

void load_values_fill(struct load_value values[STATSD_TYPES][LOAD_VALUES], uint64_t seed,
                      bool uniform)
{
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        for (unsigned i = 0; i < LOAD_VALUES; i++) {
            if (uniform) {
                fill_uniform(&values[type][i], (enum statsd_type)type, i, &seed);
            } else {
                fill_value(&values[type][i], (enum statsd_type)type, i, &seed);
            }
        }
    }
}
