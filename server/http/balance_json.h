/* SPDX-License-Identifier: MIT
 *
 * /api/v1/balance: the loss sheet as JSON, from what the kernel dropped to what the outputs have
 * written. A function of its input.
 */
#ifndef SERVER_HTTP_BALANCE_JSON_H
#define SERVER_HTTP_BALANCE_JSON_H

#include "server/core/buffer.h"
#include "server/http/own_figures.h"

void balance_json_write(const struct own_figures *figures, struct buffer *out);

#endif
