# SPDX-License-Identifier: MIT
"""sigmactl baseline, as a build pipeline uses it: the server, a run, and what update and check make of its CSV."""

import gzip
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sigmad import PATIENCE, Server, binary, clean_environment, sigmactl

WINDOWS = 40
MEASURE = Path(__file__).resolve().parents[2] / "docs" / "ci" / "measure.sh"


def run(folder, seed, factor=1.0, series=("api.login", "api.search"), windows=WINDOWS):
    """A run of the real server: each window some timers of 100 ms with noise of 5 %; returns its CSV folder."""
    chance = random.Random(seed)
    server = Server(folder)
    try:
        for _ in range(windows):
            for name in series:
                level = 100 * (factor if name == "api.search" else 1) * chance.gauss(1, 0.05)
                values = ":".join(f"{level * chance.gauss(1, 0.1):.3f}" for _ in range(20))
                server.send(f"{name}:{values}|ms|#env:ci")
            server.send("jobs:5|c")
            server.flush()
        server.stop()
    finally:
        server.kill()
    return server.data


def baseline(*arguments, status=0):
    done = sigmactl("baseline", *arguments, check=False)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Equal runs, one that is slower, and one that misses a series."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        "first": run(folder / "first", 1),
        "second": run(folder / "second", 2),
        "third": run(folder / "third", 3),
        "slower": run(folder / "slower", 4, factor=1.1),
        "without": run(folder / "without", 5, series=("api.login",)),
    }


@pytest.fixture
def learnt(runs, tmp_path):
    file = tmp_path / "perf.json"
    baseline("update", file, "--csv", runs["first"])
    baseline("update", file, "--csv", runs["second"])
    return file


def test_an_equal_run_passes_and_a_slower_one_fails_by_name(runs, learnt, tmp_path):
    assert b"worse" not in baseline("check", learnt, "--csv", runs["third"]).stdout
    report = tmp_path / "report.md"
    failed = baseline("check", learnt, "--csv", runs["slower"], "--markdown", report, status=3)
    assert b"fewer than 3 runs in the file" in failed.stderr
    worse = [line.split() for line in failed.stdout.decode().splitlines() if line.startswith(("worse", "critical"))]
    assert {row[1] for row in worse} == {"api.search"}
    assert {"mean", "p50"} <= {row[3] for row in worse}
    text = report.read_text(encoding="utf-8")
    assert text.startswith("## Baseline check: failed\n")
    assert "| `api.search` | `env=ci` | `mean` |" in text


def test_json_says_what_the_table_says(runs, learnt):
    told = json.loads(baseline("check", learnt, "--csv", runs["slower"], "--json", status=3).stdout)
    assert told["verdict"] == "failed"
    assert told["states"]["worse"] + told["states"]["critical"] >= 2
    row = next(row for row in told["statistics"] if (row["metric"], row["statistic"]) == ("api.search", "mean"))
    assert row["state"] in ("worse", "critical")
    assert 0.05 < row["change"] < 0.15
    assert row["chance"] < 0.005
    assert row["windows"] == WINDOWS
    assert told["checked"] == sum(n for state, n in told["states"].items() if state not in ("missing", "few", "new"))


def test_the_file_keeps_a_history_that_people_can_edit(runs, learnt):
    held = json.loads(learnt.read_text(encoding="utf-8"))
    assert held["sigmad_baseline"] == 1
    entry = next(e for e in held["series"] if (e["metric"], e["statistic"]) == ("api.search", "mean"))
    assert entry["runs"] == 2 and entry["windows"] == 2 * WINDOWS and len(entry["history"]) == 2
    assert entry["better"] == "lower"
    assert entry["target"] < entry["warning"] < entry["critical"]
    entry.update(pinned=True, target=200, warning=210, critical=220)
    learnt.write_text(json.dumps(held), encoding="utf-8")
    told = json.loads(baseline("check", learnt, "--csv", runs["slower"], "--statistics", "mean", "--json").stdout)
    assert told["verdict"] == "passed"
    baseline("update", learnt, "--csv", runs["third"])
    assert b"fewer than" not in baseline("check", learnt, "--csv", runs["slower"], status=3).stderr
    entry = next(e for e in json.loads(learnt.read_text(encoding="utf-8"))["series"] if e.get("pinned"))
    assert (entry["target"], entry["warning"], entry["runs"]) == (200, 210, 3)


def test_a_run_is_taken_in_once_and_a_reset_begins_anew(runs, learnt):
    before = learnt.read_bytes()
    assert b"hold this run already" in baseline("update", learnt, "--csv", runs["second"]).stdout
    assert learnt.read_bytes() == before
    baseline("update", learnt, "--csv", runs["slower"], "--reset")
    assert {e["runs"] for e in json.loads(learnt.read_text(encoding="utf-8"))["series"]} == {1}
    baseline("check", learnt, "--csv", runs["slower"])


def test_a_missing_series_is_no_pass(runs, learnt):
    done = baseline("check", learnt, "--csv", runs["without"], status=1)
    assert b"missing from the run" in done.stderr
    assert b"missing  api.search" in done.stdout
    assert b"4 missing" in baseline("check", learnt, "--csv", runs["without"], "--allow-missing").stdout
    baseline("check", learnt, "--csv", runs["without"], "--metric", "api.login")


def test_new_series_are_said(runs, tmp_path):
    file = tmp_path / "perf.json"
    baseline("update", file, "--csv", runs["without"])
    assert b"4 new" in baseline("check", file, "--csv", runs["first"]).stdout


def test_directions_can_be_turned(runs, learnt):
    done = baseline("check", learnt, "--csv", runs["slower"], "--better", "api.*=higher", "--metric", "api.search")
    assert b"improved" in done.stdout
    baseline("check", learnt, "--csv", runs["slower"], "--threshold", "30%")


def test_a_range_of_time_is_a_run(runs, learnt):
    """Both halves of one folder: the times of its windows part them."""
    rows = (runs["slower"] / "timers.csv").read_text(encoding="utf-8").splitlines()[1:]
    middle = rows[len(rows) // 2].split(",")[0]
    told = json.loads(baseline("check", learnt, "--csv", runs["slower"], "--to", middle, "--json", status=3).stdout)
    assert {row["windows"] for row in told["statistics"]} == {WINDOWS // 2 + 1}
    baseline("check", learnt, "--csv", runs["slower"], "--to", "2001-01-01", status=1)


@pytest.mark.parametrize("damage, told", [
    (lambda text: text[: len(text) // 2], b"perf.json:"),
    (lambda text: text.replace('"sigmad_baseline": 1', '"sigmad_baseline": 9'), b"the file is of version 9"),
    (lambda text: text.replace('"better": "lower"', '"better": "faster"', 1), b"`faster` is none of lower"),
    (lambda text: text.replace('"target"', '"goal"', 1), b"series[0].goal: there is no such key"),
    (lambda text: "", b"perf.json:1:0: "),
])
def test_a_damaged_file_is_refused_and_left_as_it_is(runs, learnt, damage, told):
    learnt.write_text(damage(learnt.read_text(encoding="utf-8")), encoding="utf-8")
    before = learnt.read_bytes()
    for word in ("check", "update"):
        done = baseline(word, learnt, "--csv", runs["third"], status=1)
        assert told in done.stderr
        assert str(learnt).encode() in done.stderr
    assert learnt.read_bytes() == before
    assert [path.name for path in learnt.parent.iterdir()] == [learnt.name]


def test_what_cannot_be_done_exits_1(runs, learnt, tmp_path):
    assert b"there is no such file" in baseline("check", tmp_path / "none.json", "--csv", runs["first"], status=1).stderr
    assert b"No such file" in baseline("check", learnt, "--csv", tmp_path / "none", status=1).stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    assert b"no statistic" in baseline("update", tmp_path / "new.json", "--csv", empty, status=1).stderr
    assert not (tmp_path / "new.json").exists()
    assert b"cannot reach" in baseline("check", learnt, "--server", "127.0.0.1:1", status=1).stderr


@pytest.mark.parametrize("arguments", [
    (), ("compare", "f"), ("check",), ("check", "f"), ("check", "f", "--csv", "d", "--server", "h:1"),
    ("check", "f", "--csv", "d", "--threshold", "5"), ("check", "f", "--csv", "d", "--better", "a=up"),
    ("check", "f", "--csv", "d", "--metric", "["), ("check", "f", "--csv", "d", "--statistics", "p9["),
    ("update", "f", "--csv", "d", "--from", "yesterday"), ("check", "f", "--csv", "d", "--windows", "9"),
    ("check", "f", "--server", "h:1", "--from", "-1h"), ("update", "f", "--csv", "d", "--json"),
])
def test_bad_usage_exits_2(arguments):
    baseline(*arguments, status=2)


def test_help_is_on_standard_output():
    for arguments in (("--help",), ("update", "--help"), ("check", "--help")):
        assert baseline(*arguments).stdout.startswith(b"usage: sigmactl baseline")


def test_a_run_may_come_from_a_running_server_under_load(tmp_path):
    """Both subcommands over HTTP, with sigmactl load at work meanwhile."""
    server = Server(tmp_path / "server", {"flush": {"interval": "100ms"}})
    load = subprocess.Popen(
        [binary("SIGMACTL_BIN"), "load", "--to", server.target, "--rate", "3000", "--duration", "60s"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(),
    )
    try:
        host, port = server.http
        file = tmp_path / "perf.json"
        source = ("--server", f"{host}:{port}", "--windows", "10")
        assert b"taken in" in baseline("update", file, *source).stdout
        told = json.loads(baseline("check", file, *source, "--threshold", "500%", "--json", "--allow-missing").stdout)
        assert told["verdict"] == "passed"
        assert max(row["windows"] for row in told["statistics"]) == 10
    finally:
        load.kill()
        load.wait()
        server.stop()


def test_damaged_rows_are_said_with_their_place(runs, learnt, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(runs["third"], folder)
    path = folder / "timers.csv"
    path.write_bytes(path.read_bytes().replace(b",ms,", b",ms,x", 1) + b"17,half")
    done = baseline("check", learnt, "--csv", folder)
    assert b"timers.csv:2: count is not a number: `x20`" in done.stderr
    assert b"1 damaged rows are left out" in done.stderr


def test_closed_files_are_part_of_a_run(runs, learnt, tmp_path):
    """As after a rotation: the older half compressed under its closed name."""
    folder = tmp_path / "copy"
    shutil.copytree(runs["third"], folder)
    for path in list(folder.glob("*.csv")):
        header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        half = len(rows) // 2
        with gzip.open(folder / f"{path.stem}-20990101T000000Z.csv.gz", "wt", encoding="utf-8") as closed:
            closed.writelines([header, *rows[:half]])
        path.write_text("".join([header, *rows[half:]]), encoding="utf-8")
    told = json.loads(baseline("check", learnt, "--csv", folder, "--json").stdout)
    assert {row["windows"] for row in told["statistics"]} == {WINDOWS}


def test_the_pipeline_of_the_documentation_fails_on_a_regression(tmp_path):
    """docs/ci/measure.sh around a load that is given the server's address, then what the pipelines run."""
    load = tmp_path / "load.py"
    load.write_text(
        "import os, random, socket, sys, time\n"
        "server = (os.environ['STATSD_HOST'], int(os.environ['STATSD_PORT']))\n"
        "level, seed = float(sys.argv[1]), sys.argv[2]\n"
        "random.seed(seed)\n"
        "sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end:\n"
        "    values = [f'{level * random.gauss(1, .05):.3f}' for _ in range(20)]\n"
        "    sender.sendto(f'api:{\":\".join(values)}|ms'.encode(), server)\n"
        "    time.sleep(.001)\n",
        encoding="utf-8",
    )
    environment = clean_environment(
        SIGMAD=binary("SIGMAD_BIN"), INTERVAL="50ms", TMPDIR=str(tmp_path),
    )

    def measure(name, level):
        done = subprocess.run(
            ["bash", str(MEASURE), str(tmp_path / name), sys.executable, str(load), str(level), name],
            env=environment, capture_output=True, timeout=60 * PATIENCE, check=False,
        )
        assert done.returncode == 0, done.stderr
        return tmp_path / name

    file = tmp_path / "perf.json"
    baseline("update", file, "--csv", measure("before", 100))
    baseline("check", file, "--csv", measure("after", 100))
    baseline("check", file, "--csv", measure("slow", 115), status=3)
    failed = subprocess.run(
        ["bash", str(MEASURE), str(tmp_path / "failed"), "false"], env=environment, capture_output=True,
        timeout=60 * PATIENCE, check=False,
    )
    assert failed.returncode == 1
