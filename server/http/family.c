/* SPDX-License-Identifier: MIT
 *
 * The index of names has one entry for every name that the samples of a family may have.
 */
#include "server/http/family.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"

#define SEED_NAMES 0x6e616d65 /* any number, other than for labels, whose seed is an address */

static const char *const timer_suffixes[] = {"_sum", "_count", "_bucket", "_created"};
#define TIMER_SUFFIXES (sizeof(timer_suffixes) / sizeof(timer_suffixes[0]))

static uint32_t name_hash(const char *name, size_t length)
{
    return table_hash(hash_bytes(name, length, SEED_NAMES));
}

static uint32_t labels_hash(const struct family *family, const char *labels, size_t length)
{
    return table_hash(hash_bytes(labels, length, (uint64_t)(uintptr_t)family));
}

static bool has_name(const struct family *family, const char *name, size_t length)
{
    if (length < family->name_length || memcmp(name, family->text, family->name_length) != 0) {
        return false;
    }
    const char *rest = name + family->name_length;
    size_t rest_length = length - family->name_length;
    if (rest_length == 0) {
        return true;
    }
    for (size_t i = 0; prom_kind_is_timer(family->kind) && i < TIMER_SUFFIXES; i++) {
        if (rest_length == strlen(timer_suffixes[i]) &&
            memcmp(rest, timer_suffixes[i], rest_length) == 0) {
            return true;
        }
    }
    return false;
}

static struct family *name_owner(const struct catalogue *catalogue, const char *name, size_t length)
{
    struct table_slot *slot = index_first(&catalogue->names, name_hash(name, length));
    for (; slot; slot = index_next(&catalogue->names, slot)) {
        struct family *family = index_at(&catalogue->names, slot);
        if (has_name(family, name, length)) {
            return family;
        }
    }
    return NULL;
}

/* Visits the name in `name` and, for timers, the names with suffixes; stops at the first false.
 * `name` is as before afterwards. */
static bool each_name(struct catalogue *catalogue, struct buffer *name, enum prom_kind kind,
                      bool (*visit)(struct catalogue *, const struct buffer *, void *),
                      void *context)
{
    bool ok = visit(catalogue, name, context);
    size_t length = name->length;
    for (size_t i = 0; ok && prom_kind_is_timer(kind) && i < TIMER_SUFFIXES; i++) {
        buffer_append_text(name, timer_suffixes[i]);
        ok = !name->failed && visit(catalogue, name, context);
        name->length = length;
    }
    return ok;
}

/* In OpenMetrics a counter's family is called without `_total`, and has the names with `_total` and
 * `_created` behind that. */
static bool has_counter_names(const struct catalogue *catalogue, const struct family *family)
{
    static const char total[] = "_total", created[] = "_created";
    char name[FAMILY_NAME_MAX + sizeof(created)];
    size_t length = family->name_length;
    if (family->kind != PROM_COUNTER || length <= strlen(total) || length > FAMILY_NAME_MAX ||
        memcmp(family->text + length - strlen(total), total, strlen(total)) != 0) {
        return false;
    }
    length -= strlen(total);
    memcpy(name, family->text, length);
    memcpy(name + length, created, strlen(created));
    if (name_owner(catalogue, name, length) ||
        name_owner(catalogue, name, length + strlen(created))) {
        return false;
    }
    /* Where there is a_total, a_created_total would have the name a_created too. */
    size_t stem = length > strlen(created) ? length - strlen(created) : 0;
    if (stem == 0 || memcmp(name + stem, created, strlen(created)) != 0) {
        return true;
    }
    memcpy(name + stem, total, strlen(total));
    return !name_owner(catalogue, name, stem + strlen(total));
}

bool family_is_openmetrics_counter(const struct catalogue *catalogue, struct family *family)
{
    if (family->judged != catalogue->names_version) {
        family->openmetrics_counter = has_counter_names(catalogue, family);
        family->judged = catalogue->names_version;
    }
    return family->openmetrics_counter;
}

static void names_change(struct catalogue *catalogue)
{
    catalogue->names_version += catalogue->names_version == UINT32_MAX ? 2 : 1;
}

static bool name_is_free(struct catalogue *catalogue, const struct buffer *name, void *context)
{
    (void)context;
    return !name_owner(catalogue, name->bytes, name->length);
}

static bool enter_name(struct catalogue *catalogue, const struct buffer *name, void *family)
{
    names_change(catalogue);
    return index_insert(&catalogue->names, name_hash(name->bytes, name->length), family);
}

static bool leave_name(struct catalogue *catalogue, const struct buffer *name, void *family)
{
    names_change(catalogue);
    index_remove(&catalogue->names, name_hash(name->bytes, name->length), family);
    return true;
}

static bool list_family(struct catalogue *catalogue, struct family *family)
{
    if (catalogue->family_count == catalogue->family_capacity) {
        size_t capacity = catalogue->family_capacity ? catalogue->family_capacity * 2 : 64;
        struct family **grown =
            realloc(catalogue->families, capacity * sizeof(*catalogue->families));
        if (!grown) {
            return false;
        }
        catalogue->families = grown;
        catalogue->family_capacity = capacity;
    }
    catalogue->families[catalogue->family_count++] = family;
    return true;
}

/* `name` holds the name and is used as scratch behind it. */
static struct family *make_family(struct catalogue *catalogue, struct buffer *name,
                                  const struct identity *identity)
{
    enum prom_kind kind = naming_kind(&catalogue->naming, identity);
    size_t name_length = name->length;
    bool own_help = naming_append_help(&catalogue->naming, name);
    if (!own_help) {
        prom_append_help(name, identity_name(identity), identity->name_length);
    }
    struct family *family = name->failed ? NULL : calloc(1, sizeof(*family) + name->length);
    if (!family) {
        return NULL;
    }
    memcpy(family->text, name->bytes, name->length);
    family->kind = kind & 0xf;
    family->type = identity->type & 0xf;
    family->own_help = own_help;
    family->rule = naming_rule(&catalogue->naming);
    family->name_length = (uint32_t)name_length;
    family->help_length = (uint32_t)(name->length - name_length);
    name->length = name_length;
    if (!each_name(catalogue, name, kind, enter_name, family) || !list_family(catalogue, family)) {
        each_name(catalogue, name, kind, leave_name, family);
        free(family);
        return NULL;
    }
    return family;
}

/* The family of `kind` with the name in `name`, or NULL: with *clash = false when it could be made.
 */
static struct family *find_family(struct catalogue *catalogue, struct buffer *name,
                                  enum prom_kind kind, bool *clash)
{
    struct family *owner = name_owner(catalogue, name->bytes, name->length);
    bool same = owner && owner->kind == kind && owner->name_length == name->length;
    *clash = !same && (owner || !each_name(catalogue, name, kind, name_is_free, NULL));
    return same ? owner : NULL;
}

struct family *family_resolve(struct catalogue *catalogue, const struct identity *identity,
                              bool *clash)
{
    const struct naming *naming = &catalogue->naming;
    enum prom_kind kind = naming_kind(naming, identity);
    struct buffer *name = &catalogue->scratch;
    *clash = false;
    name->length = 0;
    name->failed = false;
    naming_append_name(naming, identity, name);
    if (name->failed) {
        return NULL;
    }
    struct family *family = find_family(catalogue, name, kind, clash);
    if (*clash && !name->failed && naming_append_alternative(naming, identity, name)) {
        family = name->failed ? NULL : find_family(catalogue, name, kind, clash);
    }
    if (name->failed) {
        *clash = false;
        return NULL;
    }
    return family || *clash ? family : make_family(catalogue, name, identity);
}

static struct series *find_series(const struct catalogue *catalogue, const struct family *family,
                                  const struct buffer *labels, uint32_t hash)
{
    struct table_slot *slot = index_first(&catalogue->series, hash);
    for (; slot; slot = index_next(&catalogue->series, slot)) {
        struct series *series = index_at(&catalogue->series, slot);
        if (series->family == family && series->labels_length == labels->length &&
            memcmp(series->labels, labels->bytes, labels->length) == 0) {
            return series;
        }
    }
    return NULL;
}

/* The series without labels comes first, which is how it is found again. */
static struct series *bare_series(const struct family *family)
{
    struct series *first = family->first;
    return first && first->labels_length == 0 ? first : NULL;
}

static void prepend_series(struct family *family, struct series *series)
{
    series->next = family->first;
    *(series->next ? &series->next->previous : &family->last) = series;
    family->first = series;
}

static void append_series(struct family *family, struct series *series)
{
    series->previous = family->last;
    if (family->last) {
        family->last->next = series;
    } else {
        family->first = series;
    }
    family->last = series;
}

struct series *family_series(struct catalogue *catalogue, struct family *family,
                             const struct identity *identity)
{
    struct buffer *labels = &catalogue->scratch;
    labels->length = 0;
    labels->failed = false;
    naming_append_labels(&catalogue->naming, identity, labels);
    if (labels->failed) {
        return NULL;
    }
    bool bare = labels->length == 0;
    uint32_t hash = bare ? 0 : labels_hash(family, labels->bytes, labels->length);
    struct series *series =
        bare ? bare_series(family) : find_series(catalogue, family, labels, hash);
    if (series) {
        return series;
    }
    series = calloc(1, sizeof(*series) + labels->length);
    if (!series || (!bare && !index_insert(&catalogue->series, hash, series))) {
        free(series);
        return NULL;
    }
    series->family = family;
    series->first_source = SOURCE_NONE;
    series->labels_length = (uint32_t)labels->length;
    if (bare) {
        prepend_series(family, series);
    } else {
        memcpy(series->labels, labels->bytes, labels->length);
        append_series(family, series);
    }
    return series;
}

void family_drop_series(struct catalogue *catalogue, struct series *series)
{
    struct family *family = series->family;
    *(series->previous ? &series->previous->next : &family->first) = series->next;
    *(series->next ? &series->next->previous : &family->last) = series->previous;
    if (series->labels_length > 0) {
        index_remove(&catalogue->series, labels_hash(family, series->labels, series->labels_length),
                     series);
    }
    catalogue->emptied += family->first == NULL;
    free(series);
}

static void free_family(struct catalogue *catalogue, struct family *family)
{
    struct buffer *name = &catalogue->scratch;
    name->length = 0;
    name->failed = false;
    buffer_append(name, family->text, family->name_length);
    each_name(catalogue, name, family->kind, leave_name, family);
    free(family);
}

size_t families_reap(struct catalogue *catalogue)
{
    size_t kept = 0;
    size_t sorted = 0;
    if (catalogue->emptied == 0) {
        return 0;
    }
    catalogue->emptied = 0;
    for (size_t i = 0; i < catalogue->family_count; i++) {
        struct family *family = catalogue->families[i];
        if (!family->first) {
            free_family(catalogue, family);
            continue;
        }
        sorted += i < catalogue->sorted;
        catalogue->families[kept++] = family;
    }
    size_t reaped = catalogue->family_count - kept;
    catalogue->family_count = kept;
    catalogue->sorted = sorted;
    return reaped;
}

void families_free(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->family_count; i++) {
        struct family *family = catalogue->families[i];
        for (struct series *series = family->first; series;) {
            struct series *next = series->next;
            free(series);
            series = next;
        }
        free(family);
    }
    free(catalogue->families);
    catalogue->families = NULL;
    catalogue->family_count = catalogue->family_capacity = catalogue->sorted = 0;
}
