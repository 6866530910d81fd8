/* SPDX-License-Identifier: MIT
 *
 * A tree of calls as a flame graph, one self-contained SVG file: callers above what they call,
 * widths by weight, the figures of each in its tooltip; in a browser its script (flame.js) zooms
 * and searches, elsewhere the picture stands without it. And as folded stacks, a line
 * `a;b;c WEIGHT` each, which other tools draw. Functions of their input.
 */
#ifndef TOOLS_SIGMACTL_FLAME_H
#define TOOLS_SIGMACTL_FLAME_H

#include <stdint.h>

#include "server/core/buffer.h"
#include "tools/sigmactl/stacks.h"

struct flame {
    const char *title;
    uint64_t period_us; /* of a sample; 0: weights are bytes */
};

void flame_write_svg(const struct flame *flame, const struct call *root, struct buffer *out);
void flame_write_folded(const struct call *root, struct buffer *out);

#endif
