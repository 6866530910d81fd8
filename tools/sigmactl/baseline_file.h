/* SPDX-License-Identifier: MIT
 *
 * The baseline file: JSON of one version, made by `sigmactl baseline update`, kept beside the code
 * it measures and edited by people. Reading finds every fault and says where: a syntax error as
 * FILE:LINE:COLUMN, nonsense as FILE with the path in the JSON, such as series[3].history[0].mean.
 * Keys that are not known are faults, since a misspelt one would be without effect in silence.
 * Entries are sorted by their keys, so that two files differ where their figures do. One thread;
 * the struct owns its entries.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_FILE_H
#define TOOLS_SIGMACTL_BASELINE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tools/sigmactl/baseline_model.h"

#define BASELINE_FILE_VERSION 1

struct baseline_file {
    double threshold; /* of entries without their own */
    struct baseline_entry *entries;
    size_t count, capacity;
    size_t sorted; /* of them, the first so many are in order, and are found */
};

/* Without entries. */
void baseline_file_init(struct baseline_file *file);
void baseline_file_deinit(struct baseline_file *file);

enum baseline_file_status { BASELINE_FILE_READ, BASELINE_FILE_MISSING, BASELINE_FILE_DAMAGED };

/* Reads it. Where it is damaged or cannot be read each fault is a line on `faults`; then, and where
 * it is missing, the struct has no entries. */
enum baseline_file_status baseline_file_read(struct baseline_file *file, const char *path,
                                             FILE *faults);

/* Replaces the file as a whole, or leaves it as it is: false with errno. */
bool baseline_file_write(const struct baseline_file *file, const char *path);

/* Appends an empty entry, to be initialised by the caller, which is found once they are sorted
 * again; NULL without memory. */
struct baseline_entry *baseline_file_append(struct baseline_file *file);
void baseline_file_sort(struct baseline_file *file);

/* NULL where there is none. */
struct baseline_entry *baseline_file_find(const struct baseline_file *file,
                                          const struct baseline_key *key);

/* The threshold that holds for an entry. */
double baseline_file_threshold(const struct baseline_file *file,
                               const struct baseline_entry *entry);

/* "lower", "higher", "none". */
const char *baseline_better_name(enum better better);
bool baseline_better_by_name(const char *name, enum better *better);

#endif
