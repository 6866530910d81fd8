/* SPDX-License-Identifier: MIT
 *
 * A module for test_module.c: calls the program's own functions and has a thread-local variable.
 */
#include "server/core/buffer.h"
#include "server/core/module.h"
#include "tests/unit/core/greeter.h"

static _Thread_local unsigned greeted;

static unsigned greet(struct buffer *out, const char *whom)
{
    buffer_append_text(out, "hello ");
    buffer_append_text(out, whom);
    return ++greeted;
}

static const struct greeter offer = {.greet = greet};

MODULE_DEFINE("greeter", MODULE_SINK, &offer);
