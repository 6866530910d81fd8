# SPDX-License-Identifier: MIT
# ctest: RUN_SERIAL TRUE
"""How the worker receives: it rests under load to find full batches, and nobody can tell but by its wake-ups."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import sigmad
from sigmad import binary, clean_environment, eventually, sigmactl

RATE = 20_000 if not sigmad.SANITIZED else 4_000


def worker_wakes(server):
    """How often the first worker went to sleep by itself."""
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").strip() == "worker-0":
            status = (task / "status").read_text(encoding="ascii")
            return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.MULTILINE).group(1))
    raise AssertionError("no worker-0")


def background_load(server, *arguments):
    return subprocess.Popen(
        [binary("SIGMACTL_BIN"), "load", "--json", "--to", server.target, *map(str, arguments)],
        stdout=subprocess.PIPE, env=clean_environment(),
    )


def test_under_load_a_wake_up_finds_many_datagrams_and_none_is_lost(server):
    before = worker_wakes(server)
    report = json.loads(sigmactl(
        "load", "--json", "--to", server.target, "--rate", RATE, "--duration", "2s", "--single").stdout)
    server.flush()
    balance = server.balance()
    assert balance["datagrams"]["received"]["udp"] == report["datagrams"]
    assert balance["datagrams"]["dropped_by_kernel"] == 0
    assert balance["samples"]["stored"] == report["metrics"]
    assert worker_wakes(server) - before < report["datagrams"] / (10 if not sigmad.SANITIZED else 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_flush_under_load_holds_the_datagram_sent_before_it(start_server, workers):
    server = start_server({"server": {"workers": workers}})
    flushes = 0
    with background_load(server, "--rate", RATE, "--duration", "30s", "--single", "--sockets", 4) as load:
        eventually(lambda: server.balance()["datagrams"]["received"]["udp"] > 1000)
        began = time.monotonic()
        while flushes <= 10 or time.monotonic() - began < 2:
            assert load.poll() is None
            server.send(f"just.sent:{flushes}|g\nsum:1|c")
            server.flush()
            flushes += 1
            gauges = {row["name"]: row for row in server.snapshot()["gauges"]}
            assert float(gauges["just.sent"]["value"]) == flushes - 1
        load.send_signal(signal.SIGINT)
        report = json.loads(load.stdout.read())
    server.flush()
    assert sum(int(row["count"]) for row in server.csv("counters") if row["metric"] == "sum") == flushes
    balance = server.balance()
    assert balance["samples"]["stored"] == report["metrics"] + 2 * flushes
    assert balance["datagrams"]["dropped_by_kernel"] == 0


@pytest.mark.parametrize("gro", ["true", "false"])
@pytest.mark.parametrize("gso", [["--gso"], []])
def test_joined_datagrams_count_one_by_one(start_server, tmp_path, gro, gso):
    server = start_server({"server": {"udp_gro": gro}})
    expected = tmp_path / "expected.csv"
    report = json.loads(sigmactl(
        "load", "--json", "--to", server.target, "--rate", RATE * 10, "--duration", "1s", "--types", "c,ms",
        "--series", 500, "--expect", expected, *gso).stdout)
    server.send("small:1|c")
    server.flush()
    balance = server.balance()
    assert balance["datagrams"]["received"]["udp"] == report["datagrams"] + 1
    assert balance["datagrams"]["dropped_by_kernel"] == 0
    assert balance["samples"]["stored"] == report["metrics"] + 1
    assert balance.get("datagrams_dropped_is_lower_bound", False) == (gro == "true")
    counts = {row["metric"]: row["count"] for name in ("counters", "timers") for row in server.csv(name)}
    assert counts.pop("small") == "1"
    assert counts == dict(line.split(",") for line in expected.read_text(encoding="utf-8").splitlines()[1:])


def test_a_stop_under_a_flood_of_joined_datagrams_stores_what_was_received(start_server):
    server = start_server({"server": {"udp_gro": "true"}})
    with background_load(server, "--duration", "10s", "--gso") as load:
        eventually(lambda: server.balance()["samples"]["stored"] > 100_000)
        server.stop()
        load.terminate()
    stopped = server.wait_for_log(msg="stopped")
    assert stopped["samples_received"] == stopped["samples_stored"]
    assert sum(int(row["count"]) for row in server.csv("timers")) > 1000


def test_after_the_load_the_worker_sleeps(server):
    sigmactl("load", "--to", server.target, "--rate", RATE, "--duration", "500ms", "--single")
    eventually(lambda: server.balance()["samples"]["stored"] == RATE / 2)

    def sleeps():
        before = worker_wakes(server)
        time.sleep(0.3)
        return worker_wakes(server) - before <= 2

    eventually(sleeps)
