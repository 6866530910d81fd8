/* SPDX-License-Identifier: MIT */
#include "server/net/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DATAGRAM_BYTES_MAX 65536
#define DATAGRAM_STRIDE (DATAGRAM_BYTES_MAX + 64)
/* A full Ethernet frame fits the dense part; 64 bytes stay readable behind the datagram. */
#define SLOT_BYTES 1536
#define SLOT_STRIDE (SLOT_BYTES + 64)

struct udp_buffers {
    struct mmsghdr messages[UDP_BATCH];
    struct iovec vectors[UDP_BATCH][2];
    struct sockaddr_storage senders[UDP_BATCH];
    char *slots; /* UDP_BATCH dense slots */
    char *tails; /* UDP_BATCH times DATAGRAM_STRIDE, mapped and untouched until a large datagram
                    comes */
    char *whole; /* where a large datagram is joined, UDP_BATCH of them */
};

static int open_socket(const struct address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && address->storage.ss_family == AF_INET6) {
        int only = !address->any;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
    return fd;
}

static int bind_socket(const struct address *address, bool first)
{
    int fd = open_socket(address);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    bool joined = first || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
    if (!joined || bind(fd, (const struct sockaddr *)&address->storage, address->length) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

bool udp_open(const struct address *address, int *fds, size_t count, char *reason,
              size_t reason_size)
{
    struct address bound = *address;
    for (size_t i = 0; i < count; i++) {
        fds[i] = bind_socket(&bound, i == 0);
        if (fds[i] < 0) {
            char text[ADDRESS_TEXT_MAX];
            address_format((const struct sockaddr *)&bound.storage, text);
            snprintf(reason, reason_size, "udp %s: %s", text, strerror(errno));
            while (i-- > 0) {
                close(fds[i]);
            }
            return false;
        }
        if (i == 0) {
            int on = 1;
            getsockname(fds[0], (struct sockaddr *)&bound.storage, &bound.length);
            setsockopt(fds[0], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        }
    }
    return true;
}

uint64_t udp_set_receive_buffer(int fd, uint64_t bytes)
{
    int wanted = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
    }
    int granted = 0;
    socklen_t length = sizeof(granted);
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length);
    /* The kernel doubles what it is asked for, to cover its own bookkeeping (socket(7)). */
    return (uint64_t)granted / 2;
}

static uint32_t memory_info(int fd, size_t which)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof(info);
    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) == 0 ? info[which] : 0;
}

uint32_t udp_drops(int fd)
{
    return memory_info(fd, SK_MEMINFO_DROPS);
}

uint32_t udp_queued(int fd)
{
    return memory_info(fd, SK_MEMINFO_RMEM_ALLOC);
}

uint32_t udp_buffer(int fd)
{
    return memory_info(fd, SK_MEMINFO_RCVBUF);
}

bool udp_close_gate(int fd)
{
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

/* A connected socket is passed over for datagrams of all but its peer, which is itself. */
bool udp_turn_away(int fd)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof(own);
    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
           connect(fd, (const struct sockaddr *)&own, length) == 0;
}

static char *reserve(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void prepare(struct udp_buffers *buffers, size_t i)
{
    struct iovec *vectors = buffers->vectors[i];
    vectors[0] = (struct iovec){buffers->slots + i * SLOT_STRIDE, SLOT_BYTES};
    vectors[1] = (struct iovec){buffers->tails + i * DATAGRAM_STRIDE, DATAGRAM_BYTES_MAX};
    buffers->messages[i].msg_hdr =
        (struct msghdr){.msg_iov = vectors, .msg_iovlen = 2, .msg_name = &buffers->senders[i]};
}

struct udp_buffers *udp_buffers_new(void)
{
    struct udp_buffers *buffers = calloc(1, sizeof(*buffers));
    if (!buffers) {
        return NULL;
    }
    buffers->slots = calloc(UDP_BATCH, SLOT_STRIDE);
    buffers->tails = reserve((size_t)UDP_BATCH * DATAGRAM_STRIDE);
    buffers->whole = reserve((size_t)UDP_BATCH * DATAGRAM_STRIDE);
    if (!buffers->slots || !buffers->tails || !buffers->whole) {
        udp_buffers_free(buffers);
        return NULL;
    }
    for (size_t i = 0; i < UDP_BATCH; i++) {
        prepare(buffers, i);
    }
    return buffers;
}

void udp_buffers_free(struct udp_buffers *buffers)
{
    if (!buffers) {
        return;
    }
    free(buffers->slots);
    if (buffers->tails) {
        munmap(buffers->tails, (size_t)UDP_BATCH * DATAGRAM_STRIDE);
    }
    if (buffers->whole) {
        munmap(buffers->whole, (size_t)UDP_BATCH * DATAGRAM_STRIDE);
    }
    free(buffers);
}

/* A datagram that ran over its slot is put together again. */
static const char *join(const struct udp_buffers *buffers, size_t i, size_t length)
{
    char *whole = buffers->whole + i * DATAGRAM_STRIDE;
    memcpy(whole, buffers->vectors[i][0].iov_base, SLOT_BYTES);
    memcpy(whole + SLOT_BYTES, buffers->vectors[i][1].iov_base, length - SLOT_BYTES);
    return whole;
}

size_t udp_receive(int fd, struct udp_buffers *buffers, struct udp_datagram *datagrams)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        buffers->messages[i].msg_hdr.msg_namelen = sizeof(buffers->senders[i]);
    }
    int received = recvmmsg(fd, buffers->messages, UDP_BATCH, MSG_DONTWAIT, NULL);
    size_t count = received > 0 ? (size_t)received : 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = buffers->messages[i].msg_len;
        datagrams[i].length = (uint32_t)length;
        datagrams[i].bytes =
            length > SLOT_BYTES ? join(buffers, i, length) : buffers->vectors[i][0].iov_base;
        datagrams[i].sender = (const struct sockaddr *)&buffers->senders[i];
    }
    return count;
}
