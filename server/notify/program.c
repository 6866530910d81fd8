/* SPDX-License-Identifier: MIT
 *
 * Each notification has a child of its own (exec_child.h), since its environment is another. It is
 * kept until the next begins: it cannot go within its own call.
 */
#include "server/notify/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sink/exec_child.h"

extern char **environ;

struct program {
    struct channel channel; /* must be first */
    struct event_base *base;
    channel_done *done;
    void *context;
    char *name;
    struct config_strings command;
    uint64_t deadline_ms;
    /* Of the request in hand: */
    struct carrier *child;
    char **environment;
    struct blocks input;
};

static void end_run(struct program *program)
{
    if (program->child) {
        program->child->ops->free(program->child);
        program->child = NULL;
    }
    program_environment_free(program->environment);
    program->environment = NULL;
    blocks_deinit(&program->input);
    program->input = (struct blocks){0};
}

static void on_done(void *context, const struct carrier_outcome *outcome)
{
    struct program *program = context;
    struct channel_outcome told = {
        .taken = outcome->delivered,
        .again = !outcome->delivered,
        .sent_bytes = outcome->sent,
    };
    memcpy(told.reason, outcome->reason, sizeof(told.reason));
    program->done(program->context, &told);
}

_Static_assert(sizeof(((struct carrier_outcome *)NULL)->reason) ==
                   sizeof(((struct channel_outcome *)NULL)->reason),
               "reasons are copied whole");

static bool begin(struct program *program, const struct channel_request *request)
{
    char *room = blocks_begin(&program->input, request->length);
    if (room) {
        memcpy(room, request->bytes, request->length);
        blocks_add(&program->input, request->length);
    }
    program->environment = program_environment_new(request->first, program->name, environ);
    const struct exec_options options = {
        .name = program->name,
        .arguments = program->command.items,
        .count = program->command.count,
        .environment = program->environment,
        .deadline_ms = program->deadline_ms,
    };
    if (room && program->environment) {
        program->child = exec_child_new(&options, program->base, on_done, program);
    }
    return program->child != NULL;
}

static void run(struct channel *channel, const struct channel_request *request)
{
    struct program *program = (struct program *)channel;
    end_run(program);
    if (begin(program, request)) {
        program->child->ops->send(program->child, &program->input, 0);
        return;
    }
    struct channel_outcome outcome = {.again = true};
    snprintf(outcome.reason, sizeof(outcome.reason), "out of memory");
    program->done(program->context, &outcome);
}

static void free_program(struct channel *channel)
{
    struct program *program = (struct program *)channel;
    end_run(program);
    for (size_t i = 0; i < program->command.count; i++) {
        free(program->command.items[i]);
    }
    free(program->command.items);
    free(program->name);
    free(program);
}

static const struct channel_ops ops = {.send = run, .free = free_program};

static bool copy_command(struct program *program, const struct config_strings *command)
{
    program->command.items = calloc(command->count + 1, sizeof(char *));
    for (size_t i = 0; program->command.items && i < command->count; i++) {
        program->command.items[i] = strdup(command->items[i]);
        if (!program->command.items[i]) {
            return false;
        }
        program->command.count++;
    }
    return program->command.items != NULL;
}

struct channel *program_channel_new(const struct config_notify *config, struct event_base *base,
                                    channel_done *done, void *context)
{
    struct program *program = calloc(1, sizeof(*program));
    if (!program) {
        return NULL;
    }
    program->channel.ops = &ops;
    program->base = base;
    program->done = done;
    program->context = context;
    program->deadline_ms = config->timeout_ms;
    program->name = strdup(config->name);
    if (!program->name || !copy_command(program, &config->command)) {
        free_program(&program->channel);
        return NULL;
    }
    return &program->channel;
}
