# SPDX-License-Identifier: MIT
"""StatsD over TCP, Unix sockets and standard input: the same lines give the same figures, and whatever is cut,
refused or timed out is counted under its reason."""

import os
import signal
import socket
import stat
import struct
import subprocess

import pytest

from partners import python_module, run_node
import sigmad
from sigmad import StartFailed, eventually, sigmactl

LINES = b"hits:2|c\nhits:3|c\nlevel:7|g\ntime:20:30|ms\nusers:ann|s\n"


@pytest.fixture
def start(start_server, tmp_path):
    """A server with these keys of [server]; {tmp} stands for a folder."""

    def go(keys, **options):
        keys = {key: str(value).format(tmp=tmp_path) for key, value in keys.items()}
        return start_server({"server": keys}, **options)

    return go


def connect_tcp(server):
    return socket.create_connection(server.tcp, timeout=sigmad.ANSWER_SECONDS)


def connect_unix(path, kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_UNIX, kind)
    made.settimeout(sigmad.ANSWER_SECONDS)
    made.connect(str(path))
    return made


def total(server, name):
    [row] = [row for row in server.csv("counters") if row["metric"] == name]
    return float(row["count"])


def received(server, transport):
    metrics = server.metrics()
    return {
        what: metrics.value(f"sigmad_{what}_received_total", transport=transport)
        for what in ("datagrams", "bytes", "lines")
    }


def ended(server, reason):
    return server.balance()["connections"]["ended"][reason]


def refused(server, reason):
    return server.balance()["lines"]["rejected"][reason]


def assert_holds_lines(server):
    assert total(server, "hits") == 5
    assert [row["value"] for row in server.csv("gauges")] == ["7"]
    assert [(row["count"], row["sum"]) for row in server.csv("timers")] == [("2", "50")]
    assert [row["unique"] for row in server.csv("sets")] == ["1"]
    assert server.balance()["balanced"]


@pytest.mark.parametrize("workers", [1, 3])
def test_tcp_lines_are_taken_in_before_a_flush_answers(start, workers):
    server = start({"tcp": "127.0.0.1:0", "workers": workers})
    with connect_tcp(server) as client:
        client.sendall(LINES)
        server.flush()
    assert_holds_lines(server)
    assert received(server, "tcp") == {"datagrams": 0, "bytes": len(LINES), "lines": 5}


def test_tcp_lines_do_not_depend_on_where_the_pieces_end(start):
    server = start({"tcp": "127.0.0.1:0"})
    with connect_tcp(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(LINES)):
            client.sendall(LINES[i:i + 1])
            if i % 7 == 0:
                eventually(lambda sent=i + 1: received(server, "tcp")["bytes"] == sent)
    server.flush()
    assert_holds_lines(server)


def test_a_partial_line_at_the_end_of_a_connection_is_a_line(start):
    server = start({"tcp": "127.0.0.1:0"})
    with connect_tcp(server) as client:
        client.sendall(b"hits:1|c\nhits:4|c")
    server.flush()
    assert total(server, "hits") == 5
    eventually(lambda: ended(server, "closed") == 1)


def test_a_line_that_the_stop_or_a_reset_cuts_is_refused(start):
    server = start({"tcp": "127.0.0.1:0"})
    client = connect_tcp(server)
    client.sendall(b"hits:1|c\nhits:1|c")
    eventually(lambda: received(server, "tcp")["bytes"] == 17)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    eventually(lambda: refused(server, "line_cut") == 1)
    assert ended(server, "error") == 1
    with connect_tcp(server) as other:
        other.sendall(b"stopped:1|c\nstopped:1|c")
        eventually(lambda: received(server, "tcp")["bytes"] == 40)
        server.stop()
        assert other.recv(1) == b""
    assert total(server, "hits") == 1 and total(server, "stopped") == 1


def test_a_line_that_is_too_long_is_refused_and_the_next_one_taken(start):
    server = start({"tcp": "127.0.0.1:0", "stream_line": "256"})
    longest = b"a" * (256 - 4) + b":1|c"
    with connect_tcp(server) as client:
        text = longest + b"\nb" + longest + b"\n" + b"c" * 200000 + b"\nhits:5|c\n"
        client.sendall(text)
        eventually(lambda: received(server, "tcp")["bytes"] == len(text))
        server.flush()
    assert total(server, "a" * 252) == 1 and total(server, "hits") == 5
    assert refused(server, "line_too_long") == 2
    assert received(server, "tcp")["lines"] == 4 and server.balance()["balanced"]


def test_connections_over_the_bound_are_closed_and_counted(start):
    server = start({"tcp": "127.0.0.1:0", "unix_stream": "{tmp}/stream", "stream_connections": 2})
    path = server.log_lines(msg="ready")[0]["unix_stream"]
    with connect_tcp(server) as first, connect_unix(path) as second:
        first.sendall(b"hits:1|c\n")
        second.sendall(b"hits:1|c\n")
        server.flush()
        with connect_tcp(server) as third:
            assert third.recv(1) == b""
        assert ended(server, "limit") == 1
        first.close()
        eventually(lambda: ended(server, "closed") == 1)
        with connect_tcp(server) as fourth:
            fourth.sendall(b"hits:1|c\n")
            server.flush()
    assert sum(float(row["count"]) for row in server.csv("counters")) == 3


@pytest.mark.skipif(sigmad.SANITIZED != "", reason="a sanitized server is at times too slow to get HTTP a descriptor")
def test_a_connection_without_a_descriptor_waits_and_is_served_later(start):
    def lines():
        try:
            return received(server, "tcp")["lines"]
        except OSError:  # HTTP may find no descriptor either
            return None

    limit = ["/bin/bash", "-c", 'ulimit -n 64; exec "$@"', "bash"]
    server = start({"tcp": "127.0.0.1:0"}, wrapper=limit)
    assert server.log_lines(msg="fewer descriptors than server.stream_connections needs")
    clients = [connect_tcp(server) for _ in range(80)]
    for client in clients:
        client.sendall(b"hits:1|c\n")
        client.close()
    eventually(lambda: lines() == 80)
    clients = [connect_tcp(server) for _ in range(80)]
    for client in clients[40:]:
        client.sendall(b"hits:1|c\n")
    for client in clients:
        client.close()
    eventually(lambda: lines() == 120)
    server.flush()
    assert total(server, "hits") == 120
    assert server.metrics().value("sigmad_accept_failures_total") > 0


def test_a_peer_that_sees_its_end_finds_it_counted(start, tmp_path):
    server = start({"unix_stream": "{tmp}/stream", "stream_connections": 1})
    for count in range(1, 21):
        with connect_unix(tmp_path / "stream") as bad:
            bad.sendall(struct.pack("<I", 1) + b"\n" + struct.pack("<I", 1 << 20))
            assert bad.recv(1) == b""
        assert ended(server, "bad_frame") == count
    with connect_unix(tmp_path / "stream") as only:
        only.sendall(b"hits:1|c\n")
        server.flush()
        for count in range(1, 21):
            with connect_unix(tmp_path / "stream") as other:
                assert other.recv(1) == b""
            assert ended(server, "limit") == count


def test_an_idle_connection_is_closed_and_one_that_speaks_is_not(start):
    # Long enough for a busy machine to let the one that speaks speak.
    server = start({"tcp": "127.0.0.1:0", "stream_idle": f"{2 * sigmad.PATIENCE}s"})
    with connect_tcp(server) as idle, connect_tcp(server) as busy:
        idle.settimeout(0.02)
        sent = 0

        def is_closed():
            nonlocal sent
            busy.sendall(b"hits:1|c\n")
            sent += 1
            try:
                return idle.recv(1) == b""
            except TimeoutError:
                return False

        eventually(is_closed, 20)
        server.flush()
        assert ended(server, "idle") == 1
        assert total(server, "hits") == sent


def test_two_servers_never_share_a_port_or_a_path(start, start_server, tmp_path):
    server = start({"tcp": "127.0.0.1:0", "unix": "{tmp}/datagram", "unix_stream": "{tmp}/stream"})
    tcp = f"127.0.0.1:{server.tcp[1]}"
    for keys, said in [
        ({"tcp": tcp}, "Address already in use"),
        ({"unix": f"{tmp_path}/datagram"}, "somebody listens there"),
        ({"unix_stream": f"{tmp_path}/stream"}, "somebody listens there"),
        ({"unix_stream": f"{tmp_path}/datagram"}, "somebody listens there"),
    ]:
        with pytest.raises(StartFailed) as failed:
            start_server({"server": keys})
        assert failed.value.status == 1 and said in failed.value.log
    with connect_unix(tmp_path / "stream"), connect_unix(tmp_path / "datagram", socket.SOCK_DGRAM):
        pass


def test_the_file_of_a_dead_server_is_replaced_and_other_files_are_not(start, start_server, tmp_path):
    path = tmp_path / "datagram"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(path))
    left.close()
    server = start({"unix": str(path)})
    with connect_unix(path, socket.SOCK_DGRAM) as client:
        client.send(LINES)
    server.flush()
    assert_holds_lines(server)
    server.stop()
    assert not path.exists()
    path.write_text("a note")
    with pytest.raises(StartFailed) as failed:
        start_server({"server": {"unix": str(path)}})
    assert "something else than a socket" in failed.value.log
    assert path.read_text() == "a note"


def test_mode_and_group_of_unix_sockets(start, start_server, tmp_path):
    group = os.getgroups()[-1] if os.getgroups() else os.getgid()
    start({"unix": "{tmp}/datagram", "unix_stream": "{tmp}/stream", "unix_mode": "0622", "unix_group": group})
    for name in ("datagram", "stream"):
        status = (tmp_path / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o622 and status.st_gid == group
    with pytest.raises(StartFailed) as failed:
        start_server({"server": {"unix": f"{tmp_path}/other", "unix_group": "no-such-group"}})
    assert "there is no group no-such-group" in failed.value.log


@pytest.mark.parametrize("workers", [1, 2])
def test_unix_datagrams_keep_their_order_and_none_is_lost(start, tmp_path, workers):
    server = start({"unix": "{tmp}/datagram", "workers": workers})
    with connect_unix(tmp_path / "datagram", socket.SOCK_DGRAM) as client:
        for i in range(5000):
            client.send(b"hits:1|c\nlevel:%d|g" % i)  # waits where UDP would drop
    server.flush()
    assert total(server, "hits") == 5000
    assert [row["value"] for row in server.csv("gauges")] == ["4999"]
    found = received(server, "unix")
    assert (found["datagrams"], found["lines"]) == (5000, 10000)


def test_a_large_unix_datagram_is_taken_and_a_larger_one_is_counted(start, tmp_path):
    server = start({"unix": "{tmp}/datagram"})
    line = b"hits:1|c\n"
    with connect_unix(tmp_path / "datagram", socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400000)
        client.send(line * 7000)  # 63,000 bytes
        client.send(line * 10000)  # 90,000 bytes
    server.flush()
    assert total(server, "hits") == 7000 + 65536 // len(line)
    assert server.balance()["datagrams"]["truncated"] == 1
    assert server.balance()["balanced"]


def test_a_refused_unix_line_is_logged_with_its_socket(start, tmp_path):
    server = start({"unix": "{tmp}/d", "unix_stream": "{tmp}/s"})
    with connect_unix(tmp_path / "d", socket.SOCK_DGRAM) as client:
        client.send(b"bad")
    with connect_unix(tmp_path / "s") as client:
        client.sendall(b"worse\n")
    for line, name in (("bad", "d"), ("worse", "s")):
        logged = server.wait_for_log(msg="refused", line=line)
        assert logged["from"] == f"unix:{tmp_path}/{name}"[:63]


def test_frames_of_dogstatsd_are_told_from_lines(start, tmp_path):
    server = start({"unix_stream": "{tmp}/stream"})
    with connect_unix(tmp_path / "stream") as framed, connect_unix(tmp_path / "stream") as plain:
        for frame in (b"hits:2|c\nhits:3|c", b"", b"level:7|g\n"):
            framed.sendall(struct.pack("<I", len(frame)) + frame)
        plain.sendall(b"time:20:30|ms\nusers:ann|s")
        plain.close()
        framed.sendall(struct.pack("<I", 9) + b"cut:1|c")
        framed.close()
        eventually(lambda: ended(server, "closed") == 2)
    server.flush()
    assert_holds_lines(server)
    assert received(server, "unix_stream")["datagrams"] == 3
    assert refused(server, "line_cut") == 1
    with connect_unix(tmp_path / "stream") as bad:
        bad.sendall(struct.pack("<I", 1) + b"\n" + struct.pack("<I", 1 << 20))
        assert bad.recv(1) == b""
    assert ended(server, "bad_frame") == 1


def test_standard_input_beside_other_inputs_ends_without_stopping_the_server(start_server):
    reading, writing = os.pipe()
    server = start_server({"server": {"stdin": "true"}}, stdin=reading)
    os.close(reading)
    os.write(writing, LINES)
    server.flush()
    assert_holds_lines(server)
    os.write(writing, b"late:1|c")
    os.close(writing)
    eventually(lambda: ended(server, "closed") == 1)
    server.send("late:1|c")
    server.flush()
    assert total(server, "late") == 2
    assert received(server, "stdin")["lines"] == 6


@pytest.mark.parametrize("kind", ["pipe", "file", "nothing"])
def test_the_end_of_the_only_input_stops_the_server_with_the_window_closed(start_server, tmp_path, kind):
    source = tmp_path / "lines"
    source.write_bytes(LINES * 20000)
    config = {"server": {"stdin": "true", "udp": "off"}}
    if kind == "pipe":
        with subprocess.Popen(["cat", str(source)], stdout=subprocess.PIPE) as cat:
            server = start_server(config, stdin=cat.stdout)
            assert server.process.wait(timeout=60 * sigmad.PATIENCE) == 0
    else:
        with open(source if kind == "file" else os.devnull, "rb") as opened:
            server = start_server(config, stdin=opened)
            assert server.process.wait(timeout=60 * sigmad.PATIENCE) == 0
    if kind == "nothing":
        assert server.csv("counters") == []
    else:
        assert total(server, "hits") == 100000


def test_a_stop_takes_in_what_streams_have_received(start, tmp_path):
    server = start({"tcp": "127.0.0.1:0", "unix": "{tmp}/d", "unix_stream": "{tmp}/s", "workers": 2})
    clients = [connect_tcp(server), connect_unix(tmp_path / "s"), connect_unix(tmp_path / "d", socket.SOCK_DGRAM)]
    server.send_signal(signal.SIGSTOP)
    for client in clients:
        client.sendall(b"hits:1|c\n" * 1000)
    server.send("hits:1|c")
    server.send_signal(signal.SIGTERM)
    server.send_signal(signal.SIGCONT)
    server.stop()
    assert total(server, "hits") == 3001
    for client in clients:
        client.close()


def test_sigmactl_sends_over_every_transport(start, tmp_path):
    server = start({"tcp": "127.0.0.1:0", "unix": "{tmp}/d", "unix_stream": "{tmp}/s"})
    targets = [
        f"tcp://127.0.0.1:{server.tcp[1]}", f"tcp:127.0.0.1:{server.tcp[1]}", f"udp:{server.target}", server.target,
        f"unix:{tmp_path}/d", f"unix://{tmp_path}/d", f"unix-stream:{tmp_path}/s", f"unix-stream://{tmp_path}/s",
    ]
    for target in targets:
        sigmactl("send", "--to", target, "hits:1|c", "hits:1|c")
    server.flush()
    assert total(server, "hits") == 2 * len(targets)
    assert [received(server, t)["lines"] for t in ("udp", "tcp", "unix", "unix_stream")] == [4, 4, 4, 4]


# Real clients.


def use_python_client(client):
    client.incr("hits", 5)
    client.gauge("level", 7)
    with client.pipeline() as pipe:
        pipe.timing("time", 20)
        pipe.timing("time", 30)
    client.set("users", "ann")
    client.close()


def test_python_statsd_over_tcp(start):
    server = start({"tcp": "127.0.0.1:0"})
    use_python_client(python_module("statsd").TCPStatsClient(*server.tcp))
    server.flush()
    assert_holds_lines(server)


def test_python_statsd_over_a_unix_stream(start, tmp_path):
    server = start({"unix_stream": "{tmp}/stream"})
    use_python_client(python_module("statsd").UnixSocketStatsClient(str(tmp_path / "stream")))
    server.flush()
    assert_holds_lines(server)


HOT_SHOTS = """
const StatsD = require('hot-shots');
const client = new StatsD({
    %s, maxBufferSize: 500,
    errorHandler: error => { console.error(error); process.exit(1); },
});
for (let i = 0; i < 5; i++) client.increment('hits');
client.gauge('level', 7);
client.timing('time', 20);
client.timing('time', 30);
client.set('users', 'ann');
client.close(error => { if (error) { console.error(error); process.exit(1); } });
"""


def test_node_hot_shots_over_tcp(start):
    server = start({"tcp": "127.0.0.1:0"})
    run_node(HOT_SHOTS % ("protocol: 'tcp', host: '%s', port: %d" % server.tcp))
    server.flush()
    assert_holds_lines(server)


def test_node_hot_shots_over_a_unix_stream(start, tmp_path):
    server = start({"unix_stream": "{tmp}/stream"})
    run_node(HOT_SHOTS % f"protocol: 'stream', stream: require('net').connect('{tmp_path}/stream')")
    server.flush()
    assert_holds_lines(server)
