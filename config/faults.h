/* SPDX-License-Identifier: MIT
 *
 * The faults of one loading: collected as they are found, written at the end in the order in which
 * a reader meets them (file by line, then environment, then --set). Belongs to one thread.
 */
#ifndef CONFIG_FAULTS_H
#define CONFIG_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* In rising precedence. */
enum config_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_OVERRIDE };

/* Where a value was written. The name is borrowed: the file's path, the variable, SECTION.KEY of a
 * --set, or SECTION.KEY of a default. Line 0 stands for the file as a whole. */
struct config_origin {
    enum config_source source;
    unsigned line;
    const char *name;
};

struct config_fault {
    enum config_source source;
    unsigned line;
    size_t sequence;
    char *text;
};

struct config_faults {
    struct config_fault *items;
    size_t count;
    size_t capacity;
    bool out_of_memory;
};

/* Adds `ORIGIN: message`. Control characters are replaced by '?', so that a fault is always one
 * line. */
void config_faults_add(struct config_faults *faults, const struct config_origin *origin,
                       const char *format, ...) __attribute__((format(printf, 3, 4)));

/* True when there is one, running out of memory included. */
bool config_faults_any(const struct config_faults *faults);

/* Sorts and writes them, one a line. */
void config_faults_write(struct config_faults *faults, FILE *out);

/* Frees what was collected; the struct is the caller's. */
void config_faults_deinit(struct config_faults *faults);

#endif
