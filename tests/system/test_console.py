# SPDX-License-Identifier: MIT
"""The management console answers as etsy statsd's does, whatever the pieces its lines come in."""

import socket

import pytest

from sigmad import ANSWER_SECONDS, eventually

HELP = "Commands: stats, counters, timers, gauges, delcounters, deltimers, delgauges, health, config, quit\n\n"


class Console:
    def __init__(self, server):
        self.socket = socket.create_connection(server.addresses["console"][0], timeout=ANSWER_SECONDS)
        self.got = b""

    def send(self, text):
        self.socket.sendall(text.encode())

    def until(self, end):
        """What comes up to and with `end`."""
        while end.encode() not in self.got:
            piece = self.socket.recv(65536)
            assert piece, f"closed after {self.got!r}"
            self.got += piece
        at = self.got.index(end.encode()) + len(end)
        answer, self.got = self.got[:at], self.got[at:]
        return answer.decode()

    def ask(self, command, end="END\n\n"):
        self.send(command + "\n")
        return self.until(end)

    def rest(self):
        """What comes until the server closes."""
        try:
            while piece := self.socket.recv(65536):
                self.got += piece
        except ConnectionResetError:
            pass
        return self.got.decode()


@pytest.fixture
def server(start_server):
    return start_server({"console": {"listen": "127.0.0.1:0"}, "http": {"listen": "127.0.0.1:0"}})


def test_every_command_is_answered(server):
    server.send("a.b:3|c\na.c:1|c|#host:x\ng:7|g\nt:1|ms\nt:3|ms\nbad")
    console = Console(server)
    assert console.ask("counters") == "{ 'a.b': 3,\n  'a.c;host=x': 1 }\nEND\n\n"
    assert console.ask("gauges") == "{ 'g': 7 }\nEND\n\n"
    assert console.ask("timers") == "{ 't': { count: 2, sum: 4, mean: 2, lower: 1, upper: 3, std: 1 } }\nEND\n\n"
    assert console.ask("help", "\n\n") == HELP
    stats = console.ask("stats")
    assert "uptime: " in stats and "messages.last_msg_seen: " in stats
    assert "messages.bad_lines_seen: 1\n" in stats and "csv.errors: 0\n" in stats
    assert console.ask("health", "\n") == "health: up\n"
    assert console.ask("health down", "\n") == "health: down\n"
    assert Console(server).ask("health", "\n") == "health: down\n"
    assert console.ask("health UP", "\n") == "health: up\n"
    config = console.ask("config")
    assert "\nflush > interval: 1d\n" in config and "\nconsole > listen: 127.0.0.1:0\n" in config
    assert console.ask("nonsense", "\n") == "ERROR\n"
    console.send("quit\n")
    assert console.rest() == ""


def test_there_is_an_empty_dump_of_nothing(server):
    assert Console(server).ask("counters") == "{}\nEND\n\n"


def test_commands_of_one_write_are_answered_in_order(server):
    server.send("a:1|c")
    console = Console(server)
    console.send("health\r\ncounters\ndelcounters a\ncounters\nhealth\nquit\nhealth\n")
    assert console.rest() == "health: up\n{ 'a': 1 }\nEND\n\ndeleted: a\nEND\n\n{}\nEND\n\nhealth: up\n"


def test_a_command_may_come_in_pieces(server):
    console = Console(server)
    console.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in "hea", "lth", " do", "wn", "\n":
        console.send(piece)
    assert console.until("\n") == "health: down\n"


def test_a_line_that_is_too_long_ends_the_connection(server):
    console = Console(server)
    console.send("x" * 9000)
    assert console.rest() == "ERROR\n"
    assert Console(server).ask("health", "\n") == "health: up\n"


def test_a_web_page_cannot_command(server):
    server.send("a:1|c")
    console = Console(server)
    console.send("POST / HTTP/1.1\r\nHost: x\r\n\r\ndelcounters a\n")
    assert console.rest() == "ERROR\n"
    assert Console(server).ask("counters") == "{ 'a': 1 }\nEND\n\n"


def test_deleted_series_are_gone_and_begin_anew(server):
    server.send("a.b:3|c\na.c:1|c|#host:x\na.c:1|c|#host:y\nab:5|c\ng:7|g\ng2:7|g\nt:1|ms\nt2:3|ms")
    server.flush()
    server.send("a.b:4|c\nt:9|ms")
    console = Console(server)
    assert console.ask("delcounters a.* nope") == (
        "deleted: a.b\ndeleted: a.c\nmetric nope not found\nEND\n\n"
    )
    assert console.ask("delgauges g") == "deleted: g\nEND\n\n"
    assert console.ask("deltimers t") == "deleted: t\nEND\n\n"
    assert console.ask("delcounters a.b") == "metric a.b not found\nEND\n\n"
    assert console.ask("counters") == "{ 'ab': 0 }\nEND\n\n"
    server.send("a.b:1|c\ng:+2|g\nt:5|ms")
    server.flush()
    snapshot = server.snapshot()
    assert {row["name"]: row["total"] for row in snapshot["counters"]} == {"a.b": 1}
    assert {row["name"]: row["value"] for row in snapshot["gauges"]}["g"] == 2
    assert {row["name"]: row["count"] for row in snapshot["timers"]} == {"t": 1}
    metrics = server.metrics()
    assert (metrics.value("ab_total"), metrics.value("a_b_total"), metrics.value("g2")) == (5, 1, 7)
    server.wait_for_log(msg="deleted", name="a.*", series="3")


def test_a_deleted_series_is_removed_with_the_window(server):
    server.send("a:3|c\nt:1|ms\nt:2|ms")
    server.flush()
    console = Console(server)
    console.ask("delcounters a")
    console.ask("deltimers t")
    for _ in range(3):
        server.flush()
    assert server.snapshot()["counters"] == []
    assert eventually(lambda: server.flush() and server.metrics().value("sigmad_series_expired_total") == 2)


def test_a_large_dump_comes_whole_to_a_slow_reader(server):
    names = [f"some.rather.long.name.of.a.counter.{i}" for i in range(20000)]
    for i in range(0, len(names), 500):
        server.send("\n".join(f"{name}:1|c" for name in names[i : i + 500]))
        server.snapshot()
    console = Console(server)
    console.send("counters\ncounters\nquit\n")
    answer = console.rest()
    assert answer.count("END\n\n") == 2
    assert answer.count("': 1") == 2 * len(names)


def test_connections_have_a_bound(server):
    held = [Console(server) for _ in range(32)]
    for console in held:
        assert console.ask("health", "\n") == "health: up\n"
    assert Console(server).rest() == ""
    held.pop().socket.close()

    def serves_again():
        console = Console(server)
        try:
            console.send("health\nquit\n")
        except OSError:
            return False
        return console.rest() == "health: up\n"

    eventually(serves_again)


def test_a_stop_closes_the_console(server):
    console = Console(server)
    console.ask("health", "\n")
    console.send("counters\ndelcounters x\n")
    server.stop()
    console.rest()


def test_it_is_off_by_default(start_server):
    assert "console" not in start_server().addresses
