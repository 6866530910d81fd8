/* SPDX-License-Identifier: MIT
 *
 * The document of /api/v1/trends, or of trend_csv.h, as a table for people. One thread.
 */
#ifndef TOOLS_SIGMACTL_TREND_TABLE_H
#define TOOLS_SIGMACTL_TREND_TABLE_H

#include <jansson.h>
#include <stdbool.h>

/* Writes it to standard output. False without memory. */
bool trend_table_print(json_t *document);

#endif
