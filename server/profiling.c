/* SPDX-License-Identifier: MIT */
#include "server/profiling.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/core/module.h"
#include "server/core/profile.h"

#define LIBRARY "libtcmalloc.so.4"

/* Says that the program was executed again, so that it is not for ever. */
#define MARK "HEAP_PROFILER_OF_SIGMAD"

/* Profiles are asked for; the profiler is not to write files on its own. */
static const char *const no_dumps[] = {
    "HEAP_PROFILE_ALLOCATION_INTERVAL",
    "HEAP_PROFILE_DEALLOCATION_INTERVAL",
    "HEAP_PROFILE_INUSE_INTERVAL",
    "HEAP_PROFILE_TIME_INTERVAL",
};

static void preload(void)
{
    char list[1024];
    const char *before = getenv("LD_PRELOAD");
    snprintf(list, sizeof(list), "%s%s%s", LIBRARY, before ? ":" : "", before ? before : "");
    setenv("LD_PRELOAD", list, 1);
    for (size_t i = 0; i < sizeof(no_dumps) / sizeof(*no_dumps); i++) {
        setenv(no_dumps[i], "0", 1);
    }
    setenv(MARK, "1", 1);
}

/* Programs that this one starts have their own malloc(). */
static void tidy(void)
{
    pthread_setname_np(pthread_self(), "sigmad"); /* not "exe" */
    unsetenv(MARK);
    unsetenv("LD_PRELOAD");
    for (size_t i = 0; i < sizeof(no_dumps) / sizeof(*no_dumps); i++) {
        unsetenv(no_dumps[i]);
    }
}

void profiling_begin(const struct config *config, char **argv)
{
    if (getenv(MARK)) {
        tidy();
    } else if (config->profiling.enabled && config->profiling.heap) {
        preload();
        execv("/proc/self/exe", argv);
        tidy();
    }
}

bool profiling_load(const struct config *config, const struct profile_module **module, char *reason,
                    size_t reason_size)
{
    char frequency[16];
    *module = NULL;
    if (!config->profiling.enabled) {
        return true;
    }
    /* libprofiler reads it when it is loaded. */
    snprintf(frequency, sizeof(frequency), "%u", config->profiling.frequency);
    setenv("CPUPROFILE_FREQUENCY", frequency, 1);
    *module = module_load("profile", MODULE_PROFILE, "profiling.enabled", reason, reason_size);
    unsetenv("CPUPROFILE_FREQUENCY");
    return *module != NULL;
}
