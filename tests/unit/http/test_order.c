/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/catalogue.h"
#include "server/http/order.h"
#include "tests/unit/random.h"

#define FAMILIES_MAX 6000
#define NAME_MAX_BYTES 64

static uint64_t seed = UINT64_C(88172645463325252);

static struct family *make_family(const char *name)
{
    struct family *family = calloc(1, sizeof(*family) + strlen(name) + 1);
    assert_non_null(family);
    memcpy(family->text, name, strlen(name) + 1);
    family->name_length = (uint32_t)strlen(name);
    return family;
}

/* Long common beginnings, names that begin others, every length around the eight bytes of a key. */
static void make_name(char out[NAME_MAX_BYTES], size_t number)
{
    static const char *const beginnings[] = {"", "k", "service_", "service_requests_",
                                             "service_requests_route_by_status_"};
    const char *beginning = beginnings[random_next(&seed) % 5];
    snprintf(out, NAME_MAX_BYTES, "%s%zx%.*s", beginning, number, (int)(random_next(&seed) % 20),
             "zzzzzzzzzzzzzzzzzzzz");
}

static int compare(const void *left, const void *right)
{
    const struct family *a = *(struct family *const *)left;
    const struct family *b = *(struct family *const *)right;
    return strcmp(a->text, b->text);
}

/* Sorts `added` more families behind `sorted` ones with so much work a step, and holds the outcome
 * against qsort(). */
static void assert_sorts(size_t sorted, size_t added, size_t work_a_step)
{
    static struct family *families[FAMILIES_MAX];
    static struct family *expected[FAMILIES_MAX];
    size_t count = sorted + added;
    assert_true(count <= FAMILIES_MAX);
    for (size_t i = 0; i < count; i++) {
        char name[NAME_MAX_BYTES];
        make_name(name, i);
        families[i] = make_family(name);
    }
    qsort(families, sorted, sizeof(*families), compare);
    memcpy(expected, families, sizeof(families));
    qsort(expected, count, sizeof(*expected), compare);
    struct order order;
    order_begin(&order, families, sorted, count);
    size_t work = work_a_step;
    while (!order_step(&order, families, &work)) {
        assert_int_equal(work, 0);
        work = work_a_step;
    }
    assert_memory_equal(families, expected, count * sizeof(*families));
    for (size_t i = 0; i < count; i++) {
        free(families[i]);
    }
}

static void names_come_into_the_order_of_qsort(void **state)
{
    (void)state;
    for (size_t count = 0; count < 40; count++) {
        assert_sorts(0, count, SIZE_MAX);
    }
    assert_sorts(0, FAMILIES_MAX, SIZE_MAX);
}

static void few_are_merged_in_and_many_sorted_anew(void **state)
{
    (void)state;
    assert_sorts(1000, 0, SIZE_MAX);
    assert_sorts(1000, 1, SIZE_MAX);
    assert_sorts(1000, 200, SIZE_MAX);
    assert_sorts(1000, 3000, SIZE_MAX);
    for (size_t i = 0; i < 50; i++) {
        assert_sorts(random_next(&seed) % 100, random_next(&seed) % 100, SIZE_MAX);
    }
}

static void the_work_can_be_done_in_any_pieces(void **state)
{
    (void)state;
    assert_sorts(0, 5000, 1);
    assert_sorts(4000, 500, 1);
    assert_sorts(4000, 500, 7);
    assert_sorts(100, 5000, 100);
}

/* In one direction, and all with 32 bytes in common. */
static void names_in_order_take_no_longer_than_others(void **state)
{
    (void)state;
    static struct family *families[FAMILIES_MAX];
    for (size_t i = 0; i < FAMILIES_MAX; i++) {
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof(name), "service_requests_route_by_status_%06zu", FAMILIES_MAX - i);
        families[i] = make_family(name);
    }
    struct order order;
    order_begin(&order, families, 0, FAMILIES_MAX);
    size_t work = (size_t)100 * FAMILIES_MAX;
    assert_true(order_step(&order, families, &work));
    for (size_t i = 0; i < FAMILIES_MAX; i++) {
        assert_true(i == 0 || strcmp(families[i - 1]->text, families[i]->text) < 0);
    }
    for (size_t i = 0; i < FAMILIES_MAX; i++) {
        free(families[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_into_the_order_of_qsort),
        cmocka_unit_test(few_are_merged_in_and_many_sorted_anew),
        cmocka_unit_test(the_work_can_be_done_in_any_pieces),
        cmocka_unit_test(names_in_order_take_no_longer_than_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
