/* SPDX-License-Identifier: MIT */
#include "server/net/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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

/* Every datagram of a joined message has at least a byte. */
#define JOINED_DATAGRAMS_MAX ((size_t)UDP_BATCH_JOINED * DATAGRAM_BYTES_MAX)

struct udp_buffers {
    bool gro;
    size_t message_count;
    struct mmsghdr messages[UDP_BATCH];
    struct iovec vectors[UDP_BATCH][2];
    struct sockaddr_storage senders[UDP_BATCH];
    _Alignas(struct cmsghdr) char controls[UDP_BATCH_JOINED][CMSG_SPACE(sizeof(int))];
    struct udp_datagram *datagrams; /* as many as messages can hold; those of joined messages mapped
                                       and untouched until they come */
    char *slots;                    /* dense, one a message; NULL with gro */
    char *tails; /* DATAGRAM_STRIDE a message, mapped and untouched until a large one comes */
    char *whole; /* where a large datagram is put together, like the tails; NULL with gro */
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

bool udp_set_gro(int fd)
{
    int on = 1;
    return setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0;
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

static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void release(void *memory, size_t bytes)
{
    if (memory) {
        munmap(memory, bytes);
    }
}

static void prepare(struct udp_buffers *buffers, size_t i)
{
    struct iovec *vectors = buffers->vectors[i];
    struct iovec tail = {buffers->tails + i * DATAGRAM_STRIDE,
                         buffers->gro ? DATAGRAM_BYTES_MAX : DATAGRAM_BYTES_MAX - SLOT_BYTES};
    struct msghdr *header = &buffers->messages[i].msg_hdr;
    *header = (struct msghdr){.msg_iov = vectors, .msg_name = &buffers->senders[i]};
    if (buffers->gro) {
        vectors[0] = tail;
        header->msg_iovlen = 1;
        header->msg_control = buffers->controls[i];
    } else {
        vectors[0] = (struct iovec){buffers->slots + i * SLOT_STRIDE, SLOT_BYTES};
        vectors[1] = tail;
        header->msg_iovlen = 2;
    }
}

static bool allocate(struct udp_buffers *buffers)
{
    size_t bytes = buffers->message_count * DATAGRAM_STRIDE;
    buffers->tails = reserve(bytes);
    if (buffers->gro) {
        buffers->datagrams = reserve(JOINED_DATAGRAMS_MAX * sizeof(*buffers->datagrams));
        return buffers->tails && buffers->datagrams;
    }
    buffers->datagrams = calloc(UDP_BATCH, sizeof(*buffers->datagrams));
    buffers->slots = calloc(UDP_BATCH, SLOT_STRIDE);
    buffers->whole = reserve(bytes);
    return buffers->tails && buffers->datagrams && buffers->slots && buffers->whole;
}

struct udp_buffers *udp_buffers_new(bool gro)
{
    struct udp_buffers *buffers = calloc(1, sizeof(*buffers));
    if (!buffers) {
        return NULL;
    }
    buffers->gro = gro;
    buffers->message_count = gro ? UDP_BATCH_JOINED : UDP_BATCH;
    if (!allocate(buffers)) {
        udp_buffers_free(buffers);
        return NULL;
    }
    for (size_t i = 0; i < buffers->message_count; i++) {
        prepare(buffers, i);
    }
    return buffers;
}

void udp_buffers_free(struct udp_buffers *buffers)
{
    if (!buffers) {
        return;
    }
    if (buffers->gro) {
        release(buffers->datagrams, JOINED_DATAGRAMS_MAX * sizeof(*buffers->datagrams));
    } else {
        free(buffers->datagrams);
    }
    free(buffers->slots);
    release(buffers->tails, buffers->message_count * DATAGRAM_STRIDE);
    release(buffers->whole, buffers->message_count * DATAGRAM_STRIDE);
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

/* The length of each datagram in a message but the last, which may be shorter. */
static size_t joined_length(struct msghdr *header, size_t whole)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level == SOL_UDP && at->cmsg_type == UDP_GRO) {
            int length;
            memcpy(&length, CMSG_DATA(at), sizeof(length));
            return length > 0 ? (size_t)length : whole;
        }
    }
    return whole;
}

/* Returns how many datagrams it wrote: one for an empty message too. */
static size_t split(struct udp_buffers *buffers, size_t i, struct udp_datagram *out)
{
    const char *bytes = buffers->vectors[i][0].iov_base;
    size_t whole = buffers->messages[i].msg_len;
    size_t step = joined_length(&buffers->messages[i].msg_hdr, whole);
    size_t count = 0, offset = 0;
    do {
        size_t length = whole - offset < step ? whole - offset : step;
        out[count++] = (struct udp_datagram){bytes + offset, (uint32_t)length,
                                             (const struct sockaddr *)&buffers->senders[i]};
        offset += length;
    } while (offset < whole);
    return count;
}

static struct udp_datagram single(const struct udp_buffers *buffers, size_t i)
{
    size_t length = buffers->messages[i].msg_len;
    return (struct udp_datagram){.bytes = length > SLOT_BYTES ? join(buffers, i, length)
                                                              : buffers->vectors[i][0].iov_base,
                                 .length = (uint32_t)length,
                                 .sender = (const struct sockaddr *)&buffers->senders[i]};
}

struct udp_batch udp_receive(int fd, struct udp_buffers *buffers)
{
    for (size_t i = 0; i < buffers->message_count; i++) {
        struct msghdr *header = &buffers->messages[i].msg_hdr;
        header->msg_namelen = sizeof(buffers->senders[i]);
        header->msg_controllen = buffers->gro ? sizeof(buffers->controls[i]) : 0;
    }
    int received =
        recvmmsg(fd, buffers->messages, (unsigned)buffers->message_count, MSG_DONTWAIT, NULL);
    struct udp_batch batch = {.datagrams = buffers->datagrams,
                              .messages = received > 0 ? (size_t)received : 0};
    batch.full = batch.messages == buffers->message_count;
    for (size_t i = 0; i < batch.messages; i++) {
        if (buffers->gro) {
            batch.count += split(buffers, i, &buffers->datagrams[batch.count]);
        } else {
            buffers->datagrams[batch.count++] = single(buffers, i);
        }
    }
    return batch;
}

/* The lines before the last LF are whole. */
static uint32_t whole_lines(const char *bytes, uint32_t length)
{
    const char *feed = memrchr(bytes, '\n', length);
    return feed ? (uint32_t)(feed - bytes) : 0;
}

struct udp_batch udp_receive_unix(int fd, struct udp_buffers *buffers, const struct sockaddr *own)
{
    struct udp_batch batch = udp_receive(fd, buffers);
    for (size_t i = 0; i < batch.count; i++) {
        struct udp_datagram *datagram = &buffers->datagrams[i];
        datagram->sender = own;
        if (buffers->messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
            datagram->length = whole_lines(datagram->bytes, datagram->length);
            batch.truncated++;
        }
    }
    return batch;
}
