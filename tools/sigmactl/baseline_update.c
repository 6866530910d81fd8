/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_update.h"

#include <math.h>

#include "tools/sigmactl/baseline_better.h"

void baseline_wishes_apply(const struct baseline_wishes *wishes, struct baseline_file *file)
{
    bool other = !isnan(wishes->threshold);
    file->threshold = other ? wishes->threshold : file->threshold;
    for (size_t i = 0; i < file->count; i++) {
        struct baseline_entry *entry = &file->entries[i];
        enum better better = entry->better;
        baseline_better_asked(wishes->better, entry->key.metric, &better);
        bool turned = better != entry->better;
        bool own = entry->pinned || !isnan(entry->threshold);
        entry->better = better;
        if (turned || (other && !own)) {
            baseline_entry_limit(entry, baseline_file_threshold(file, entry));
        }
    }
}

static struct baseline_entry *make_entry(struct baseline_update *update, struct baseline_file *file,
                                         const struct baseline_key *key)
{
    struct baseline_entry *entry = baseline_file_append(file);
    enum better better = baseline_better_usual(update->config, key);
    baseline_better_asked(update->wishes->better, key->metric, &better);
    update->made++;
    return entry && baseline_entry_init(entry, key, better) ? entry : NULL;
}

static bool take(struct baseline_update *update, struct baseline_file *file,
                 const struct baseline_measure *measure)
{
    struct baseline_entry *entry = baseline_file_find(file, &measure->key);
    bool known;
    if (entry && update->reset) {
        baseline_entry_reset(entry);
    }
    entry = entry ? entry : make_entry(update, file, &measure->key);
    if (!entry || !baseline_entry_add(entry, &measure->run, &known)) {
        return false;
    }
    update->known += known;
    update->taken += !known;
    if (!entry->pinned) {
        baseline_entry_limit(entry, baseline_file_threshold(file, entry));
    }
    return true;
}

bool baseline_update_run(struct baseline_update *update, struct baseline_file *file,
                         const struct baseline_measures *measures)
{
    baseline_wishes_apply(update->wishes, file);
    for (size_t i = 0; i < measures->count; i++) {
        if (!measures->items[i].few && !take(update, file, &measures->items[i])) {
            return false;
        }
    }
    baseline_file_sort(file);
    return true;
}
