/* SPDX-License-Identifier: MIT
 *
 * Unix sockets at a path: opening them so that two servers never share one and a file that a dead
 * server has left is replaced, and taking them away again. To be called before threads are begun,
 * since the umask is changed for a moment.
 */
#ifndef SERVER_NET_UNIX_SOCKET_H
#define SERVER_NET_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct unix_socket_options {
    const char *path;
    int type;          /* SOCK_DGRAM, or SOCK_STREAM: then it listens */
    unsigned mode;     /* permission bits of the file */
    const char *group; /* name or number; NULL = the process' own */
};

/* What was bound, so that only that is taken away. */
struct unix_socket_file {
    dev_t device;
    ino_t inode;
};

/* Returns the descriptor, or -1 with the reason: somebody listens there, something else than a
 * socket has the name, … . */
int unix_socket_open(const struct unix_socket_options *options, struct unix_socket_file *file,
                     char *reason, size_t reason_size);

/* Removes the file, unless another has taken its place. */
void unix_socket_remove(const char *path, const struct unix_socket_file *file);

/* How many datagrams a socket can queue at most; then its senders wait (or are told EAGAIN). */
size_t unix_socket_queue_max(void);

/* What comes from now on is refused; what is queued can still be read. */
bool unix_socket_close_gate(int fd);

#endif
