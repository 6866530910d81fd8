/* SPDX-License-Identifier: MIT
 *
 * Names of the functions at addresses of this process, static ones too, read from the symbol tables
 * of the program's file and of the shared objects it has loaded. The tables are read at the first
 * question and kept. A file that is not what it should be has no names. Main thread.
 */
#ifndef SERVER_MODULES_PROFILE_SYMBOLS_H
#define SERVER_MODULES_PROFILE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* The name, valid for as long as the module is, and its length; that of the file in square brackets
 * where it has no symbol there; NULL outside of all files. */
const char *symbols_find(uint64_t address, size_t *length);

#endif
