/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sigmactl/flame.h"
#include "tools/sigmactl/stacks.h"

/* Two stacks with a common caller, then the mark of the end. */
static const uint64_t cpu[] = {0, 3, 0, 10000, 0, 5, 2, 0x10, 0x31, 2, 2, 0x20, 0x31, 0, 1, 0};

static void a_cpu_profile_is_read(void **state)
{
    struct stacks stacks;
    const char *fault;
    (void)state;
    assert_true(stacks_read_cpu(&stacks, (const char *)cpu, sizeof(cpu), &fault));
    assert_int_equal(stacks.count, 2);
    assert_int_equal(stacks.weight, 7);
    assert_int_equal(stacks.period_us, 10000);
    assert_int_equal(stacks.items[0].frames[0], 0x10);
    assert_int_equal(stacks.items[0].frames[1], 0x30); /* the call, not the return */
    stacks_deinit(&stacks);
}

static void a_profile_cut_anywhere_is_refused(void **state)
{
    const size_t whole = sizeof(cpu) - 2; /* a byte of the mark's last word may be missing */
    (void)state;
    for (size_t length = 0; length < whole - 8; length++) {
        struct stacks stacks;
        const char *fault = NULL;
        char *bytes = malloc(length + 1);
        memcpy(bytes, cpu, length);
        assert_false(stacks_read_cpu(&stacks, bytes, length, &fault));
        assert_non_null(fault);
        stacks_deinit(&stacks);
        free(bytes);
    }
}

static void counts_beyond_the_bytes_are_refused(void **state)
{
    static const uint64_t bad[] = {0, 3, 0, 1, 0, 1, UINT64_MAX, 1, 0, 1, 0};
    static const uint64_t head[] = {0, UINT64_MAX, 0, 1, 0};
    struct stacks stacks;
    const char *fault;
    (void)state;
    assert_false(stacks_read_cpu(&stacks, (const char *)bad, sizeof(bad), &fault));
    stacks_deinit(&stacks);
    assert_false(stacks_read_cpu(&stacks, (const char *)head, sizeof(head), &fault));
    stacks_deinit(&stacks);
}

static void a_heap_profile_is_read_up_to_its_blank_line(void **state)
{
    static const char text[] = "heap profile: 3: 300 [ 4: 400] @ heapprofile\n"
                               "  1:  100 [ 2: 200] @ 0x11 0x31\n 2: 200 [2: 200] @ 0x21\n"
                               "nonsense\n\nMAPPED_LIBRARIES:\n1: 5 [1: 5] @ 0x99\n";
    struct stacks stacks;
    const char *fault;
    (void)state;
    assert_true(stacks_read_heap(&stacks, text, strlen(text), &fault));
    assert_int_equal(stacks.count, 2);
    assert_int_equal(stacks.weight, 300);
    assert_int_equal(stacks.items[0].frames[0], 0x10);
    assert_int_equal(stacks.items[0].frames[1], 0x30);
    stacks_deinit(&stacks);
    assert_false(stacks_read_heap(&stacks, "x", 1, &fault));
    stacks_deinit(&stacks);
}

static struct call *tree(struct stacks *stacks, char *const *names)
{
    const char *fault;
    size_t count;
    assert_true(stacks_read_cpu(stacks, (const char *)cpu, sizeof(cpu), &fault));
    uint64_t *addresses = stacks_addresses(stacks, &count);
    assert_int_equal(count, 3);
    struct call *root = stacks_tree(stacks, addresses, names, count);
    free(addresses);
    return root;
}

static void stacks_are_joined_by_name_and_folded(void **state)
{
    char leaf[] = "leaf", other[] = "other", caller[] = "caller";
    char *const names[] = {leaf, other, caller};
    struct stacks stacks;
    struct buffer out = {0};
    struct call *root = tree(&stacks, names);
    (void)state;
    assert_int_equal(root->weight, 7);
    assert_string_equal(root->first->name, "caller");
    assert_int_equal(root->first->weight, 7);
    flame_write_folded(root, &out);
    buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, "caller;leaf 5\ncaller;other 2\n");
    buffer_deinit(&out);
    call_free(root);
    stacks_deinit(&stacks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cpu_profile_is_read),
        cmocka_unit_test(a_profile_cut_anywhere_is_refused),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused),
        cmocka_unit_test(a_heap_profile_is_read_up_to_its_blank_line),
        cmocka_unit_test(stacks_are_joined_by_name_and_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
