/* SPDX-License-Identifier: MIT
 *
 * Globs parted by commas, as one argument of a command holds them, each with or without a word
 * behind `=`: `mean,p9*` and `*.hits=higher,db.*=lower`. Of config/glob.h's kind. Pure functions,
 * no allocation; any thread.
 */
#ifndef TOOLS_SIGMACTL_GLOB_LIST_H
#define TOOLS_SIGMACTL_GLOB_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a glob with its closing NUL. */
#define GLOB_LIST_ITEM_MAX 600

struct glob_item {
    char glob[GLOB_LIST_ITEM_MAX];
    const char *word; /* behind the `=`, up to the comma; NULL where there is none */
    size_t word_length;
};

/* Takes the next item of *list and steps over it; false at the end. An item that is too long is
 * cut, which glob_list_fault() refuses. */
bool glob_list_next(const char **list, struct glob_item *item);

/* What is wrong with any of the globs, as the end of a sentence; NULL for nothing. */
const char *glob_list_fault(const char *list);

/* Whether one of the globs takes the whole text. */
bool glob_list_match(const char *list, const char *text, size_t length);

#endif
