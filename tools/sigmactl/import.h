/* SPDX-License-Identifier: MIT
 *
 * The servers that sigmad can take the place of, a file each: from what was read of their
 * configuration to the settings that mean the same, and a remark for each that has no counterpart.
 * Nothing here reads files. One thread.
 */
#ifndef TOOLS_SIGMACTL_IMPORT_H
#define TOOLS_SIGMACTL_IMPORT_H

#include <jansson.h>

#include "tools/sigmactl/import_draft.h"

/* etsy statsd: the object of config.js (exampleConfig.js of version 0.10 lists the keys). */
void import_etsy(json_t *config, struct draft *draft);

/* brubeck: the object of config.default.json. */
void import_brubeck(json_t *config, struct draft *draft);
bool import_is_brubeck(const json_t *config);

/* statsd_exporter: the words of its command line, with or without the program's name. */
void import_exporter(char *const *words, size_t count, struct draft *draft);

/* For them all: the string, or what stands for it where there is none or of another type. */
const char *import_text(const json_t *object, const char *key, const char *otherwise);
/* Numbers as text come from older files, and are taken. */
double import_number(const json_t *object, const char *key, double otherwise);

#endif
