/* SPDX-License-Identifier: MIT */
#include "server/net/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned port_of(const struct address *address)
{
    if (address->storage.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

/* The inode of a socket bound to this port; 0 when the table names none. Lines are as in proc(5):
 * "sl: local_address:port rem_address:port st tx:rx tr:when retrnsmt uid timeout inode …". */
static unsigned long inode_in(const char *table, unsigned port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned long inode = 0, found = 0;
    unsigned local_port;
    while (file && !found && fgets(line, sizeof(line), file)) {
        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*s %*x %*s %*s %*s %*u %*u %lu", &local_port,
                   &inode) == 2 &&
            local_port == port) {
            found = inode;
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static bool has_socket(const char *process, const char *wanted)
{
    char path[600], target[64];
    snprintf(path, sizeof(path), "/proc/%s/fd", process);
    DIR *directory = opendir(path);
    bool found = false;
    for (struct dirent *entry; directory && !found && (entry = readdir(directory));) {
        snprintf(path, sizeof(path), "/proc/%s/fd/%s", process, entry->d_name);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (directory) {
        closedir(directory);
    }
    return found;
}

static void append_process(const char *process, char *text, size_t text_size)
{
    char path[300], name[64] = "?";
    snprintf(path, sizeof(path), "/proc/%s/comm", process);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fgets(name, sizeof(name), file)) {
            name[strcspn(name, "\n")] = '\0';
        }
        fclose(file);
    }
    size_t length = strlen(text);
    snprintf(text + length, text_size - length, " (held by %s, process %s)", name, process);
}

void holder_append(const struct address *address, int type, char *text, size_t text_size)
{
    bool tcp = type == SOCK_STREAM;
    unsigned port = port_of(address);
    unsigned long inode = inode_in(tcp ? "/proc/net/tcp" : "/proc/net/udp", port);
    inode = inode ? inode : inode_in(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", port);
    DIR *processes = inode ? opendir("/proc") : NULL;
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        if (isdigit((unsigned char)entry->d_name[0]) && has_socket(entry->d_name, wanted)) {
            append_process(entry->d_name, text, text_size);
            break;
        }
    }
    if (processes) {
        closedir(processes);
    }
}
