# SPDX-License-Identifier: MIT
"""The relay: every received line goes on to other StatsD servers, in datagrams of the configured size, and what
is lost on the way is counted."""

import socket

import pytest

from sigmad import StartFailed, eventually


class Target:
    """A StatsD server that keeps what it gets."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.datagrams = []

    @property
    def address(self):
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def lines(self):
        while True:
            try:
                self.datagrams.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return [line for datagram in self.datagrams for line in datagram.split("\n")]

    def wait_for(self, count):
        eventually(lambda: len(self.lines()) >= count, message=f"{len(self.lines())} lines of {count}")
        return self.lines()


@pytest.fixture
def targets():
    made = [Target(), Target()]
    yield made
    for target in made:
        target.socket.close()


def relay(targets, **keys):
    return {"relay": {"address": ", ".join(target.address for target in targets), **keys}}


def test_lines_of_one_sender_go_to_every_target_in_order_and_packed(start_server, targets):
    server = start_server(relay(targets, datagram=600))
    lines = [f"metric{i}:{i}|c" for i in range(2000)]
    for line in lines:
        server.send(line)
    for target in targets:
        assert target.wait_for(len(lines)) == lines
        assert all(len(datagram) <= 600 for datagram in target.datagrams)
        assert len(target.datagrams) < len(lines) / 4
    server.flush()
    assert len(server.csv("counters")) == len(lines)
    metrics = server.metrics()
    sent = sum(len(datagram) for target in targets for datagram in target.datagrams)
    assert metrics.value("sigmad_bytes_sent_total", sink="relay") == sent
    assert metrics.value("sigmad_sink_errors_total", sink="relay") == 0


def test_large_datagrams_are_taken_apart_and_a_long_line_goes_alone(start_server, targets):
    server = start_server(relay(targets[:1], datagram=512))
    long = "long:1|c|#" + "t" * 700
    lines = [f"metric{i}:{i}|c" for i in range(1000)] + [long] + ["after:1|c"]
    server.send("\n".join(lines) + "\n")
    assert targets[0].wait_for(len(lines)) == lines
    assert long in targets[0].datagrams
    assert [len(d) for d in targets[0].datagrams if len(d) > 512] == [len(long)]


def test_lines_that_this_server_refuses_are_relayed_as_they_came(start_server, targets):
    server = start_server({"server": {"dialect": "etsy"}, **relay(targets[:1])})
    lines = ["good:1|c", "odd:1|x", "no value", "spaces : 1|c", "cr:1|c\r", "_e{1,1}:a|b"]
    server.send("\n\n".join(lines))
    assert targets[0].wait_for(2 * len(lines) - 1)[::2] == lines


def test_lines_of_streams_are_relayed_too(start_server, targets, tmp_path):
    keys = {"server": {"tcp": "127.0.0.1:0", "unix": tmp_path / "d"}, **relay(targets[:1])}
    server = start_server(keys)
    with socket.create_connection(server.tcp) as client:
        client.sendall(b"one:1|c\ntwo:1|c\nthr")
        assert targets[0].wait_for(2) == ["one:1|c", "two:1|c"]
        client.sendall(b"ee:1|c\n")
        assert targets[0].wait_for(3)[2] == "three:1|c"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(str(tmp_path / "d"))
        client.send(b"four:1|c\n")
    assert targets[0].wait_for(4)[3] == "four:1|c"


def test_what_waits_is_sent_at_the_stop(start_server, targets):
    server = start_server(relay(targets[:1]))
    server.send("last:1|c")
    server.stop()
    assert targets[0].wait_for(1) == ["last:1|c"]


def test_a_target_that_is_down_is_counted_and_costs_the_other_nothing(start_server, targets):
    server = start_server(relay(targets, datagram=512))
    gone = targets[0].address
    targets[0].socket.close()
    lines = [f"metric{i}:{i}|c" for i in range(500)]
    for line in lines:
        server.send(line)
    assert targets[1].wait_for(len(lines)) == lines
    eventually(lambda: server.metrics().value("sigmad_sink_errors_total", sink="relay") > 0)
    assert server.wait_for_log(msg="the relay loses datagrams")["reason"] == "Connection refused", gone
    assert server.get("/-/ready").status == 200
    server.flush()
    assert len(server.csv("counters")) == len(lines)


def test_a_relay_to_itself_is_refused(start_server):
    probe = Target()
    address = probe.address
    probe.socket.close()
    with pytest.raises(StartFailed) as failed:
        start_server({"server": {"udp": address}, "relay": {"address": address}})
    assert failed.value.status == 1 and "this server itself listens there" in failed.value.log
