# SPDX-License-Identifier: MIT
"""sigmactl record and replay: what was sent is repeated, and gives the same CSV at any pace."""

import csv
import re
import signal
import socket
import struct
import subprocess

import pytest

from sigmad import binary, clean_environment, eventually, sigmactl

START_NS = 1_700_000_003_000_000_000
WINDOWED = "[flush]\ninterval = 1s\npercentiles = 50, 99\n"


def recording(path, datagrams, end_ns, start_ns=START_NS, ended=True):
    """Writes a file as tools/sigmactl/record_file.h has it; `datagrams` are (offset in ns, bytes)."""
    records = [(1, offset, data) for offset, data in datagrams]
    if ended:
        records.append((2, end_ns, struct.pack("<Q", 0)))
    with open(path, "wb") as out:
        out.write(b"SIGMAREC" + struct.pack("<IIq", 1, 24, start_ns))
        for kind, offset, data in records:
            out.write(struct.pack("<IIQ", len(data), kind, offset) + data)
    return path


def traffic():
    """2.4 seconds: timers, sets beyond what is counted exactly, gauges with deltas, and a refused line."""
    for i in range(1200):
        lines = [f"c.{i % 7}:{i}|c|@0.5|#b:2,a:1", f"t:{i * 37 % 1000}|ms", f"s:{i * 7919}|s", "g:+1|g"]
        lines += [f"s:{i}.{j}|s" for j in range(5)]
        yield i * 2_000_000, "\n".join(lines).encode()
    yield 2_400_000_000, b"bad\ng:5|g"


@pytest.fixture
def recorded(tmp_path):
    (tmp_path / "windows.ini").write_text(WINDOWED)
    return recording(tmp_path / "traffic.rec", traffic(), 2_400_000_001)


def replay(recorded, folder, *arguments):
    done = sigmactl("replay", recorded, "--csv", folder, "--config", recorded.parent / "windows.ini", *arguments)
    return dict(line.rsplit(" ", 1) for line in done.stdout.decode().splitlines())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_csv_is_the_same_at_any_speed(recorded, tmp_path):
    replay(recorded, tmp_path / "max")
    replay(recorded, tmp_path / "again")
    replay(recorded, tmp_path / "paced", "--speed", 4)
    assert contents(tmp_path / "max") == contents(tmp_path / "again") == contents(tmp_path / "paced")


def test_windows_end_where_the_recorded_times_say(recorded, tmp_path):
    figures = replay(recorded, tmp_path / "out")
    assert figures["windows"] == "3"
    timers = rows(tmp_path / "out" / "timers.csv")
    assert [row["timestamp"] for row in timers] == ["1700000004", "1700000005", "1700000005.400"]
    assert [row["count"] for row in timers] == ["500", "500", "200"]
    assert [row["value"] for row in rows(tmp_path / "out" / "gauges.csv")] == ["500", "1000", "5"]
    unique = float(rows(tmp_path / "out" / "sets.csv")[0]["unique"])
    assert unique == pytest.approx(3000, rel=0.03)


def test_what_became_of_the_lines_is_told(recorded, tmp_path):
    figures = replay(recorded, tmp_path / "out")
    assert figures["datagrams"] == "1201"
    assert figures["lines"] == str(1200 * 9 + 2)
    assert figures["stored"] == str(1200 * 9 + 1)
    assert figures["line_rejected no_colon"] == "1"


def test_files_are_not_written_over(recorded, tmp_path):
    replay(recorded, tmp_path / "out")
    before = contents(tmp_path / "out")
    done = sigmactl("replay", recorded, "--csv", tmp_path / "out", check=False)
    assert done.returncode == 1
    assert b"File exists" in done.stderr
    assert contents(tmp_path / "out") == before


def test_a_recording_that_was_broken_off_counts_as_far_as_it_goes(tmp_path):
    path = recording(tmp_path / "cut.rec", [(0, b"a:1|c"), (5, b"a:2|c")], 0, ended=False)
    path.write_bytes(path.read_bytes()[:-1])
    done = sigmactl("replay", path)
    assert b"broken off" in done.stderr
    assert b"datagrams 1\n" in done.stdout


@pytest.mark.parametrize("damage", ["not a recording", "a record too long"])
def test_damaged_files_are_refused(tmp_path, damage):
    path = recording(tmp_path / "bad.rec", [(0, b"a:1|c")], 5)
    whole = bytearray(path.read_bytes())
    whole[0 if damage == "not a recording" else 27] = 0x7F
    path.write_bytes(whole)
    done = sigmactl("replay", path, check=False)
    assert done.returncode == 1
    assert b"bad.rec: is " in done.stderr


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("a", "--speed", "0"), ("a", "--speed", "fast")])
def test_bad_usage_is_refused(arguments):
    assert sigmactl("replay", *arguments, check=False).returncode == 2


def test_replay_feeds_a_server(recorded, server, tmp_path):
    sigmactl("replay", recorded, "--to", server.target, "--speed", 10)
    server.flush()
    counters = {row["metric"]: float(row["count"]) for row in server.csv("counters")}
    replay(recorded, tmp_path / "out")
    sums = {}
    for row in rows(tmp_path / "out" / "counters.csv"):
        sums[row["metric"]] = sums.get(row["metric"], 0) + float(row["count"])
    assert counters == sums


class Recorder:
    """sigmactl record on a free port."""

    def __init__(self, path, *arguments):
        self.process = subprocess.Popen(
            [binary("SIGMACTL_BIN"), "record", "--listen", "127.0.0.1:0", "--to", str(path), *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(), text=True,
        )
        ready = self.process.stderr.readline()
        self.port = int(re.fullmatch(r"sigmactl record: listening on 127\.0\.0\.1:(\d+)\n", ready)[1])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", self.port))

    def finish(self, number=None):
        if number:
            self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=60)
        self.socket.close()
        return self.process.returncode, out, errors


def test_what_was_recorded_is_what_was_sent(tmp_path):
    path = tmp_path / "traffic.rec"
    sent = [b"a:1|c\nb:2|ms", b"", b"\x00\xff not statsd", b"x" * 60000] + [b"n:%d|c" % i for i in range(20)]
    recorder = Recorder(path)
    for data in sent:
        recorder.socket.send(data)
    status, out, _ = recorder.finish(signal.SIGTERM)
    assert (status, f"datagrams {len(sent)}\n" in out, "dropped 0\n" in out) == (0, True, True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        sigmactl("replay", path, "--to", "127.0.0.1:%d" % receiver.getsockname()[1], "--speed", 1)
        full = [data for data in sent if data]  # an empty datagram says nothing and is not sent on
        assert [receiver.recv(65536) for _ in full] == full


def test_a_recording_is_bounded(tmp_path):
    path = tmp_path / "small.rec"
    recorder = Recorder(path, "--max-bytes", 2000)
    with pytest.raises(ConnectionRefusedError):
        eventually(lambda: recorder.socket.send(b"x" * 100) == 0 or None, message="it goes on for ever")
    status, out, errors = recorder.finish()
    assert status == 0
    assert "--max-bytes" in errors
    assert 1000 < path.stat().st_size <= 2000
    assert "windows" in sigmactl("replay", path).stdout.decode()


def test_a_recording_ends_after_its_duration_and_overwrites_nothing(tmp_path):
    path = tmp_path / "short.rec"
    status, out, _ = Recorder(path, "--duration", "100ms").finish()
    assert status == 0
    assert 0.1 <= float(re.search(r"seconds ([\d.]+)", out)[1])
    done = sigmactl("record", "--listen", "127.0.0.1:0", "--to", path, check=False)
    assert (done.returncode, b"File exists" in done.stderr) == (1, True)
