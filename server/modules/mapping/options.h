/* SPDX-License-Identifier: MIT
 *
 * What a mapping file says of how timers are shown, and for how long a series is: observer_type,
 * summary_options, histogram_options, ttl. The same keys stand in `defaults` and in a rule.
 */
#ifndef SERVER_MODULES_MAPPING_OPTIONS_H
#define SERVER_MODULES_MAPPING_OPTIONS_H

#include "server/core/mapping.h"
#include "server/modules/mapping/document.h"
#include "server/modules/mapping/memory.h"

struct options_reader {
    struct document *document;
    struct memory *memory;
    struct mapping_options *options;
    const yaml_node_t *summary;   /* where summary_options are; NULL = nowhere */
    const yaml_node_t *histogram; /* the same */
};

/* Reads one of the keys above. False when the key is another one; faults are written. */
bool options_read(struct options_reader *reader, const char *key, yaml_node_t *value);

/* Fills in what a rule leaves to the defaults, and checks that it has no options of the other
 * observer. */
void options_complete(struct options_reader *reader, const struct mapping_options *defaults);

/* One of `words` (the last is NULL) by its index; a fault, and `index` as it was, for others. */
void options_read_word(struct document *document, const char *key, yaml_node_t *value,
                       const char *const *words, unsigned *index);

#endif
