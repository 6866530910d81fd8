# SPDX-License-Identifier: MIT
"""sigmactl shadow: what two servers flush is compared window by window, and the exit status tells."""

import re
import socket
import subprocess

import pytest

from sigmad import PATIENCE, binary, clean_environment, sigmactl


class Shadow:
    """sigmactl shadow on free ports; old and new are sockets to it."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [binary("SIGMACTL_BIN"), "shadow", "--old-graphite", "127.0.0.1:0", "--new-graphite", "127.0.0.1:0",
             *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(), text=True,
        )
        lines = [self.process.stderr.readline() for _ in range(2)]
        self.ports = [int(re.search(r":(\d+)$", line)[1]) for line in lines]
        self.sockets = []

    def connect(self):
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for port in self.ports]
        return self.sockets

    def finish(self):
        """The exit status, the differences as lists of fields, and the summary as a dict."""
        out, _ = self.process.communicate(timeout=60 * PATIENCE)
        for connection in self.sockets:
            connection.close()
        lines = out.splitlines()
        found = [line.split("\t") for line in lines if "\t" in line]
        return self.process.returncode, found, dict(line.rsplit(" ", 1) for line in lines if "\t" not in line)


def windows(values, stamps=(100, 110, 120, 130)):
    return "".join(f"{path} {value} {stamp}\n" for stamp in stamps for path, value in values.items()).encode()


def compare(old, new, *arguments):
    shadow = Shadow("--windows", 2, "--duration", "30s", *arguments)
    for connection, data in zip(shadow.connect(), (old, new)):
        connection.sendall(data)
    return shadow.finish()


def test_equal_windows_agree():
    status, found, told = compare(windows({"a": 1, "b.c": 0.25}), windows({"b.c": 0.25, "a": 1}))
    assert (status, found) == (0, [])
    assert (told["windows"], told["equal"], told["verdict: the servers"]) == ("2", "4", "agree")


def test_a_flush_a_moment_later_is_of_the_same_window():
    status, _, _ = compare(windows({"a": 1}), windows({"a": 1}, stamps=(101, 112, 119, 131)))
    assert status == 0


def test_differences_are_told_with_both_values():
    status, found, told = compare(windows({"a": 100, "b": 1}), windows({"a": 101, "c": 2}))
    assert status == 1
    assert sorted(found)[:3] == [
        ["110", "a", "100", "101", "0.0099"], ["110", "b", "1", "-", "-"], ["110", "c", "-", "2", "-"]]
    assert (told["different"], told["missing"], told["verdict: the servers"]) == ("2", "4", "differ")


def test_the_tolerance_and_the_paths_ignored_are_the_users():
    old, new = windows({"a": 100, "statsd.own": 1}), windows({"a": 101, "stats.x": 2})
    assert compare(old, new, "--tolerance", 0.01, "--ignore", "statsd.,stats.")[0] == 0


def test_the_first_window_may_be_in_parts():
    old = windows({"a": 1})
    new = windows({"a": 7}, stamps=(100,)) + windows({"a": 1}, stamps=(110, 120, 130))
    assert compare(old, new)[0] == 0


def test_lines_that_cannot_be_read_are_no_agreement():
    status, _, told = compare(b"what\nx y z\n" + windows({"a": 1}), windows({"a": 1}))
    assert (status, told["unreadable"]) == (1, "2")


def test_it_gives_up_when_a_server_is_silent():
    shadow = Shadow("--windows", 1, "--duration", "2s")  # in which it has to be connected to
    shadow.connect()[0].sendall(windows({"a": 1}))
    status, _, told = shadow.finish()
    assert (status, told["windows"]) == (1, "0")


@pytest.mark.parametrize("value, status", [(5, 0), (6, 1)])
def test_two_servers_are_compared(start_server, value, status):
    shadow = Shadow("--interval", "1s", "--windows", 2, "--ignore", "statsd.", "--duration", f"{30 * PATIENCE}s")
    servers = []
    for port, sent in zip(shadow.ports, (5, value)):
        servers.append(start_server({"flush": {"interval": "1s", "align": "true"},
                                     "graphite": {"address": f"127.0.0.1:{port}"}}))
        servers[-1].send(f"depth:{sent}|g")
    returned, found, _ = shadow.finish()
    for server in servers:
        server.kill()  # they would tell that their receiver is gone
    assert returned == status
    assert {fields[1] for fields in found} == ({"stats.gauges.depth"} if status else set())


def test_bad_usage_is_refused():
    assert sigmactl("shadow", "what", check=False).returncode == 2
    assert sigmactl("shadow", "--old-graphite", "nowhere", check=False).returncode == 1
