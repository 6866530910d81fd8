/* SPDX-License-Identifier: MIT
 *
 * Profiles of gperftools: whatever the bytes, reading stays within them, the weights of the stacks
 * add up, and what was read can be drawn.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "tools/sigmactl/flame.h"
#include "tools/sigmactl/stacks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const struct stacks *stacks)
{
    static char name[] = "f<";
    struct buffer out = {0};
    size_t count;
    uint64_t *addresses = stacks_addresses(stacks, &count);
    char **names = calloc(count + 1, sizeof(*names));
    REQUIRE(addresses && names);
    for (size_t i = 0; i < count; i++) {
        names[i] = name;
    }
    struct call *root = stacks_tree(stacks, addresses, names, count);
    REQUIRE(root);
    flame_write_folded(root, &out);
    flame_write_svg(&(struct flame){"t", stacks->period_us}, root, &out);
    REQUIRE(!out.failed);
    buffer_deinit(&out);
    call_free(root);
    free(names);
    free(addresses);
}

static void check(struct stacks *stacks, bool right)
{
    uint64_t weight = 0;
    for (size_t i = 0; i < stacks->count; i++) {
        REQUIRE(stacks->items[i].count >= 1 && stacks->items[i].count <= STACK_FRAMES_MAX);
        weight += stacks->items[i].weight;
    }
    REQUIRE(weight == stacks->weight);
    if (right) {
        draw(stacks);
    }
    stacks_deinit(stacks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stacks stacks;
    const char *fault;
    const char *bytes = (const char *)data;
    bool right = stacks_read_cpu(&stacks, bytes, size, &fault);
    check(&stacks, right);
    right = stacks_read_heap(&stacks, bytes, size, &fault);
    check(&stacks, right);
    return 0;
}
