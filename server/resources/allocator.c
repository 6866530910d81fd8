/* SPDX-License-Identifier: MIT */
#include "server/resources/allocator.h"

#include <malloc.h>

void allocator_figures_read(struct allocator_figures *figures)
{
    struct mallinfo2 info = mallinfo2();
    figures->used_bytes = info.uordblks + info.hblkhd;
    figures->free_bytes = info.fordblks;
}
