# SPDX-License-Identifier: MIT
"""[exec "NAME"]: a program reads every window, and whatever it does, the server goes on."""

import json
import stat
import sys

import pytest

from sigmad import eventually


def program(folder, text):
    """The path of an executable script of Python, which has `lines` of its standard input."""
    file = folder / "program"
    file.write_text(f"#!{sys.executable}\nimport os, sys, time\n{text}", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def keeps(folder):
    """A program that appends what it reads to a file, and that file."""
    kept = folder / "kept"
    return program(folder, f"with open({str(kept)!r}, 'ab') as f: f.write(sys.stdin.buffer.read())\n"), kept


def start(start_server, command, **keys):
    return start_server({'exec "disk"': {"command": command, **keys}})


def test_reads_statsite_lines(start_server, tmp_path):
    command, kept = keeps(tmp_path)
    server = start(start_server, command)
    server.send("hits:3|c|@0.5|#zone:eu\nlat:10|ms\nlat:30|ms\ntemp:21.5|g\nusers:a|s\nusers:b|s")
    server.flush()
    lines = [line.split("|") for line in kept.read_text(encoding="utf-8").splitlines()]
    values = {key: float(value) for key, value, _ in lines}
    expected = {
        "counts.hits;zone=eu": 6, "gauges.temp": 21.5, "sets.users": 2, "timers.lat.sum": 40, "timers.lat.mean": 20,
        "timers.lat.lower": 10, "timers.lat.upper": 30, "timers.lat.count": 2, "timers.lat.stdev": 200**0.5,
        "timers.lat.p90": 30,
    }
    assert {key: values[key] for key in expected} == pytest.approx(expected)
    assert values["timers.lat.rate"] == pytest.approx(20 * values["timers.lat.sample_rate"])
    assert len({stamp for _, _, stamp in lines}) == 1
    assert all(stamp.isdigit() for _, _, stamp in lines)


def test_reads_json(start_server, tmp_path):
    command, kept = keeps(tmp_path)
    server = start(start_server, command, format="json")
    server.send('hits:3|c|#zone:eu,zone:us,flag\nlat:10|ms\nte"mp:21.5|g\nusers:a|s')
    server.flush()
    [line] = kept.read_text(encoding="utf-8").splitlines()
    window = json.loads(line)
    shown = server.snapshot()
    assert window["timestamp"] == shown["timestamp"]
    for kind in "counters", "gauges", "sets":
        assert window[kind] == shown[kind]
    [timer] = window["timers"]
    assert timer.items() <= shown["timers"][0].items()
    assert window["counters"][0]["tags"] == {"flag": "", "zone": ["eu", "us"]}


def test_reads_csv(start_server, tmp_path):
    command, kept = keeps(tmp_path)
    server = start(start_server, command, format="csv")
    server.send("hits:3|c\ntemp:21.5|g")
    server.flush()
    text = kept.read_text(encoding="utf-8")
    assert text == "".join((server.data / f"{name}.csv").read_text(encoding="utf-8") for name in ("counters", "gauges"))


def test_a_large_window_is_read_whole_while_the_server_answers(start_server, tmp_path):
    command, kept = keeps(tmp_path)
    server = start(start_server, command)
    for i in range(0, 20000, 20):
        server.send("\n".join(f"a.gauge.with.some.name.{j}:{j}|g" for j in range(i, i + 20)))
    server.flush()
    assert len(kept.read_text(encoding="utf-8").splitlines()) == 20000


def test_a_failure_is_told_and_counted(start_server, tmp_path):
    command = program(tmp_path, "sys.stdin.read()\nprint('no space on the disk', file=sys.stderr)\nsys.exit(3)\n")
    server = start(start_server, command)
    answer = server.request("POST", "/-/flush")
    server.send("hits:1|c")
    answer = server.request("POST", "/-/flush")
    assert answer.status == 503
    assert "exits with 3" in answer.text
    assert server.wait_for_log(msg="program says", exec="disk")["line"] == "no space on the disk"
    assert server.balance()["sinks"]["exec:disk"]["windows_lost"] >= 1
    assert server.metrics().value("sigmad_sink_errors_total", sink="exec:disk") >= 1


def test_a_program_that_hangs_is_killed(start_server, tmp_path):
    command = program(tmp_path, "os.system('sleep 1000')\n")
    server = start(start_server, command, deadline="200ms")
    server.send("hits:1|c")
    answer = server.request("POST", "/-/flush")
    assert answer.status == 503
    assert "took longer than 200 ms" in answer.text


def test_a_program_that_does_not_read_does_no_harm(start_server, tmp_path):
    server = start(start_server, program(tmp_path, "pass\n"))
    for i in range(0, 20000, 20):
        server.send("\n".join(f"a.gauge.with.some.name.{j}:{j}|g" for j in range(i, i + 20)))
    server.flush()
    assert server.balance()["sinks"]["exec:disk"]["windows_lost"] == 0


def test_a_program_that_is_not_there_is_waited_for(start_server, tmp_path):
    kept = tmp_path / "kept"
    server = start(start_server, tmp_path / "program")
    server.send("hits:1|c")
    answer = server.request("POST", "/-/flush")
    assert answer.status == 503
    assert "No such file" in answer.text
    assert keeps(tmp_path)[1] == kept
    eventually(lambda: kept.exists() and "counts.hits|1|" in kept.read_text(encoding="utf-8"), 20)
    assert server.balance()["sinks"]["exec:disk"]["windows_lost"] == 0


def test_the_last_window_is_read_before_the_end(start_server, tmp_path):
    command, kept = keeps(tmp_path)
    server = start(start_server, command)
    server.send("hits:7|c")
    server.stop()
    assert "counts.hits|7|" in kept.read_text(encoding="utf-8")
