/* SPDX-License-Identifier: MIT
 *
 * The text of a log line: logfmt, with values that hold blanks, quotes, '=' or control characters
 * quoted and escaped, so that a line stays one line whatever is in it. Writes to the caller's
 * memory only; any thread.
 */
#ifndef SERVER_CORE_LOG_FORMAT_H
#define SERVER_CORE_LOG_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include "config/config.h"

/* As much as a pipe takes in one piece (PIPE_BUF), so that lines of several writers never mix. */
#define LOG_LINE_BYTES_MAX 4096

/* `message`, then pairs of key and value, ended by NULL, stamped with the wall clock. The line ends
 * in LF and is not NUL-terminated; one too long is cut. Returns its length. */
size_t log_format(char bytes[LOG_LINE_BYTES_MAX], enum config_log_level level, const char *message,
                  va_list pairs);

/* As vprintf() writes it, with an LF and nothing else around it, cut when too long. Returns the
 * length. */
size_t log_format_plain(char bytes[LOG_LINE_BYTES_MAX], const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

#endif
