# SPDX-License-Identifier: MIT
# ctest: TIMEOUT 240
"""Odd windows are called out, sound ones are not: through the whole server, with noise from a fixed seed."""

import random
import re

import pytest

import sigmad

SERIES = 1000 if not sigmad.SANITIZED else 200
SAMPLES = 30
WINDOWS = 25


class Traffic:
    """Windows of noisy timers and counters, closed on request.

    A window closed so is as long as its turn took, so rates vary with the machine. Counters therefore follow the
    length of the window before, and what is judged here of rates is only what is far beyond that.
    """

    def __init__(self, server, seed=20261121):
        self.server = server
        self.draws = random.Random(seed)
        self.usual = [self.draws.uniform(20, 400) for _ in range(SERIES)]

    def timer_lines(self, slowed=None):
        for index, usual in enumerate(self.usual):
            factor = 3 if index == slowed else 1
            values = ":".join(f"{abs(self.draws.gauss(usual, usual / 12)) * factor:.3f}" for _ in range(SAMPLES))
            yield f"latency.{index:04}:{values}|ms"

    def send(self, lines):
        datagram = []
        for line in lines:
            datagram.append(line)
            if len(datagram) == 4:
                self.server.send("\n".join(datagram))
                datagram = []
        if datagram:
            self.server.send("\n".join(datagram))

    def window(self, slowed=None):
        self.send(self.timer_lines(slowed))
        self.server.flush()


def latency_rows(server):
    """Rows of anomalies about the latencies themselves."""
    return [row for row in server.csv("anomalies") if row["statistic"] in ("mean", "p99")]


def of(rows, metric):
    return [row for row in rows if row["metric"] == metric]


def test_one_tripled_latency_among_a_thousand_noisy_series(start_server):
    server = start_server({"log": {"level": "info"}})
    traffic = Traffic(server)
    for _ in range(WINDOWS):
        traffic.window()
    assert server.balance()["datagrams"]["dropped_by_kernel"] == 0
    noisy = {(row["timestamp"], row["metric"]) for row in latency_rows(server) if row["state"] == "start"}
    slowed = SERIES // 3
    name = f"latency.{slowed:04}"
    noise_of_it = len(of(server.csv("anomalies"), name))

    traffic.window(slowed)
    stamp = server.snapshot()["timestamp"]
    found = of(server.csv("anomalies"), name)[noise_of_it:]
    starts = {row["statistic"]: row for row in found if row["state"] == "start" and row["statistic"] != "rate"}
    assert set(starts) == {"mean", "p99"}
    for statistic, row in starts.items():
        value, mean, stddev = (float(row[column]) for column in ("value", "mean", "stddev"))
        assert float(row["timestamp"]) == stamp
        assert (row["type"], row["severity"], row["tags"]) == ("high_latency", "critical", "")
        assert value == pytest.approx(3 * mean, rel=0.3)
        assert float(row["upper"]) == pytest.approx(mean + max(3 * stddev, 0.1 * mean))
        assert float(row["lower"]) == pytest.approx(mean - max(3 * stddev, 0.1 * mean))
        assert value > 2 * float(row["upper"])
        assert re.search(rf"^{statistic} .* above the usual ", row["reason"])
    assert float(starts["mean"]["mean"]) == pytest.approx(traffic.usual[slowed], rel=0.1)

    # Everywhere else it can be seen: the exposition, the API, the log.
    metrics = server.metrics()
    for statistic in ("mean", "p99"):
        assert metrics.value("sigmad_anomaly", metric=name, tags="", statistic=statistic, severity="critical") == 1
    assert metrics.value("sigmad_anomalies_total", severity="critical") >= 2
    answer = server.anomalies()
    active = {row["statistic"]: row for row in answer["active"] if row["metric"] == name}
    for statistic, row in starts.items():
        assert active[statistic]["value"] == float(row["value"]) and active[statistic]["reason"] == row["reason"]
        recent = [r for r in answer["recent"] if (r["metric"], r["statistic"]) == (name, statistic)]
        assert (recent[0]["state"], recent[0]["timestamp"]) == ("start", stamp)

    # It ends with the next usual window, and only then.
    traffic.window()
    ends = {row["statistic"]: row for row in of(server.csv("anomalies"), name)[noise_of_it + len(found):]}
    for statistic in ("mean", "p99"):
        assert (ends[statistic]["state"], ends[statistic]["type"]) == ("end", "high_latency")
        assert ends[statistic]["severity"] == "critical" and "back" in ends[statistic]["reason"]
        assert float(ends[statistic]["mean"]) == pytest.approx(float(starts[statistic]["mean"]), rel=1e-6)
    metrics = server.metrics()
    assert [labels for labels, _ in metrics.series("sigmad_anomaly")
            if labels["metric"] == name and labels["statistic"] != "rate"] == []

    # Noise is not called out: a row in at most 2 % of the windows of noisy series that were judged.
    traffic.window()
    rows = {(row["timestamp"], row["metric"]) for row in latency_rows(server) if row["metric"] != name}
    judged = WINDOWS + 3 - 20
    assert len(noisy) + len(rows) > 0  # with a thousand series it would be odd if there were none at all
    assert len(rows) <= 0.02 * SERIES * judged, len(rows)


def test_logged_lines_are_bounded_and_name_the_metric(start_server):
    server = start_server({"anomaly": {"warmup": "2"}})
    lines = [f"level.{index}:10|g" for index in range(25)]
    for _ in range(4):
        server.send("\n".join(lines))
        server.flush()
    server.send("\n".join(line.replace(":10|", ":90|") for line in lines))
    server.flush()
    assert len(server.csv("anomalies")) == 25
    more = server.wait_for_log(msg="more anomalies")
    logged = server.log_lines(msg="anomaly")
    assert len(logged) == 10
    assert all(line["metric"].startswith("level.") and line["severity"] == "critical" for line in logged)
    assert all("above the usual 10" in line["reason"] for line in logged)
    assert more["count"] == "15"
    assert len(server.metrics().series("sigmad_anomaly")) == 25
    assert len(server.anomalies()["active"]) == 25


def test_identical_values_are_never_anomalous(server):
    for _ in range(30):
        server.send("g:1234.5678|g\n" + "\n".join("t:0.1:0.1:0.1:0.1:0.1:0.1:0.1|ms" for _ in range(4))
                    + "\nh:7|h\nd:1e-9|d\ns:a:1|s\ns:b|s")
        server.flush()
    rows = [row for row in server.csv("anomalies") if row["statistic"] != "rate"]
    assert rows == []


@pytest.mark.parametrize(
    "name, line, usual, odd, statistic, kind",
    [
        ("app.level", "app.level:%s|g", 100, 500, "value", "high_value"),
        ("app.level", "app.level:%s|g", 100, 10, "value", "low_value"),
        ("host.memory.used", "host.memory.used:%s|g", 100, 500, "value", "high_memory"),
        ("host.cpu", "host.cpu:%s|g", 10, 90, "value", "high_cpu"),
        ("sink.throughput", "sink.throughput:%s|g", 100, 1, "value", "low_throughput"),
        ("size", "size:%s|h", 100, 500, "mean", "high_value"),
        ("wait", "wait:%s|ms", 100, 20, "mean", "low_value"),
        ("wait", "wait:%s|ms|#path:/a", 100, 500, "mean", "high_latency"),
    ],
)
def test_the_type_says_what_is_odd(server, name, line, usual, odd, statistic, kind):
    draws = random.Random(1)
    for _ in range(22):
        server.send(line % (usual + draws.uniform(-1, 1)))
        server.flush()
    server.send(line % odd)
    server.flush()
    rows = [row for row in server.csv("anomalies") if row["statistic"] == statistic]
    assert [(row["metric"], row["state"], row["type"]) for row in rows] == [(name, "start", kind)]
    assert rows[0]["tags"] == ("path=/a" if "#" in line else "")
    server.send(line % usual)
    server.flush()
    assert [row["state"] for row in server.csv("anomalies") if row["statistic"] == statistic] == ["start", "end"]


def test_sets_are_judged_by_their_size(server):
    for turn in range(22):
        server.send("\n".join(f"users:{turn}-{index}|s" for index in range(40 + turn % 3)))
        server.flush()
    server.send("\n".join(f"users:{index}|s" for index in range(250)))
    server.flush()
    assert [(row["statistic"], row["type"], row["severity"]) for row in server.csv("anomalies")] == [
        ("unique", "high_value", "critical"),
    ]


def test_there_is_no_verdict_before_the_warmup(start_server):
    server = start_server({"anomaly": {"warmup": "5"}})
    for value in (1, 1000, 1, 5000, 1):
        server.send(f"g:{value}|g")
        server.flush()
    assert server.csv("anomalies") == []
    off = start_server({"anomaly": {"method": "off", "warmup": "2"}})
    for value in (1, 1, 1, 1, 1, 1000):
        off.send(f"g:{value}|g")
        off.flush()
    assert off.csv("anomalies") == [] and off.anomalies() == {"active": [], "recent": []}


def test_a_new_level_becomes_the_usual_one_after_a_warmup_on_one_side(start_server):
    server = start_server({"anomaly": {"warmup": "5"}})
    for value in [10] * 8 + [50] * 12 + [10]:
        server.send(f"g:{value}|g")
        server.flush()
    rows = [(row["state"], row["type"]) for row in server.csv("anomalies")]
    assert rows == [("start", "high_value"), ("end", "high_value"), ("start", "low_value")]
    assert "new usual" in server.csv("anomalies")[1]["reason"]


@pytest.mark.parametrize("value, odd", [(109.9, False), (90.1, False), (110.1, True), (89.9, True)])
def test_small_deviations_are_never_anomalies(start_server, value, odd):
    server = start_server({"anomaly": {"warmup": "3", "min_change": "10%"}})
    for level in [100] * 6 + [value]:
        server.send(f"g:{level}|g")
        server.flush()
    assert [row["value"] for row in server.csv("anomalies")] == [str(value)] * odd


class Pulse:
    """Windows that the clock ends, since rates need windows of one length; one datagram in each."""

    def __init__(self, server, length_ms):
        self.server = server
        self.length_s = length_ms / 1000

    def closed(self):
        return self.server.metrics().value("sigmad_windows_closed_total")

    def send(self, datagram, windows):
        for _ in range(windows):
            closed = self.closed()
            sigmad.eventually(lambda closed=closed: self.closed() > closed)
            self.server.send(datagram)

    def is_even(self, metric, counts):
        """Whether windows, one behind the other and of the length they should have, saw these counts."""
        rows = of(self.server.csv("counters"), metric)[:len(counts)]
        stamps = [float(row["timestamp"]) for row in rows]
        lengths = [int(row["count"]) / float(row["rate"]) for row in rows]
        return (
            [int(row["count"]) for row in rows] == counts
            and all(b - a == pytest.approx(self.length_s, abs=0.01) for a, b in zip(stamps, stamps[1:]))
            and lengths == pytest.approx([self.length_s] * len(counts), rel=0.25)
        )


def test_a_counter_that_stops_or_collapses_is_called_out(start_server):
    for length_ms in (200, 500, 1000, 2000) if not sigmad.SANITIZED else (500, 1000, 2000):
        server = start_server({"flush": {"interval": f"{length_ms}ms", "align": "true"}, "anomaly": {"warmup": "8"}})
        pulse = Pulse(server, length_ms)
        pulse.send("stops:100|c\ncollapses:100|c\nt:5:5:5:5:5:5:5:5:5:5:5:5:5:5:5:5|ms", 14)
        pulse.send("collapses:100|c", 1)
        pulse.send("collapses:1|c", 4)
        server.flush()
        if pulse.is_even("collapses", [100] * 15 + [1] * 3):
            break
        server.stop()  # a machine that does not keep up is given longer windows
    else:
        pytest.fail("no windows of one length, however long")

    def called_out(metric):
        return [row for row in of(server.csv("anomalies"), metric) if row["state"] == "start"]

    for metric in ("stops", "t"):
        row = called_out(metric)[0]
        assert (row["statistic"], row["type"], row["value"]) == ("rate", "flatline", "0")
        assert "no samples" in row["reason"] and float(row["lower"]) > 0
    row = called_out("collapses")[0]
    assert (row["statistic"], row["type"]) == ("rate", "low_rate")
    assert float(row["value"]) < float(row["lower"]) < float(row["mean"])
    # The totals stay, whatever became of the rate.
    assert server.metrics().value("stops_total") == 1400
