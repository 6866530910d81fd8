/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_list.h"

#include <math.h>
#include <string.h>

_Static_assert(offsetof(struct sketch_list, codes) == 32, "capacities are chosen for this header");

/* How many samples a block holds as it grows: they fill 192, 240, 288, 352, 416 and 480 bytes. */
static const uint8_t capacities[] = {80, 104, 128, 160, 192, SKETCH_LIST_SAMPLES};

static unsigned capacity_for(unsigned count)
{
    size_t i = 0;
    while (capacities[i] < count) {
        i++;
    }
    return capacities[i];
}

static size_t capacity_bytes(unsigned capacity)
{
    return offsetof(struct sketch_list, codes) + capacity * sizeof(uint16_t);
}

size_t sketch_list_bytes(const struct sketch_list *list)
{
    return capacity_bytes(list->capacity);
}

/* Of the pages between two values; those between the signs are not there. */
static unsigned page_count(double minimum, double maximum)
{
    unsigned low = sketch_list_code(minimum) >> 6, high = sketch_list_code(maximum) >> 6;
    return high - low + 1;
}

/* Below four samples a page most have no bucket twice and take a bit a bucket, below 40 most have
 * none four times and take two. Few samples do not reach all pages of a wide range. */
unsigned sketch_list_page_words(unsigned count, double minimum, double maximum)
{
    unsigned pages = page_count(minimum, maximum);
    pages = pages < count ? pages : count;
    return count < 4 * pages ? pages + pages / 4 : count < 40 * pages ? 2 * pages : 4 * pages;
}

bool sketch_list_suits(unsigned count, double minimum, double maximum)
{
    if (count > SKETCH_LIST_SAMPLES) {
        return false;
    }
    size_t histogram = 64 + 2 * (size_t)page_count(minimum, maximum) +
                       8 * (size_t)sketch_list_page_words(count, minimum, maximum);
    return capacity_bytes(capacity_for(count)) <= histogram;
}

struct sketch_list *sketch_list_new(unsigned count, double weight, struct pool_cache *cache)
{
    unsigned capacity = capacity_for(count);
    struct sketch_list *list = pool_take(cache, capacity_bytes(capacity));
    if (list) {
        list->sketch.phase = SKETCH_PHASE_LIST;
        list->count = 0;
        list->capacity = (uint8_t)capacity;
        list->weight = weight;
        list->minimum = (double)INFINITY;
        list->maximum = -(double)INFINITY;
    }
    return list;
}

void sketch_list_free(struct sketch_list *list, struct pool_cache *cache)
{
    pool_give(cache, list, sketch_list_bytes(list));
}

void sketch_list_append_all(struct sketch_list *list, const struct sketch_list *from)
{
    memcpy(list->codes + list->count, from->codes, from->count * sizeof *from->codes);
    list->count = (uint8_t)(list->count + from->count);
    list->minimum = fmin(list->minimum, from->minimum);
    list->maximum = fmax(list->maximum, from->maximum);
}

/* The codes by page, in no order within each, and where each page ends. */
#define LIST_PAGES (1 << 10)

struct by_page {
    uint16_t codes[SKETCH_LIST_SAMPLES];
    unsigned low, high;             /* pages */
    uint8_t begins[LIST_PAGES + 1]; /* from low to high + 1 */
};

static void sort_by_page(const struct sketch_list *list, struct by_page *pages)
{
    unsigned low = sketch_list_code(list->minimum) >> 6;
    unsigned high = sketch_list_code(list->maximum) >> 6;
    uint8_t *begins = pages->begins;
    pages->low = low;
    pages->high = high;
    memset(begins + low, 0, high - low + 2);
    for (unsigned i = 0; i < list->count; i++) {
        begins[list->codes[i] >> 6]++;
    }
    for (unsigned page = low + 1; page <= high + 1; page++) {
        begins[page] = (uint8_t)(begins[page] + begins[page - 1]);
    }
    for (unsigned i = 0; i < list->count; i++) {
        pages->codes[--begins[list->codes[i] >> 6]] = list->codes[i];
    }
}

/* What is left to move is moved within a page, whose samples are few. */
void sketch_list_sort(const struct sketch_list *list, uint16_t sorted[SKETCH_LIST_SAMPLES])
{
    struct by_page pages;
    sort_by_page(list, &pages);
    memcpy(sorted, pages.codes, list->count * sizeof *sorted);
    for (unsigned i = 1; i < list->count; i++) {
        uint16_t code = sorted[i];
        unsigned at = i;
        for (; at > 0 && sorted[at - 1] > code; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = code;
    }
}

/* The code that has `before` others before it in order: the one of its page with as many below it,
 * or as many but for its equals. */
static uint16_t select_code(const struct by_page *pages, unsigned *page, unsigned before)
{
    while (*page < pages->high && pages->begins[*page + 1] <= before) {
        ++*page;
    }
    unsigned begin = pages->begins[*page], end = pages->begins[*page + 1];
    for (unsigned i = begin; i + 1 < end; i++) {
        unsigned below = begin, to = begin;
        for (unsigned other = begin; other < end; other++) {
            below += pages->codes[other] < pages->codes[i];
            to += pages->codes[other] <= pages->codes[i];
        }
        if (below <= before && before < to) {
            return pages->codes[i];
        }
    }
    return pages->codes[end - 1];
}

static double value_of(const struct sketch_list *list, uint16_t code)
{
    double center = sketch_bucket_center(sketch_list_point(code), SKETCH_SCHEMA_MAX);
    return fmin(fmax(center, list->minimum), list->maximum);
}

void sketch_list_quantiles(const struct sketch_list *list, const double *percents, size_t count,
                           double *results)
{
    struct by_page pages;
    sort_by_page(list, &pages);
    unsigned page = pages.low;
    for (size_t i = 0; i < count; i++) {
        double rank = ceil(sketch_rank(percents[i], list->count));
        unsigned at = rank < 1 ? 1 : rank > list->count ? list->count : (unsigned)rank;
        results[i] = value_of(list, select_code(&pages, &page, at - 1));
    }
}

/* The highest code whose bucket begins within a bound that lies from the minimum to the maximum. */
static unsigned code_within(double bound)
{
    uint16_t code = sketch_list_code(bound);
    if (code == 0) {
        return bound > 0 ? SKETCH_LIST_ZERO : SKETCH_LIST_ZERO - 1;
    }
    return code;
}

static unsigned samples_within(const struct sketch_list *list, const struct by_page *pages,
                               double bound)
{
    if (bound < list->minimum || bound >= list->maximum) {
        return bound < list->minimum ? 0 : list->count;
    }
    unsigned code = code_within(bound), page = code >> 6;
    if (page < pages->low) {
        return 0;
    }
    unsigned within = pages->begins[page];
    for (unsigned i = within; i < pages->begins[page + 1]; i++) {
        within += pages->codes[i] <= code;
    }
    return within;
}

void sketch_list_cumulative(const struct sketch_list *list, const double *bounds, size_t count,
                            double *weights)
{
    struct by_page pages;
    sort_by_page(list, &pages);
    for (size_t i = 0; i < count; i++) {
        weights[i] = samples_within(list, &pages, bounds[i]) * list->weight;
    }
}

void sketch_list_export(const struct sketch_list *list, sketch_visit *visit, void *context)
{
    uint16_t sorted[SKETCH_LIST_SAMPLES];
    sketch_list_sort(list, sorted);
    double carry = 0;
    for (unsigned i = 0; i < list->count;) {
        uint16_t code = sorted[i];
        double units = 0;
        for (; i < list->count && sorted[i] == code; i++) {
            units += (double)sketch_whole_units(list->weight, &carry);
        }
        struct sketch_point point = sketch_list_point(code);
        if (units > 0) {
            visit(context, point.sign, point.sign == SKETCH_ZERO ? 0 : point.ordinal + 1, units);
        }
    }
}
