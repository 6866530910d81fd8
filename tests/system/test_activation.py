# SPDX-License-Identifier: MIT
"""Sockets that systemd hands over: those of systemd-socket-activate, and several kinds at once as a service gets
them. What waits in them when the server stops is there for the next one."""

import os
import shutil
import signal
import socket
import subprocess

import pytest

from partners import free_port, missing
from sigmad import StartFailed, binary, clean_environment, eventually

# LISTEN_PID is the process' own, so that a shell sets it and then becomes sigmad. {moves} puts the descriptors
# where they belong.
HAND_OVER = 'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={names} exec "$@"'


def connect(family, kind, address):
    made = socket.socket(family, kind)
    made.settimeout(20)
    made.connect(address)
    return made


def counts(server):
    return {row["metric"]: float(row["count"]) for row in server.csv("counters")}


@pytest.fixture
def sockets(tmp_path):
    """The four kinds, bound, as systemd would hold them."""
    made = {}
    for name, family, kind, address in [
        ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        ("unix", socket.AF_UNIX, socket.SOCK_DGRAM, str(tmp_path / "datagram")),
        ("unix_stream", socket.AF_UNIX, socket.SOCK_STREAM, str(tmp_path / "stream")),
    ]:
        made[name] = socket.socket(family, kind)
        made[name].bind(address)
        if kind == socket.SOCK_STREAM:
            made[name].listen()
    yield made
    for opened in made.values():
        opened.close()


def hand_over(opened, names=""):
    """Options of start_server for these sockets. Descriptors 3 to 9 are the shell's to name."""
    # Moved out of the way first, in case a descriptor is where another one has to go.
    high = [os.dup(other.fileno()) for other in opened]
    moves = " ".join(f"{i + 3}<&{fd}" for i, fd in enumerate(high) if fd != i + 3)
    script = HAND_OVER.format(moves=moves, count=len(opened), names=names)
    return {"wrapper": ["/bin/bash", "-c", script, "bash"], "pass_fds": high}


@pytest.mark.parametrize("workers", [1, 2])
def test_sockets_of_every_kind_are_served_and_outlive_the_server(start_server, sockets, workers):
    keys = {"server": {"udp": "127.0.0.1:1", "workers": workers}}  # a port that could not be bound is not asked for

    def send():
        for name, opened in sockets.items():
            with connect(opened.family, opened.type, opened.getsockname()) as client:
                client.sendall(f"{name}:1|c".encode())

    first = start_server(keys, **hand_over(list(sockets.values()), "a:b:c:d"))
    send()
    first.flush()
    assert counts(first) == {name: 1 for name in sockets}
    first.stop()
    assert counts(first) == {name: 1 for name in sockets}
    send()  # nobody serves them now
    second = start_server(keys, **hand_over(list(sockets.values())))
    second.flush()
    assert counts(second) == {name: 1 for name in sockets}
    assert second.balance()["datagrams"]["dropped_by_kernel"] == 0


def test_what_is_configured_of_another_transport_is_opened_too(start_server, sockets, tmp_path):
    server = start_server({"server": {"unix": tmp_path / "own"}}, **hand_over([sockets["tcp"]]))
    ready = server.log_lines(msg="ready")[0]
    assert server.tcp == sockets["tcp"].getsockname()
    assert ready["unix"] == str(tmp_path / "own") and server.udp[1] > 0


def test_a_socket_that_cannot_be_served_is_refused_by_its_name(start_server, sockets):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as silent:
        with pytest.raises(StartFailed) as failed:
            start_server(**hand_over([sockets["udp"], silent], "metrics:web"))
    assert failed.value.status == 1
    assert "descriptor 4 (web) is neither" in failed.value.log


def test_variables_that_are_meant_for_another_process_are_ignored(start_server):
    server = start_server(environment={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    server.send("own:1|c")
    server.flush()
    assert counts(server) == {"own": 1}


@pytest.mark.parametrize("transport", ["udp", "tcp", "unix", "unix_stream"])
def test_systemd_socket_activate_starts_it_with_the_first_bytes(start_server, tmp_path, transport):
    if not shutil.which("systemd-socket-activate"):
        missing("systemd-socket-activate of the package systemd")
    kind = socket.SOCK_DGRAM if transport in ("udp", "unix") else socket.SOCK_STREAM
    unix = transport.startswith("unix")
    family = socket.AF_UNIX if unix else socket.AF_INET
    address = str(tmp_path / "socket") if unix else ("127.0.0.1", free_port())
    listen = address if unix else f"127.0.0.1:{address[1]}"
    wrapper = ["systemd-socket-activate", *(["-d"] if kind == socket.SOCK_DGRAM else []), "-l", listen]
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
        wrapper += ["-E", name] if name in os.environ else []

    def knock(server):
        eventually(lambda: "Listening on" in server.log)
        with connect(family, kind, address) as client:
            client.sendall(b"first:1|c")

    server = start_server({"server": {"udp": "off"}}, wrapper=wrapper, before=knock)
    with connect(family, kind, address) as client:
        client.sendall(b"next:1|c")
    server.flush()
    assert counts(server) == {"first": 1, "next": 1}
    server.send_signal(signal.SIGTERM)
    server.stop()


def test_a_check_of_the_configuration_leaves_the_sockets_alone(tmp_path):
    (tmp_path / "statsd.ini").write_text("[server]\nunix = own\n")
    done = subprocess.run(
        [binary("SIGMAD_BIN"), "-c", str(tmp_path / "statsd.ini"), "--check"],
        env=clean_environment(LISTEN_FDS="9", LISTEN_PID="1"), capture_output=True, timeout=60, check=False,
    )
    assert done.returncode == 0 and not (tmp_path / "own").exists()
