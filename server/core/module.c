/* SPDX-License-Identifier: MIT */
#include "server/core/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SIGMAD_MODULE_FOLDER
#define SIGMAD_MODULE_FOLDER "/usr/lib/sigmad"
#endif

#define FOLDERS_MAX 3

struct folders {
    const char *paths[FOLDERS_MAX];
    size_t count;
    char beside[PATH_MAX]; /* the folder of the running program */
};

/* False where the system does not tell. */
static bool find_beside(char folder[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0) {
        return false;
    }
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = '\0';
    }
    return slash != NULL;
}

static void find_folders(struct folders *folders)
{
    const char *asked = secure_getenv(MODULE_PATH_VARIABLE);
    folders->count = 0;
    if (asked && *asked) {
        folders->paths[folders->count++] = asked;
    }
    if (find_beside(folders->beside)) {
        folders->paths[folders->count++] = folders->beside;
    }
    folders->paths[folders->count++] = SIGMAD_MODULE_FOLDER;
}

/* False where no folder has the file. */
static bool find_file(const struct folders *folders, const char *name, char path[PATH_MAX])
{
    for (size_t i = 0; i < folders->count; i++) {
        int length = snprintf(path, PATH_MAX, "%s/sigmad-%s.so", folders->paths[i], name);
        if (length > 0 && length < PATH_MAX && access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* `text` goes on behind "NAME needs the module NAME". */
static void refuse(char *reason, size_t size, const char *wanted_by, const char *name,
                   const char *text, const char *more)
{
    snprintf(reason, size, "%s needs the module %s, which %s%s", wanted_by, name, text, more);
}

static void refuse_missing(char *reason, size_t size, const char *wanted_by, const char *name,
                           const struct folders *folders)
{
    refuse(reason, size, wanted_by, name, "was not found: there is no ", "sigmad-");
    size_t length = strlen(reason);
    snprintf(reason + length, size - length, "%s.so in", name);
    for (size_t i = 0; i < folders->count; i++) {
        length = strlen(reason);
        snprintf(reason + length, size - length, "%s %s", i > 0 ? "," : "", folders->paths[i]);
    }
}

/* NULL where the module is what was asked for, else what is wrong with it. */
static const char *fault_of(const struct module *module, const char *name, enum module_kind kind)
{
    if (!module) {
        return "is no module of sigmad";
    }
    if (module->abi != MODULE_ABI || module->config_size != sizeof(struct config) ||
        strcmp(module->version, SIGMAD_VERSION) != 0) {
        return "is of another build";
    }
    if (strcmp(module->name, name) != 0 || module->kind != kind) {
        return "is another one";
    }
    return NULL;
}

const void *module_load(const char *name, enum module_kind kind, const char *wanted_by,
                        char *reason, size_t reason_size)
{
    struct folders folders;
    char path[PATH_MAX];
    find_folders(&folders);
    if (!find_file(&folders, name, path)) {
        refuse_missing(reason, reason_size, wanted_by, name, &folders);
        return NULL;
    }
    /* Everything is bound at once, so that what is missing is known now and not under load. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        refuse(reason, reason_size, wanted_by, name, "cannot be loaded: ", dlerror());
        return NULL;
    }
    const struct module *module = dlsym(handle, "sigmad_module");
    const char *fault = fault_of(module, name, kind);
    if (fault) {
        refuse(reason, reason_size, wanted_by, name, fault, ": ");
        size_t length = strlen(reason);
        snprintf(reason + length, reason_size - length, "%s", path);
        dlclose(handle);
        return NULL;
    }
    return module->offer;
}
