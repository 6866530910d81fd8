/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/glob_list.h"

#include <string.h>

#include "config/glob.h"

bool glob_list_next(const char **list, struct glob_item *item)
{
    const char *at = *list;
    if (*at == '\0') {
        return false;
    }
    size_t length = strcspn(at, ",");
    const char *equals = memrchr(at, '=', length);
    size_t taken = equals ? (size_t)(equals - at) : length;
    taken = taken < sizeof(item->glob) ? taken : sizeof(item->glob) - 1;
    memcpy(item->glob, at, taken);
    item->glob[taken] = '\0';
    item->word = equals ? equals + 1 : NULL;
    item->word_length = equals ? (size_t)(at + length - equals - 1) : 0;
    *list = at[length] == ',' ? at + length + 1 : at + length;
    return true;
}

const char *glob_list_fault(const char *list)
{
    struct glob_item item;
    while (glob_list_next(&list, &item)) {
        const char *fault = strlen(item.glob) + 1 == sizeof(item.glob)
                                ? "has a glob that is too long"
                                : glob_fault(item.glob);
        if (fault) {
            return fault;
        }
    }
    return NULL;
}

bool glob_list_match(const char *list, const char *text, size_t length)
{
    struct glob_item item;
    while (glob_list_next(&list, &item)) {
        if (glob_match(item.glob, text, length)) {
            return true;
        }
    }
    return false;
}
