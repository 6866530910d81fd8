# SPDX-License-Identifier: MIT
"""The commands of sigmactl that speak to a server, against plain sockets and a small HTTP server."""

import collections
import contextlib
import csv
import fcntl
import http.server
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading

import pytest

from sigmad import eventually

SIGMACTL = os.environ["SIGMACTL_BIN"]
TIMEOUT_S = 60

# A late reader must not lose datagrams; the system grants less without the privilege to force it, so the
# loads below are small as well.
RECEIVE_BUFFER_BYTES = 8 << 20
SO_RCVBUFFORCE = 33


def sigmactl(*arguments, text=None, **options):
    """Runs sigmactl to its end; standard input is empty unless text is given."""
    return subprocess.run(
        [SIGMACTL, *map(str, arguments)],
        input=text or "",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        **options,
    )


class Receiver:
    """A datagram socket; `target` is what --to takes."""

    def __init__(self, family, address, scheme):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        with contextlib.suppress(PermissionError):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self.socket.bind(address)
        self.socket.settimeout(TIMEOUT_S)
        if family == socket.AF_UNIX:
            self.target = f"{scheme}{address}"
        else:
            host, port = self.socket.getsockname()[:2]
            self.target = f"{scheme}[{host}]:{port}" if ":" in host else f"{scheme}{host}:{port}"

    def receive(self, count):
        return [self.socket.recv(65536).decode() for _ in range(count)]

    def receive_waiting(self):
        """What is in the receive buffer now."""
        self.socket.setblocking(False)
        datagrams = []
        with contextlib.suppress(BlockingIOError):
            while True:
                datagrams.append(self.socket.recv(65536).decode())
        return datagrams


@pytest.fixture
def receiver():
    made = Receiver(socket.AF_INET, ("127.0.0.1", 0), "")
    yield made
    made.socket.close()


@pytest.fixture
def closed_port():
    """An address of this machine that refuses whoever comes. It is kept by sockets that are bound: one that does not
    listen, and one that is connected elsewhere and so takes nothing from others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
        stream.bind(("127.0.0.1", 0))
        address = stream.getsockname()
        datagrams.bind(address)
        datagrams.connect(("127.0.0.1", 9))
        yield f"127.0.0.1:{address[1]}"


class Collector(threading.Thread):
    """Receives every datagram of a load in the background, until it is told how many there were."""

    def __init__(self, receiver):
        super().__init__(daemon=True)
        self.receiver = receiver
        self.datagrams = []
        self.sources = set()
        self.start()

    def run(self):
        while True:
            data, source = self.receiver.socket.recvfrom(65536)
            if data == b"end":
                return
            self.datagrams.append(data.decode())
            self.sources.add(source)

    def finish(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"end", self.receiver.socket.getsockname())
        self.join(TIMEOUT_S)
        assert not self.is_alive()
        return self.datagrams


def parse(datagrams):
    """(name, value text, type, tags) of every line."""
    for datagram in datagrams:
        for line in datagram.split("\n"):
            name, rest = line.split(":", 1)
            value, kind, *tags = rest.split("|")
            yield name, value, kind, tags


# The program


@pytest.mark.parametrize("command", ["parse", "send", "time", "load", "bench", "snapshot"])
def test_every_command_has_help(command):
    result = sigmactl(command, "--help")
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.startswith(f"usage: sigmactl {command}")
    assert re.search(rf"^  {command} ", sigmactl("--help").stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "word, nearest", [("sned", "send"), ("lod", "load"), ("snap", "snapshot"), ("Time", "time")]
)
def test_an_unknown_command_is_refused_with_the_nearest_one(word, nearest):
    result = sigmactl(word)
    assert result.returncode == 2 and result.stdout == ""
    assert f"`{word}`" in result.stderr and f"`{nearest}`" in result.stderr


def test_no_command_is_bad_usage_and_version_is_one_line():
    assert sigmactl().returncode == 2
    assert re.fullmatch(r"sigmactl \d+\.\d+\.\d+\n", sigmactl("--version").stdout)


def test_a_full_disk_is_no_success():
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run(
            [SIGMACTL, "--help"], stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT_S, check=False
        )
    assert result.returncode == 1 and b"No space" in result.stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["send", "--frobnicate"], "`--frobnicate`"),
        (["send", "-x"], "`-x`"),
        (["send", "--to"], "needs an argument"),
        (["send", "--to", ""], "is empty"),
        (["send", "--to", "::1"], "brackets"),
        (["send", "--to", "[::1:8125"], "]"),
        (["send", "--to", "host:99999"], "65535"),
        (["send", "--to", "127.0.0.1:0"], "port 0"),
        (["send", "--to", "ftp://host:1"], "scheme"),
        (["send", "--to", "unix://relative"], "absolute"),
        (["send", "--to", "unix:///" + "x" * 200], "longer"),
        (["send", "--bytes", "0"], "between 1 and 65507"),
        (["send", "--bytes", "1.5"], "whole"),
        (["send", "--unchecked=1"], "`--unchecked=1`"),
        (["load", "--json=1"], "takes none"),
        (["load", "--rate", "fast"], "not a number"),
        (["load", "--duration", "10"], "duration"),
        (["load", "--types", "c,x"], "--types"),
        (["load", "--types", "c,c"], "--types"),
        (["load", "--types", "c=0"], "--types"),
        (["load", "--types", "c,ms,g", "--series", "2"], "at least one series"),
        (["load", "--prefix", "a:b"], "--prefix"),
        (["load", "--bytes", "10"], "--bytes"),
        (["load", "--rate", "0.01", "--duration", "1s"], "not even one"),
        (["load", "extra"], "`extra`"),
        (["snapshot", "--from", "https://x:1"], "scheme"),
        (["snapshot", "extra"], "`extra`"),
        (["time"], "NAME -- COMMAND"),
        (["time", "name"], "NAME -- COMMAND"),
        (["time", "name", "--"], "NAME -- COMMAND"),
        (["time", "a", "b", "--", "true"], "NAME -- COMMAND"),
        (["time", "a:b", "--", "true"], "`a:b`"),
        (["time", "--tags", "a|b", "name", "--", "true"], "a|b"),
    ],
)
def test_bad_usage_is_told_and_exits_2(arguments, said):
    result = sigmactl(*arguments)
    assert result.returncode == 2 and result.stdout == ""
    assert said in result.stderr
    assert result.stderr.count("\n") == 1 and f"sigmactl {arguments[0]} --help" in result.stderr


# send


def test_arguments_go_out_as_one_datagram_in_order(receiver):
    result = sigmactl("send", "--to", receiver.target, "a:1|c", "b:2|ms|#env:prod", "c:-3|g")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert receiver.receive_waiting() == ["a:1|c\nb:2|ms|#env:prod\nc:-3|g"]


def test_standard_input_is_sent_with_or_without_a_closing_newline(receiver):
    lines = "a.b:3|c\na.b:2|c|@0.5\nt:12|ms\ng:+4|g\nu:x|s|#env:prod"
    for text in (lines, lines + "\n", "\n" + lines + "\n\n"):
        assert sigmactl("send", "--to", receiver.target, text=text).returncode == 0
    assert receiver.receive_waiting() == [lines] * 3


@pytest.mark.parametrize(
    "family, address, scheme",
    [
        (socket.AF_INET, ("127.0.0.1", 0), "udp://"),
        (socket.AF_INET6, ("::1", 0), ""),
        (socket.AF_INET6, ("::1", 0), "udp://"),
        (socket.AF_UNIX, "statsd.socket", "unix://"),
    ],
)
def test_datagram_transports(family, address, scheme, tmp_path):
    if family == socket.AF_UNIX:
        address = str(tmp_path / address)
    try:
        receiver = Receiver(family, address, scheme)
    except OSError:
        if family != socket.AF_INET6:
            raise
        pytest.skip("this machine has no IPv6")
    assert sigmactl("send", "--to", receiver.target, "a:1|c").returncode == 0
    assert receiver.receive_waiting() == ["a:1|c"]
    receiver.socket.close()


@pytest.mark.parametrize("scheme", ["tcp", "unix-stream"])
def test_streams_end_every_piece_with_a_newline(scheme, tmp_path):
    if scheme == "tcp":
        listener = socket.create_server(("127.0.0.1", 0))
        target = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    else:
        path = str(tmp_path / "stream.socket")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen()
        target = f"unix-stream://{path}"
    with listener:
        result = sigmactl("send", "--to", target, "--bytes", 12, "a:1|c", "b:22|c", "c:3|c")
        assert result.returncode == 0
        connection, _ = listener.accept()
        with connection, connection.makefile() as stream:
            assert stream.read() == "a:1|c\nb:22|c\nc:3|c\n"


def test_datagrams_are_filled_up_to_their_bound(receiver):
    lines = [f"metric{i}:{i}|c" for i in range(1000)]
    assert sigmactl("send", "--to", receiver.target, "--bytes", 100, text="\n".join(lines)).returncode == 0
    datagrams = receiver.receive_waiting()
    assert "\n".join(datagrams).split("\n") == lines
    assert all(len(datagram) <= 100 for datagram in datagrams)
    for datagram, following in zip(datagrams, datagrams[1:]):
        assert len(datagram) + 1 + len(following.split("\n")[0]) > 100


def test_lines_are_sent_as_they_come_from_a_slow_source(receiver):
    with subprocess.Popen([SIGMACTL, "send", "--to", receiver.target], stdin=subprocess.PIPE) as process:
        for line in (b"a:1|c\n", b"b:1|c\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert receiver.receive(1) == [line.decode().strip()]
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0


def test_refused_lines_are_told_and_the_others_sent(receiver):
    lines = ["good:1|c", "bad:x|c", "noise", "rate:1|c|@2", "also.good:2|c"]
    result = sigmactl("send", "--to", receiver.target, text="\n".join(lines))
    assert result.returncode == 1
    assert receiver.receive_waiting() == ["good:1|c\nalso.good:2|c"]
    told = result.stderr.splitlines()
    assert [line.split(": ")[1:] for line in told] == [
        ["line 2", "bad_value", "bad:x|c"],
        ["line 3", "no_colon", "noise"],
        ["line 4", "bad_rate", "rate:1|c|@2"],
    ]


def test_a_bad_argument_is_told_without_its_control_characters(receiver):
    result = sigmactl("send", "--to", receiver.target, "a:\x1b[2Jx|c")
    assert result.returncode == 1
    assert "argument 1: bad_value: a:?[2Jx|c" in result.stderr
    assert receiver.receive_waiting() == []


def test_a_bad_sample_is_told_and_its_line_sent_for_the_good_one(receiver):
    result = sigmactl("send", "--to", receiver.target, "a:1|c:x|ms")
    assert result.returncode == 1 and "bad_value" in result.stderr
    assert receiver.receive_waiting() == ["a:1|c:x|ms"]


def test_unchecked_lines_are_sent_as_they_are(receiver):
    result = sigmactl("send", "--unchecked", "--to", receiver.target, "noise", "a:x|c")
    assert (result.returncode, result.stderr) == (0, "")
    assert receiver.receive_waiting() == ["noise\na:x|c"]


@pytest.mark.parametrize("length", [101, 70_000, 200_000])
@pytest.mark.parametrize("unchecked", [[], ["--unchecked"]])
def test_a_line_longer_than_a_datagram_is_an_error(receiver, length, unchecked):
    long_line = "x" * (length - 4) + ":1|c"
    text = f"a:1|c\n{long_line}\nb:1|c\n"
    result = sigmactl("send", *unchecked, "--bytes", 100, "--to", receiver.target, text=text)
    assert result.returncode == 1
    assert "line 2: longer than a datagram" in result.stderr and result.stderr.count("\n") == 1
    assert "\n".join(receiver.receive_waiting()) == "a:1|c\nb:1|c"


def test_the_largest_datagram_is_sent_whole(receiver):
    line = "x" * (65507 - 4) + ":1|c"
    assert sigmactl("send", "--bytes", 65507, "--to", receiver.target, text=line).returncode == 0
    assert receiver.receive_waiting() == [line]


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_refused_connection_is_told(closed_port, count):
    text = "a:1|c\n" * count
    result = sigmactl("send", "--bytes", 6, "--to", closed_port, text=text)
    assert result.returncode == 1
    assert result.stderr == (
        f"sigmactl send: udp://{closed_port}: connection refused, nothing listens there\n"
    )


@pytest.mark.parametrize("target", ["tcp://{}", "unix:///nowhere/socket", "unix-stream:///nowhere/socket"])
def test_an_unreachable_target_is_told(closed_port, target):
    target = target.format(closed_port)
    result = sigmactl("send", "--to", target, "a:1|c")
    assert result.returncode == 1 and target in result.stderr and result.stderr.count("\n") == 1


# time


def timer_of(receiver):
    (datagram,) = receiver.receive_waiting()
    return re.fullmatch(r"([^:]+):(\d+\.\d{3})\|ms(?:\|#(.*))?", datagram).groups()


def test_the_duration_is_sent_in_milliseconds(receiver):
    result = sigmactl("time", "--to", receiver.target, "job", "--", "sleep", "0.2")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    name, value, tags = timer_of(receiver)
    assert name == "job" and 200 <= float(value) < 10_000 and tags is None


@pytest.mark.parametrize(
    "arguments", [["--tags", "a:b,c", "job"], ["job", "--tags=a:b,c"]], ids=["before", "behind"]
)
def test_tags_may_stand_on_either_side_of_the_name(receiver, arguments):
    assert sigmactl("time", "--to", receiver.target, *arguments, "--", "true").returncode == 0
    assert timer_of(receiver)[2] == "a:b,c"


@pytest.mark.parametrize(
    "script, status", [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_the_exit_status_is_the_commands(receiver, closed_port, script, status):
    assert sigmactl("time", "--to", receiver.target, "job", "--", "sh", "-c", script).returncode == status
    assert len(receiver.receive_waiting()) == 1
    for target in (closed_port, "tcp://" + closed_port, "unix:///nowhere/socket"):
        result = sigmactl("time", "--to", target, "job", "--", "sh", "-c", script)
        assert result.returncode == status
        assert target in result.stderr and result.stderr.count("\n") == 1


def test_a_command_that_cannot_run_is_told_as_a_shell_does(receiver, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("text", encoding="utf-8")
    for command, status in (("/nowhere/command", 127), (str(plain), 126), (str(tmp_path), 126)):
        result = sigmactl("time", "--to", receiver.target, "job", "--", command)
        assert result.returncode == status and command in result.stderr
    assert receiver.receive_waiting() == []


def test_streams_and_arguments_belong_to_the_command(receiver):
    result = sigmactl("time", "--to", receiver.target, "job", "--", "cat", "--", "-", text="through")
    assert (result.returncode, result.stdout) == (0, "through")


def test_an_interrupt_from_the_terminal_ends_the_command_alone(receiver):
    process = subprocess.Popen(
        [SIGMACTL, "time", "--to", receiver.target, "job", "--", "sh", "-c", "echo up; exec sleep 60"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout.readline() == b"up\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(TIMEOUT_S) == 128 + signal.SIGINT
    process.stdout.close()
    assert timer_of(receiver)[0] == "job"


# load


def load(receiver, *arguments):
    """The report, and the datagrams that came."""
    collector = Collector(receiver)
    result = sigmactl("load", "--json", "--to", receiver.target, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout), collector.finish()


def test_the_report_is_what_arrives(receiver, tmp_path):
    expected_path = tmp_path / "expected.csv"
    report, datagrams = load(
        receiver, "--metrics", 12_000, "--duration", "1s", "--series", 300,
        "--types", "c=40,ms=20,g=10,h=10,d=10,s=10", "--tags", 2, "--expect", expected_path,
    )
    samples = collections.Counter()
    sums = collections.Counter()
    expected = collections.Counter()
    for name, value, kind, tags in parse(datagrams):
        assert re.fullmatch(rf"load\.{kind}\.\d{{6}}", name)
        assert re.fullmatch(r"#tag1:value\d,tag2:value\d", tags[0])
        samples[kind] += 1
        if kind not in "gs":
            sums[kind] += round(float(value) * 1000)
            expected[name] += int(value) if kind == "c" else 1
    assert report["metrics"] == sum(samples.values()) == 12_000
    assert report["datagrams"] == len(datagrams)
    assert report["bytes"] == sum(map(len, datagrams))
    assert report["send_errors"] == report["refused"] == 0
    assert {kind: entry["samples"] for kind, entry in report["by_type"].items()} == samples
    for kind, entry in report["by_type"].items():
        assert ("sum" in entry) == (kind not in "gs")
        assert round(entry.get("sum", 0) * 1000) == sums[kind]
    with open(expected_path, encoding="utf-8") as file:
        rows = {row["metric"]: int(row["count"]) for row in csv.DictReader(file)}
    assert rows == expected


def test_the_server_parser_takes_every_line(receiver):
    _, datagrams = load(receiver, "--metrics", 500, "--rate", 5000, "--types", "c,ms,g,h,d,s", "--tags", 32)
    for datagram in datagrams[:20]:
        items = [json.loads(line) for line in sigmactl("parse", text=datagram).stdout.splitlines()]
        assert len(items) == datagram.count("\n") + 1
        assert all("error" not in item and len(item["tags"]) == 32 for item in items)


def test_samples_follow_the_weights_and_every_series_has_some(receiver):
    report, datagrams = load(receiver, "--metrics", 30_000, "--duration", "1s", "--series", 1000)
    shares = {kind: entry["samples"] / 30_000 for kind, entry in report["by_type"].items()}
    assert shares == pytest.approx({"c": 0.5, "ms": 0.3, "g": 0.2}, abs=0.02)
    names = collections.Counter(kind for _, kind in {(name, kind) for name, _, kind, _ in parse(datagrams)})
    assert names == {"c": 500, "ms": 300, "g": 200}


def test_zipf_gives_the_first_series_its_share(receiver):
    _, datagrams = load(
        receiver, "--metrics", 20_000, "--duration", "1s", "--series", 100, "--types", "c", "--zipf", 1,
    )
    counts = collections.Counter(name for name, *_ in parse(datagrams))
    harmonic = sum(1 / rank for rank in range(1, 101))
    for rank in (1, 2, 10):
        share = counts[f"load.c.{rank - 1:06}"] / 20_000
        assert share == pytest.approx(1 / rank / harmonic, rel=0.15)


def test_the_seed_decides_the_metrics(receiver):
    streams = []
    for seed, sockets in ((7, 1), (7, 1), (8, 1)):
        _, datagrams = load(receiver, "--metrics", 3000, "--rate", 30_000, "--seed", seed, "--sockets", sockets)
        streams.append(datagrams)
    assert streams[0] == streams[1] != streams[2]


def test_datagrams_keep_their_bound(receiver):
    _, datagrams = load(receiver, "--metrics", 5000, "--rate", 50_000, "--bytes", 300)
    assert all(len(datagram) <= 300 for datagram in datagrams)
    assert sum(map(len, datagrams)) / len(datagrams) > 270


def test_single_sends_one_metric_a_datagram(receiver):
    report, datagrams = load(receiver, "--metrics", 400, "--rate", 4000, "--single")
    assert report["datagrams"] == len(datagrams) == 400
    assert not any("\n" in datagram for datagram in datagrams)


@pytest.mark.parametrize("size", [300, 1432, 9000])
def test_gso_sends_datagrams_of_one_size(receiver, size):
    report, datagrams = load(
        receiver, "--metrics", 20_001, "--duration", "1s", "--gso", "--bytes", size, "--types", "c,ms,g,h,d,s",
        "--series", 50, "--tags", 1,
    )
    assert report["datagrams"] == len(datagrams) and report["metrics"] == 20_001
    assert report["bytes"] == sum(map(len, datagrams))
    assert len(set(map(len, datagrams[:-1]))) == 1 and size - 60 < len(datagrams[0]) <= size
    assert len({len(line) for datagram in datagrams for line in datagram.split("\n")}) == 1
    sums = collections.Counter()
    for _, value, kind, _ in parse(datagrams):
        sums[kind] += round(float(value) * 1000) if kind not in "gs" else 0
    for kind, entry in report["by_type"].items():
        assert round(entry.get("sum", 0) * 1000) == sums[kind]


def test_gso_is_for_udp():
    assert sigmactl("load", "--to", "tcp://127.0.0.1:1", "--gso", "--metrics", 1).returncode == 2


def test_sockets_are_source_ports_that_take_turns(receiver):
    collector = Collector(receiver)
    result = sigmactl(
        "load", "--to", receiver.target, "--metrics", 3000, "--rate", 3000, "--sockets", 5, "--prefix", "é"
    )
    assert result.returncode == 0 and "metrics      3000\n" in result.stdout
    assert sum(datagram.count("\n") + 1 for datagram in collector.finish()) == 3000
    assert len(collector.sources) == 5


@pytest.mark.parametrize(
    "arguments, metrics, seconds",
    [
        (["--rate", 5000, "--duration", "1s"], 5000, 1),
        (["--metrics", 3000, "--duration", "1500ms"], 3000, 1.5),
        (["--metrics", 1000, "--rate", 2000], 1000, 0.5),
        (["--metrics", 10, "--rate", 10, "--types", "c"], 10, 1),
        (["--metrics", 500, "--rate", 1000, "--duration", "1m"], 500, 0.5),
    ],
)
def test_the_pace_ends_when_its_last_metric_is_due(receiver, arguments, metrics, seconds):
    def is_in_time():
        report, datagrams = load(receiver, *arguments)
        assert report["metrics"] == metrics == sum(datagram.count("\n") + 1 for datagram in datagrams)
        assert report["rate"] == pytest.approx(metrics / report["seconds"])
        assert seconds <= report["seconds"]
        return report["seconds"] < seconds + 1

    eventually(is_in_time, message="it never ended within a second of its due")  # a busy machine may hold it up


def test_without_a_rate_the_duration_is_the_bound(receiver):
    result = sigmactl("load", "--json", "--to", receiver.target, "--duration", "200ms")
    report = json.loads(result.stdout)
    assert result.returncode == 0
    assert report["seconds"] >= 0.2 and report["metrics"] > 1000


@pytest.mark.parametrize("sockets", [1, 3])
def test_datagrams_that_nobody_took_are_counted_exactly(receiver, sockets):
    """The receiver turns away in the middle: what it did not get was refused, to the unit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, subprocess.Popen(
        [SIGMACTL, "load", "--json", "--single", "--to", receiver.target, "--sockets", str(sockets)]
        + ["--metrics", "6000", "--rate", "2000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        other.bind(("127.0.0.1", 0))
        received = len(receiver.receive(300))
        receiver.socket.connect(other.getsockname())
        output, errors = process.communicate(timeout=TIMEOUT_S)
    received += len(receiver.receive_waiting())
    report = json.loads(output)
    assert report["metrics"] == 6000 == received + report["refused"]
    assert process.returncode == 1 and b"refused" in errors


def test_an_interrupted_load_reports_what_it_sent(receiver):
    collector = Collector(receiver)
    with subprocess.Popen(
        [SIGMACTL, "load", "--json", "--to", receiver.target, "--rate", "5000", "--duration", "1m"],
        stdout=subprocess.PIPE,
    ) as process:
        eventually(lambda: collector.datagrams)
        process.send_signal(signal.SIGINT)
        report = json.loads(process.communicate(timeout=TIMEOUT_S)[0])
    datagrams = collector.finish()
    assert process.returncode == 0 and 0 < report["metrics"] < 300_000
    assert report["metrics"] == sum(datagram.count("\n") + 1 for datagram in datagrams)


def test_load_over_a_stream_is_lines():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with subprocess.Popen(
            [SIGMACTL, "load", "--json", "--to", target, "--metrics", "20000"], stdout=subprocess.PIPE
        ) as process:
            connection, _ = listener.accept()
            with connection, connection.makefile() as stream:
                text = stream.read()
            report = json.loads(process.communicate(timeout=TIMEOUT_S)[0])
    assert text.count("\n") == report["metrics"] == 20_000 and text.endswith("\n")
    assert report["bytes"] == len(text)


@pytest.mark.parametrize("target", ["224.0.0.1:8125", "255.255.255.255:8125", "[ff02::1%lo]:8125"])
def test_load_is_not_sent_to_groups(target):
    result = sigmactl("load", "--to", target, "--metrics", 1)
    assert result.returncode == 1 and result.stdout == ""


# snapshot

SNAPSHOT = {
    "timestamp": 1766188810.125,
    "uptime_seconds": 20,
    "window_seconds": 10,
    "counters": [
        {"name": "pages", "tags": {}, "count": 12, "rate": 1.2, "total": 1234567},
        {"name": "wide\u00e9\x1b[2J", "tags": {"a": ["1", "2"], "env": "prod", "x": ""}, "count": 0.1,
         "rate": 0.01, "total": 3},
    ],
    "gauges": [],
    "timers": [
        {"name": "t", "tags": {}, "type": "ms", "count": 3, "rate": 0.3, "sum": 6, "mean": 2, "min": 1,
         "max": 3, "stddev": 0.816496580927726, "percentiles": {"50": 2, "99.9": 3}},
    ],
    "sets": [{"name": "u" * 60, "tags": {"k" * 30: "v" * 30}, "unique": 7}],
    "resources": {},
    "server": {"version": "0.1.0"},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append((self.path, self.headers["Host"]))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + self.server.missing))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.paths = []
    server.missing = 0
    server.answer = (200, json.dumps(SNAPSHOT).encode())
    server.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(TIMEOUT_S)


@pytest.mark.parametrize("prefix", ["", "http://"])
def test_the_snapshot_is_printed_as_json_with_numbers_as_they_are(web, prefix):
    result = sigmactl("snapshot", "--from", prefix + web.host)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == SNAPSHOT
    assert list(json.loads(result.stdout)) == list(SNAPSHOT)
    assert '"count": 0.1,' in result.stdout and '  "timestamp": 1766188810.125,\n' in result.stdout
    assert "\x1b" not in result.stdout
    assert web.paths == [("/api/v1/snapshot", web.host)]


def test_localhost_is_tried_on_all_its_addresses(web):
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        pytest.skip("this machine has no localhost")
    port = web.host.split(":")[1]
    assert sigmactl("snapshot", "--from", f"localhost:{port}").returncode == 0


def test_tables_are_aligned_and_safe_to_show(web):
    result = sigmactl("snapshot", "--table", "--from", web.host)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "window of 10 s that ended at 1766188810.125\n"
        "\n"
        "counter    tags                count  rate    total\n"
        "pages                             12   1.2  1234567\n"
        "wideé?[2J  a=1;a=2;env=prod;x    0.1  0.01        3\n"
        "\n"
        "timer  tags  type  count  rate  mean  min  max  p50  p99.9\n"
        "t            ms        3   0.3     2    1    3    2      3\n"
        "\n"
        f"set{' ' * 57}  tags{' ' * 57}  unique\n"
        f"{'u' * 60}  {'k' * 30}={'v' * 30}       7\n"
    )


def test_tables_fit_the_terminal(web):
    columns = 60
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    status = subprocess.run(
        [SIGMACTL, "snapshot", "--table", "--from", web.host], stdout=terminal, timeout=TIMEOUT_S, check=False
    ).returncode
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(controller, 65536):
            shown += piece
    os.close(controller)
    lines = shown.decode().splitlines()
    assert status == 0 and max(map(len, lines)) == columns
    assert any("…" in line for line in lines)


@pytest.mark.parametrize(
    "answer, missing, said",
    [
        ((503, b"stopping\n"), 0, "answered 503: stopping"),
        ((404, b""), 0, "answered 404"),
        ((200, b"not json"), 0, "no snapshot"),
        ((200, b"[]"), 0, "not a JSON object"),
        ((200, b'{"a": 1}'), 5, "before the answer was complete"),
    ],
)
def test_a_wrong_answer_is_told(web, answer, missing, said):
    web.answer = answer
    web.missing = missing
    result = sigmactl("snapshot", "--from", web.host)
    assert result.returncode == 1 and result.stdout == ""
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_a_server_that_cannot_be_reached_is_told(closed_port):
    result = sigmactl("snapshot", "--from", closed_port)
    host, port = closed_port.split(":")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == (
        f"sigmactl snapshot: cannot reach the server at {host} port {port}: Connection refused\n"
    )
