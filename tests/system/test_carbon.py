# SPDX-License-Identifier: MIT
"""Debian's carbon as the receiver: what is sent is what it stores, over an outage too."""
# ctest: TIMEOUT 300

import threading
import time

import pytest

import sigmad
from sigmad import eventually

MIB = 1024 * 1024


class Load:
    """Counts up a few counters, a hundred datagrams a second, until it is stopped."""

    def __init__(self, server):
        self.server = server
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.01):
            lines = [f"series.{i}:1|c" for i in range(50)]
            self.server.send("\n".join(lines))
            self.sent += 1

    def stop(self):
        self._stop.set()
        self._thread.join()
        return self.sent


def wait_for_windows(server, count):
    """Until so many more windows of a second have been closed."""
    start = server.balance()["windows_closed"]
    eventually(lambda: server.balance()["windows_closed"] >= start + count, count + 20, "no windows are closed")


@pytest.mark.parametrize("protocol", ["plaintext", "pickle"])
def test_carbon_stores_what_was_sent(carbon, start_server, protocol):
    port = carbon.port if protocol == "plaintext" else carbon.pickle_port
    server = start_server({"graphite": {"address": f"127.0.0.1:{port}", "protocol": protocol}})
    server.send("hits:20|c\ntemp:21.5|g\nlat:10|ms\nlat:30|ms\nusers:a|s\nusers:b|s")
    server.flush()
    for path, value in {"stats_counts.hits": 20, "stats.gauges.temp": 21.5, "stats.timers.lat.upper": 30,
                        "stats.timers.lat.upper_90": 30, "stats.timers.lat.sum_squares": 1000,
                        "stats.sets.users.count": 2, "statsd.numStats": 4}.items():
        points = eventually(lambda path=path: carbon.points(path), 20, f"{path} is not stored")
        assert list(points.values()) == [value]


def stored(carbon):
    return sum(carbon.points("stats_counts.series.7").values())


def test_no_window_is_missing_after_carbon_was_away_for_twenty(carbon, start_server):
    server = start_server({
        "flush": {"interval": "1s", "align": "true"},
        "graphite": {"address": f"127.0.0.1:{carbon.port}", "buffer": "1MiB"},
    })
    wait_for_windows(server, 1)
    load = Load(server)
    wait_for_windows(server, 3)
    before = server.resident_bytes()
    # carbon writes once a second, and what it has not written it loses at its own stop: it gets a pause first.
    sent = load.stop()
    wait_for_windows(server, 2)
    eventually(lambda: stored(carbon) == sent, 30, "what was sent at first is not stored")
    carbon.stop()
    load = Load(server)
    wait_for_windows(server, 1)
    away = int(server.snapshot()["timestamp"])
    wait_for_windows(server, 20)
    waiting = server.balance()["sinks"]["graphite"]
    assert waiting["failing"]
    assert 0 < waiting["queue_bytes"] < MIB
    if not sigmad.SANITIZED:  # whose own memory grows with every allocation
        assert server.resident_bytes() < before + 2 * MIB
    carbon.start()
    eventually(lambda: server.balance()["sinks"]["graphite"]["queue_bytes"] == 0, 30, "the queue stays full")
    wait_for_windows(server, 2)
    sent += load.stop()
    # Graphite keeps one value a second: a window that ends within one would take the place of another.
    wait_for_windows(server, 2)
    eventually(lambda: stored(carbon) == sent, 30, f"{stored(carbon)} of {sent} are stored")
    stamps = sorted(carbon.points("stats_counts.series.7"))
    after = [stamp for stamp in stamps if stamp >= away]
    # Every window that had samples. A late flusher passes a second over, and a load that is held up leaves one out.
    closed = [float(row["timestamp"]) for row in server.csv("counters") if row["metric"] == "series.7"]
    assert after == [stamp for stamp in closed if stamp >= away]
    assert len(after) >= 20
    assert server.balance()["sinks"]["graphite"]["windows_lost"] == 0
