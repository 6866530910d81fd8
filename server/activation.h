/* SPDX-License-Identifier: MIT
 *
 * Sockets that systemd hands over: descriptors from 3 on, told by LISTEN_FDS, LISTEN_PID and
 * LISTEN_FDNAMES (sd_listen_fds(3)). What each is for is read from the socket itself.
 */
#ifndef SERVER_ACTIVATION_H
#define SERVER_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "server/metrics/figures.h"

#define ACTIVATION_SOCKETS_MAX 64

struct activation {
    struct {
        int fd;
        enum transport transport;
    } sockets[ACTIVATION_SOCKETS_MAX];
    size_t count;
};

/* Takes the sockets over and removes the variables. Nothing where none are for this process. False,
 * with the reason, where one of them is none that StatsD could come in by. */
bool activation_take(struct activation *activation, char *reason, size_t reason_size);

/* Whether one of this transport was handed over. */
bool activation_has(const struct activation *activation, enum transport transport);

#endif
