/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define PERIOD_NS 200000000
#define ERASE_LINE "\r\033[K"

void progress_start(struct progress *progress)
{
    *progress = (struct progress){.active = isatty(STDERR_FILENO) == 1};
}

bool progress_is_due(struct progress *progress, uint64_t now_ns)
{
    if (!progress->active || now_ns < progress->next_ns) {
        return false;
    }
    progress->next_ns = now_ns + PERIOD_NS;
    return true;
}

void progress_show(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs(ERASE_LINE, stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

void progress_stop(struct progress *progress)
{
    if (progress->active) {
        fputs(ERASE_LINE, stderr);
        progress->active = false;
    }
}
