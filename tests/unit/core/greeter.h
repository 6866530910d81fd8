/* SPDX-License-Identifier: MIT
 *
 * What the module that test_module.c loads offers.
 */
#ifndef TESTS_UNIT_CORE_GREETER_H
#define TESTS_UNIT_CORE_GREETER_H

struct buffer;

struct greeter {
    /* Appends a greeting; returns how often this thread has been here. */
    unsigned (*greet)(struct buffer *out, const char *whom);
};

#endif
