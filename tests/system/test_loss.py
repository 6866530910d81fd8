# SPDX-License-Identifier: MIT
# ctest: TIMEOUT 280
# ctest: RUN_SERIAL TRUE
"""Nothing is lost without a name for it: under load, at the end, and at every moment between."""

import json
import random
import re
import signal
import socket
import subprocess
import threading

import pytest

import sigmad
from sigmad import PATIENCE, binary, clean_environment, eventually, sigmactl

# Sanitized, the server is to be as exact, not as fast.
MILLION = 1_000_000 if not sigmad.SANITIZED else 100_000
RATE = 150_000 if not sigmad.SANITIZED else 15_000


def assert_balanced(balance):
    lines, samples = balance["lines"], balance["samples"]
    assert balance["balanced"] is True
    assert sum(lines["received"].values()) == lines["accepted"] + sum(lines["rejected"].values())
    stored_or_lost = samples["stored"] + sum(samples["rejected"].values()) + samples["late"]
    assert sum(samples["received"].values()) == stored_or_lost


def assert_exposition_balanced(metrics):
    assert metrics.total("sigmad_lines_received_total") == (
        metrics.value("sigmad_lines_accepted_total") + metrics.total("sigmad_lines_rejected_total")
    )
    assert metrics.total("sigmad_samples_received_total") == (
        metrics.value("sigmad_samples_stored_total") + metrics.total("sigmad_samples_rejected_total")
        + metrics.value("sigmad_samples_late_total")
    )


def csv_counts(server):
    """({name: count} of counters, {name: count} of timers) over all windows."""
    totals = ({}, {})
    for found, name in zip(totals, ("counters", "timers")):
        for row in server.csv(name):
            found[row["metric"]] = found.get(row["metric"], 0) + int(row["count"])
    return totals


@pytest.mark.parametrize("workers", [1, 4])
def test_a_million_metrics_into_ten_thousand_series_add_up_to_the_unit(start_server, tmp_path, workers):
    server = start_server({
        "server": {"workers": workers}, "flush": {"interval": "1s", "align": "true"}, "csv": {"rotate_age": "0"},
    })
    expected = tmp_path / "expected.csv"
    report = json.loads(sigmactl(
        "load", "--json", "--to", server.target, "--metrics", MILLION, "--rate", RATE, "--series", 10_000,
        "--types", "c=50,ms=50", "--sockets", 16, "--expect", expected,
    ).stdout)
    assert report["metrics"] == MILLION and report["send_errors"] == report["refused"] == 0
    server.flush()
    balance = server.balance()
    assert_balanced(balance)
    assert balance["datagrams"]["dropped_by_kernel"] == 0
    assert balance["samples"]["stored"] == MILLION
    assert sum(balance["datagrams"]["received"].values()) == report["datagrams"]
    counters, timers = csv_counts(server)
    sent = {}
    for line in expected.read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split(",")
        sent[fields[0]] = float(fields[-1])
    assert {**counters, **timers} == sent
    assert len(counters) + len(timers) == 10_000
    assert sum(counters.values()) == report["by_type"]["c"]["sum"]
    assert sum(timers.values()) == report["by_type"]["ms"]["samples"]
    metrics = server.metrics()
    assert_exposition_balanced(metrics)
    assert metrics.total("sigmad_samples_received_total") == MILLION
    assert metrics.value("sigmad_samples_late_total") == 0
    for name, count in list(counters.items())[:100]:
        assert metrics.value(name.replace(".", "_") + "_total") == count


class Sender(threading.Thread):
    """Sends one counter a datagram as fast as it can until nobody listens any more.

    Over loopback a send is queued, dropped by the full buffer, or refused because the socket is gone, before it
    returns; the refusal is what the next send on a connected socket answers. So what was sent to the server is
    the number of sends that went well, less the one whose refusal ended it.
    """

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.sent = 0
        self.refused = threading.Event()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(self.address)
            send = sender.send
            sent = 0
            try:
                while True:
                    send(b"load:1|c")
                    sent += 1
                    if sent % 64 == 0:
                        self.sent = sent
            except ConnectionRefusedError:
                self.sent = sent - 1
        self.refused.set()


@pytest.mark.parametrize("workers, senders, receive_buffer", [(1, 1, "8MiB"), (1, 2, "8KiB"), (4, 3, "64KiB")])
def test_sigterm_under_load_loses_nothing_that_was_received(start_server, workers, senders, receive_buffer):
    """Stored + dropped by the kernel = sent, one metric a datagram, in the middle of a window."""
    server = start_server({"server": {"workers": workers, "receive_buffer": receive_buffer}})
    threads = [Sender(server.udp) for _ in range(senders)]
    for thread in threads:
        thread.start()
    eventually(lambda: sum(thread.sent for thread in threads) > 50_000, 20)
    server.send_signal(signal.SIGTERM)
    assert server.process.wait(sigmad.STOP_SECONDS) == 0
    for thread in threads:
        assert thread.refused.wait(10)
    stopped = server.wait_for_log(msg="stopped")
    received, dropped, stored = (
        int(stopped[key]) for key in ("datagrams_received", "datagrams_dropped", "samples_stored")
    )
    assert stored == received
    assert stored + dropped == sum(thread.sent for thread in threads), stopped
    assert [row["metric"] for row in server.csv("counters")] == ["load"]
    assert int(server.csv("counters")[0]["count"]) == stored


def test_what_is_queued_when_sigterm_comes_is_still_taken_in(server):
    """The process is stopped first, so that all of it waits in the receive buffer."""
    server.send_signal(signal.SIGSTOP)
    for _ in range(2000):
        server.send("queued:1|c")
    server.send_signal(signal.SIGTERM)
    server.send_signal(signal.SIGCONT)
    server.stop()
    assert server.csv("counters")[0]["count"] == "2000"
    stopped = server.log_lines(msg="stopped")[0]
    assert (stopped["datagrams_received"], stopped["datagrams_dropped"]) == ("2000", "0")


def test_kernel_drops_are_counted_to_the_unit(start_server):
    server = start_server({"server": {"receive_buffer": "4KiB"}})
    for _ in range(2):
        server.send_signal(signal.SIGSTOP)
        for _ in range(500):
            server.send("flood:1|c")
        server.send_signal(signal.SIGCONT)
        server.flush()
    balance = server.balance()
    assert balance["datagrams"]["dropped_by_kernel"] > 0
    assert balance["datagrams"]["dropped_by_kernel"] + balance["datagrams"]["received"]["udp"] == 1000
    metrics = server.metrics()
    assert metrics.value("flood_total") == balance["datagrams"]["received"]["udp"]
    assert metrics.value("sigmad_datagrams_dropped_total") == balance["datagrams"]["dropped_by_kernel"]


GARBAGE = [
    b"", b"\n\n\n", b"no colon", b":1|c", b"a|b:1|c", b"bad\xff\xfe:1|c", b"x:1", b"x:1|", b"x:1|zz", b"x:|c",
    b"x:abc|c", b"x:1|c\nx:2|c|@0\nx:3|ms|@2", b"x:-1|ms", b"x:1|c|@0.5|@0.5", b"x:1:2:zz|ms", b"x:1|c:2|zz:3|g",
    b"_e{1,1}:a|b", b"_e{9,9}:a|b", b"_sc|a|0", b"_sc|a|9", b"x:1e400|g", b"x:1|ms|@1e-9", b"n" * 600 + b":1|c",
    b"x:1|c|#" + b",".join(b"k%d:1" % i for i in range(40)), b"x:1|c|#k:" + b"v" * 3000, b"\x00" * 2000,
    b"x:" + b":".join(b"%d" % i for i in range(3000)) + b"|ms",
]


@pytest.mark.parametrize("workers", [1, 4])
def test_the_balance_closes_at_all_times_under_load_and_garbage(start_server, workers):
    server = start_server({
        "server": {"workers": workers}, "flush": {"interval": "100ms"}, "prometheus": {"max_age": "0"},
        "limits": {"max_series": 300}, "log": {"bad_lines": "off"},
    })
    with subprocess.Popen(
        [binary("SIGMACTL_BIN"), "load", "--json", "--to", server.target, "--rate", str(40000 // PATIENCE),
         "--duration", f"{5 * PATIENCE}s", "--series", "500", "--types", "c,g,ms,h,d,s", "--sockets", "4",
         "--tags", "2"],
        stdout=subprocess.PIPE, env=clean_environment(),
    ) as load:
        draws = random.Random(7)
        previous = 0
        looks = 0
        while load.poll() is None:
            for _ in range(20):
                server.send(draws.choice(GARBAGE))
            balance = server.balance()
            assert_balanced(balance)
            assert balance["samples"]["stored"] >= previous
            previous = balance["samples"]["stored"]
            assert_exposition_balanced(server.metrics())
            looks += 1
        report = json.loads(load.stdout.read())
    server.flush()
    balance = server.balance()
    assert_balanced(balance)
    assert looks > 10
    for reason in ("no_colon", "bad_utf8", "bad_rate", "series_limit", "tags_too_long"):
        assert balance["samples"]["rejected"][reason] + balance["lines"]["rejected"].get(reason, 0) > 0, reason
    assert balance["events_received"] > 0 and balance["service_checks_received"] > 0
    if balance["datagrams"]["dropped_by_kernel"] == 0:
        assert sum(balance["lines"]["received"].values()) >= report["metrics"]
    # The figures of the log at the end are the same ones.
    server.stop()
    stopped = server.log_lines(msg="stopped")[0]
    assert int(stopped["samples_stored"]) == balance["samples"]["stored"]
    assert re.fullmatch(r"\d+", stopped["samples_received"])
