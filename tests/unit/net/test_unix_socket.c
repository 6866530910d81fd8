/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/unix_socket.h"

static char folder[64], path[80], reason[256];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "%s/sigmad-unix-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int open_at_path(int type, struct unix_socket_file *file)
{
    const struct unix_socket_options options = {.path = path, .type = type, .mode = 0640};
    return unix_socket_open(&options, file, reason, sizeof(reason));
}

static int connect_to_path(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void has_its_mode_and_is_removed(void **state)
{
    struct unix_socket_file file;
    struct stat status;
    (void)state;
    int fd = open_at_path(SOCK_DGRAM, &file);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    unix_socket_remove(path, &file);
    assert_int_equal(stat(path, &status), -1);
    close(fd);
}

static void replaces_a_socket_that_nobody_has_open(void **state)
{
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    struct unix_socket_file file;
    (void)state;
    for (int i = 0; i < 4; i++) {
        close(open_at_path(types[i / 2], &file));
        int fd = open_at_path(types[i % 2], &file);
        assert_true(fd >= 0);
        close(connect_to_path(types[i % 2]));
        close(fd);
        unlink(path);
    }
}

static void leaves_what_is_in_use(void **state)
{
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    struct unix_socket_file file, other;
    (void)state;
    for (int i = 0; i < 4; i++) {
        int fd = open_at_path(types[i / 2], &file);
        assert_int_equal(open_at_path(types[i % 2], &other), -1);
        assert_non_null(strstr(reason, "somebody listens there"));
        close(connect_to_path(types[i / 2]));
        close(fd);
        unlink(path);
    }
}

static void leaves_what_is_no_socket(void **state)
{
    struct unix_socket_file file;
    (void)state;
    FILE *note = fopen(path, "we");
    fclose(note);
    assert_int_equal(open_at_path(SOCK_DGRAM, &file), -1);
    assert_non_null(strstr(reason, "something else than a socket is there"));
    assert_int_equal(access(path, F_OK), 0);
}

static void does_not_remove_the_socket_of_another(void **state)
{
    struct unix_socket_file file, other;
    (void)state;
    int fd = open_at_path(SOCK_DGRAM, &file);
    char moved[90];
    snprintf(moved, sizeof(moved), "%s2", path);
    assert_int_equal(rename(path, moved), 0); /* keeps the inode from being used again */
    int later = open_at_path(SOCK_DGRAM, &other);
    unix_socket_remove(path, &file);
    assert_int_equal(access(path, F_OK), 0);
    unlink(moved);
    close(fd);
    close(later);
}

static void refuses_a_path_that_is_too_long(void **state)
{
    struct unix_socket_file file;
    char text[200];
    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    const struct unix_socket_options options = {.path = text, .type = SOCK_DGRAM, .mode = 0600};
    assert_int_equal(unix_socket_open(&options, &file, reason, sizeof(reason)), -1);
    assert_non_null(strstr(reason, strerror(ENAMETOOLONG)));
}

static void a_closed_gate_refuses_and_leaves_what_is_queued(void **state)
{
    struct unix_socket_file file;
    char byte;
    (void)state;
    int fd = open_at_path(SOCK_DGRAM, &file);
    int sender = connect_to_path(SOCK_DGRAM);
    assert_int_equal(send(sender, "a", 1, 0), 1);
    assert_true(unix_socket_close_gate(fd));
    assert_int_equal(send(sender, "b", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'a');
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    close(sender);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(has_its_mode_and_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_a_socket_that_nobody_has_open, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_what_is_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_what_is_no_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_remove_the_socket_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_path_that_is_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_gate_refuses_and_leaves_what_is_queued, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
