/* SPDX-License-Identifier: MIT
 *
 * The text form of a listening address: `127.0.0.1:8125`, `[::1]:8125`, `host.name:8125`, or
 * `:8125` for every address. Only the form is judged; names are not looked up. Thread-safe, no
 * allocation.
 */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>

/* NULL when the text is an address with a port from 0 to 65535, else what is wrong with it, as the
 * end of a sentence ("has no port"); a constant string. */
const char *config_address_fault(const char *text);

/* True where the port is 0, which asks the system for a free one. The text must be an address. */
bool config_address_picks_port(const char *text);

#endif
