/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "tests/unit/flush/store.h"

static unsigned resolve(struct store *store, enum statsd_type type, const char *name,
                        const char *tags, uint32_t *place)
{
    struct name_tags_text text = {name, tags, strlen(name), strlen(tags)};
    return registry_resolve(store->registry, type, TAGS_COLON, &text, place);
}

static uint32_t index_of(struct store *store, enum statsd_type type, const char *name,
                         const char *tags)
{
    uint32_t place = UINT32_MAX;
    assert_int_equal(resolve(store, type, name, tags, &place), 0);
    assert_int_equal(place_kind(place), metric_kind_of(type));
    return place_index(place);
}

static const struct identity *identity_at(struct store *store, enum metric_kind kind,
                                          uint32_t index)
{
    return registry_identity_at(store->registry, place_make(kind, index));
}

static struct identity *remove_at(struct store *store, enum metric_kind kind, uint32_t index)
{
    return registry_remove(store->registry, kind, index, store->cache);
}

static void every_spelling_leads_to_one_series(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 0);
    uint32_t index = index_of(store, STATSD_COUNTER, "n", "a:1,b,c:");
    static const char *const spellings[] = {"b,a:1,c", "#c,#b,#a:1", "b,b,,a:1,c:", "c:,b:,a:1"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(index_of(store, STATSD_COUNTER, "n", spellings[i]), index);
    }
    const struct series *series = registry_at(store->registry, METRIC_COUNTER, index);
    assert_int_equal(series->holders, 5);
    assert_int_equal(store->registry->series_count, 1);
    store_free(store);
}

static void types_are_series_of_their_own(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 0);
    uint32_t ms = index_of(store, STATSD_TIMER, "n", "");
    uint32_t h = index_of(store, STATSD_HISTOGRAM, "n", "");
    uint32_t d = index_of(store, STATSD_DISTRIBUTION, "n", "");
    assert_true(ms != h && h != d && ms != d);
    assert_int_equal(index_of(store, STATSD_COUNTER, "n", ""), 0);
    assert_int_equal(store->registry->series_count, 4);
    assert_int_equal(store->registry->series_by_type[STATSD_HISTOGRAM], 1);
    assert_int_equal(registry_count(store->registry, METRIC_TIMER), 3);
    store_free(store);
}

static void own_tags_are_added_where_the_sender_has_no_such_key(void **state)
{
    (void)state;
    const char *overrides[] = {"metrics.tags=dc:fra,host:h1", NULL};
    struct store *store = store_new(overrides, 0);
    static const struct {
        const char *sent, *canonical;
    } cases[] = {
        {"", "dc=fra;host=h1"},
        {"z:1", "dc=fra;host=h1;z=1"},
        {"host:mine", "dc=fra;host=mine"},
        {"host", "dc=fra;host"},
        {"dc:a,dc:b", "dc=a;dc=b;host=h1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t index = index_of(store, STATSD_GAUGE, "n", cases[i].sent);
        const struct identity *identity = identity_at(store, METRIC_GAUGE, index);
        struct tag tags[IDENTITY_TAGS_MAX];
        char text[256];
        identity_tags(identity, tags);
        text[tags_format_csv(text, tags, identity->tag_count)] = '\0';
        assert_string_equal(text, cases[i].canonical);
    }
    store_free(store);
}

static void too_many_tags_are_refused(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_tags=3", "metrics.tags=own:1", NULL};
    struct store *store = store_new(overrides, 0);
    uint32_t index;
    assert_int_equal(resolve(store, STATSD_GAUGE, "n", "a,b,c", &index), 0);
    assert_int_equal(resolve(store, STATSD_GAUGE, "n", "a,b,c,d", &index), LOSS_TOO_MANY_TAGS);
    store_free(store);
}

static void the_series_limit_refuses_new_names_only(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_series=3", NULL};
    struct store *store = store_new(overrides, 0);
    uint32_t index;
    index_of(store, STATSD_COUNTER, "a", "");
    index_of(store, STATSD_GAUGE, "a", "");
    uint32_t timer = index_of(store, STATSD_TIMER, "a", "");
    uint64_t bytes = pool_bytes(store->pool);
    assert_int_equal(resolve(store, STATSD_SET, "a", "", &index), LOSS_SERIES_LIMIT);
    assert_int_equal(resolve(store, STATSD_COUNTER, "b", "", &index), LOSS_SERIES_LIMIT);
    assert_int_equal(index_of(store, STATSD_TIMER, "a", ""), timer);
    assert_int_equal(pool_bytes(store->pool), bytes);
    assert_int_equal(registry_take_refused(store->registry), 2);
    assert_int_equal(registry_take_refused(store->registry), 0);
    store_free(store);
}

static void the_memory_budget_refuses_and_takes_nothing(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.memory=1MiB", NULL};
    struct store *store = store_new(overrides, 0);
    unsigned loss = 0, count = 0;
    for (; loss == 0; count++) {
        char name[600];
        uint32_t index;
        snprintf(name, sizeof(name), "%0500u", count);
        loss = resolve(store, STATSD_COUNTER, name, "", &index);
    }
    assert_int_equal(loss, LOSS_MEMORY_LIMIT);
    assert_true(count > 1500 && pool_bytes(store->pool) <= 1 << 20);
    assert_int_equal(store->registry->series_count, count - 1);
    store_free(store);
}

static void removal_waits_for_the_last_local_id(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 0);
    uint32_t index = index_of(store, STATSD_SET, "n", "");
    index_of(store, STATSD_SET, "n", "");
    assert_null(remove_at(store, METRIC_SET, index));
    registry_release(store->registry, place_make(METRIC_SET, index));
    assert_null(remove_at(store, METRIC_SET, index));
    registry_release(store->registry, place_make(METRIC_SET, index));
    struct identity *identity = remove_at(store, METRIC_SET, index);
    assert_non_null(identity);
    assert_memory_equal(identity_name(identity), "n", 1);
    uint32_t line = identity->line;
    registry_free_identity(store->registry, identity);
    assert_int_equal(store->registry->series_count, 0);
    /* Identities come from a chunk, whose lines are used again. */
    assert_int_equal(pool_bytes(store->pool), LINES_CHUNK * LINE_BYTES);
    assert_int_equal(index_of(store, STATSD_SET, "m", ""), index);
    assert_int_equal(identity_at(store, METRIC_SET, index)->line, line);
    store_free(store);
}

static void a_reused_index_has_a_new_generation_and_no_past(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 0);
    uint32_t index = index_of(store, STATSD_COUNTER, "old", "");
    struct counter_series *counter = registry_at(store->registry, METRIC_COUNTER, index);
    uint32_t generation = identity_at(store, METRIC_COUNTER, index)->generation;
    counter->total = 5;
    counter->series.seen_ns = 9;
    counter->series.expired = true;
    registry_release(store->registry, place_make(METRIC_COUNTER, index));
    registry_free_identity(store->registry, remove_at(store, METRIC_COUNTER, index));
    assert_null(registry_identity(store->registry, &counter->series));
    assert_int_equal(index_of(store, STATSD_COUNTER, "new", ""), index);
    assert_int_not_equal(identity_at(store, METRIC_COUNTER, index)->generation, generation);
    assert_int_equal(counter->total * 8, 0);
    assert_int_equal(counter->series.seen_ns, 0);
    assert_false(counter->series.expired);
    assert_null(registry_identity(store->registry, &counter->series));
    store_free(store);
}

#define MODEL_NAMES 300

struct model {
    bool known;
    uint32_t index, holders, generation;
};

static void check_known(struct store *store, const struct model *model, unsigned name)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", name);
    const struct identity *identity = identity_at(store, METRIC_COUNTER, model->index);
    assert_true(store_is(identity, text));
    assert_int_equal(identity->index, model->index);
    assert_int_equal(identity->generation, model->generation);
}

static void resolve_in(struct store *store, struct model *model, unsigned name)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", name);
    uint32_t index = index_of(store, STATSD_COUNTER, text, "");
    if (model->known) {
        assert_int_equal(index, model->index);
    }
    model->index = index;
    model->known = true;
    model->holders++;
    model->generation = identity_at(store, METRIC_COUNTER, index)->generation;
}

static void agrees_with_a_map_under_random_use(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 0);
    static struct model models[MODEL_NAMES];
    uint64_t seed = 99;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned name = (unsigned)(store_random(&seed) % MODEL_NAMES);
        struct model *model = &models[name];
        if (store_random(&seed) % 3 == 0) {
            resolve_in(store, model, name);
        } else if (model->holders > 0) {
            registry_release(store->registry, place_make(METRIC_COUNTER, model->index));
            model->holders--;
        } else if (model->known) {
            struct identity *identity = remove_at(store, METRIC_COUNTER, model->index);
            assert_non_null(identity);
            registry_free_identity(store->registry, identity);
            model->known = false;
        }
        if (model->known) {
            check_known(store, model, name);
        }
    }
    size_t known = 0;
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        known += models[i].known;
    }
    assert_int_equal(store->registry->series_count, known);
    assert_true(registry_count(store->registry, METRIC_COUNTER) <= MODEL_NAMES);
    store_free(store);
}

struct resolver {
    struct store *store;
    uint32_t indexes[2000];
    uint64_t seed;
};

static void *resolve_all(void *context)
{
    struct resolver *resolver = context;
    for (unsigned i = 0; i < 2000; i++) {
        char name[16];
        unsigned which = (unsigned)(store_random(&resolver->seed) % 2000);
        uint32_t index;
        snprintf(name, sizeof(name), "%u", which);
        if (resolve(resolver->store, STATSD_GAUGE, name, "", &index) == 0) {
            resolver->indexes[which] = index + 1;
        }
    }
    return NULL;
}

static void threads_that_resolve_one_name_get_one_series(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 0);
    static struct resolver resolvers[2];
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        resolvers[i] = (struct resolver){.store = store, .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, resolve_all, &resolvers[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < 2000; i++) {
        if (resolvers[0].indexes[i] && resolvers[1].indexes[i]) {
            assert_int_equal(resolvers[0].indexes[i], resolvers[1].indexes[i]);
        }
    }
    assert_int_equal(store->registry->series_count, registry_count(store->registry, METRIC_GAUGE));
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_leads_to_one_series),
        cmocka_unit_test(types_are_series_of_their_own),
        cmocka_unit_test(own_tags_are_added_where_the_sender_has_no_such_key),
        cmocka_unit_test(too_many_tags_are_refused),
        cmocka_unit_test(the_series_limit_refuses_new_names_only),
        cmocka_unit_test(the_memory_budget_refuses_and_takes_nothing),
        cmocka_unit_test(removal_waits_for_the_last_local_id),
        cmocka_unit_test(a_reused_index_has_a_new_generation_and_no_past),
        cmocka_unit_test(agrees_with_a_map_under_random_use),
        cmocka_unit_test(threads_that_resolve_one_name_get_one_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
