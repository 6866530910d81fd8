/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/alias.h"

#include <stdlib.h>

static void set_column(struct alias_column *column, double share, uint32_t alias)
{
    column->threshold = (uint32_t)(share * (1 << ALIAS_THRESHOLD_BITS) + 0.5);
    column->alias = alias;
}

/* `order` holds the columns below the average from its start and the others from its end. */
static uint32_t part_columns(const double *weights, uint32_t count, uint32_t *order)
{
    uint32_t below = 0;
    uint32_t above = count;
    for (uint32_t i = 0; i < count; i++) {
        if (weights[i] < 1) {
            order[below++] = i;
        } else {
            order[--above] = i;
        }
    }
    return below;
}

bool alias_build(struct alias_column *columns, double *weights, uint32_t count)
{
    uint32_t *order = malloc(count * sizeof(*order));
    if (!order) {
        return false;
    }
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        weights[i] *= (double)count / sum;
    }
    uint32_t below = part_columns(weights, count, order);
    uint32_t above = below;
    while (below > 0 && above < count) {
        uint32_t poor = order[--below];
        uint32_t rich = order[above];
        set_column(&columns[poor], weights[poor], rich);
        weights[rich] -= 1 - weights[poor];
        if (weights[rich] < 1) {
            order[below++] = rich;
            above++;
        }
    }
    /* What is left on either side is 1 but for rounding. */
    while (below > 0) {
        uint32_t column = order[--below];
        set_column(&columns[column], 1, column);
    }
    for (; above < count; above++) {
        set_column(&columns[order[above]], 1, order[above]);
    }
    free(order);
    return true;
}
