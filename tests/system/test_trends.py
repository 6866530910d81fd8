# SPDX-License-Identifier: MIT
"""Trends: the right series first, the same from the history as from the CSV logs, and bad queries refused."""

import itertools
import json
import random
import statistics
import urllib.parse

import pytest

import sigmad
from sigmad import sigmactl

WINDOWS = 40
HISTORY = {"history": {"keep": "1h"}}
FIGURES = ("mean", "slope_per_hour", "robust_slope_per_hour", "intercept", "r_squared", "z", "tau", "change")


def trends(server, **query):
    response = server.get("/api/v1/trends?" + urllib.parse.urlencode(query))
    assert response.status == 200, response.text
    return response.json()


def by_name(document, statistic):
    return {row["name"]: row for row in document["trends"] if row["statistic"] == statistic}


def theil_sen_change(stamps, values):
    """By the median of all pairs' slopes, over the whole time, as a share of the mean."""
    pairs = itertools.combinations(zip(stamps, values), 2)
    slope = statistics.median((later - value) / (end - start) for (start, value), (end, later) in pairs)
    return slope * (stamps[-1] - stamps[0]) / statistics.fmean(values)


def order(document):
    return [(row["name"], row["statistic"]) for row in document["trends"]]


def may_be_either(row):
    """Rates depend on when a window is closed, which a machine may do ever later: where a line through them is about
    to be a trend, a rounded value decides."""
    z, tau, change = (abs(row[member]) for member in ("z", "tau", "change"))
    return row["statistic"] == "rate" and (abs(z - 3.29) < 0.1 or abs(tau - 0.9) < 0.06 or abs(change - 0.1) < 0.01)


@pytest.fixture(name="moved")
def start_moved(start_server):
    """A server with windows of a latency and a queue that rise, one that falls, and noise."""
    server = start_server(HISTORY)
    draws = random.Random(20261128)
    for i in range(WINDOWS):
        slow = 100 + 3 * i + draws.gauss(0, 2)
        fast = 300 - 3 * i + draws.gauss(0, 2)
        server.send(f"api.checkout.latency:{slow:.3f}|ms|#zone:a,zone:b,host:x;1")
        server.send(f"api.search.latency:{fast:.3f}|ms")
        server.send(f"api.login.latency:{draws.gauss(50, 3):.3f}|ms")
        server.send(f"queue.depth:{1000 + 20 * i}|g\nusers:u{i % 3}|s")
        server.flush()
    return server


def test_what_gets_worse_comes_first(moved):
    document = trends(moved, range="1h")
    assert document["windows"] == WINDOWS and document["series"] == 5
    means = by_name(document, "mean")
    slow, fast, noise = (means[f"api.{name}.latency"] for name in ("checkout", "search", "login"))
    assert (slow["direction"], slow["assessment"]) == ("rising", "degrading")
    assert (fast["direction"], fast["assessment"]) == ("falling", "improving")
    assert (noise["direction"], noise["assessment"]) == ("steady", "stable")
    queue = by_name(document, "value")["queue.depth"]
    assert (queue["direction"], queue["assessment"]) == ("rising", "stable")
    # Windows closed on request are not equally long: how far it rises is told by their stamps.
    rows = [row for row in moved.csv("gauges") if row["metric"] == "queue.depth"]
    change = theil_sen_change([float(row["timestamp"]) for row in rows], [float(row["value"]) for row in rows])
    assert queue["change"] == pytest.approx(change, rel=1e-6) and queue["tau"] == 1
    names = order(document)
    assert {name for name, _ in names[:2]} == {"api.checkout.latency"}
    assert names.index(("queue.depth", "value")) < names.index(("api.search.latency", "mean"))
    assert slow["tags"] == {"host": "x;1", "zone": ["a", "b"]} and slow["count"] == WINDOWS


def test_the_logs_give_the_same_lines_as_the_history(moved):
    sigmad.eventually(lambda: len({row["timestamp"] for row in moved.csv("gauges")}) == WINDOWS)
    moved_document = trends(moved, range="1h")
    read = json.loads(sigmactl("trend", "--csv", str(moved.data), "--json").stdout)
    assert read["series"] == moved_document["series"]
    assert (read["from"], read["to"]) == (moved_document["from"], moved_document["to"])
    told = {(row["name"], row["statistic"]): row for row in read["trends"]}
    assert len(told) == len(moved_document["trends"])
    for row in moved_document["trends"]:
        other = told[row["name"], row["statistic"]]
        for member in ("tags", "type", "count") + (() if may_be_either(row) else ("direction", "assessment")):
            assert other[member] == row[member], (row, other)
        for member in FIGURES:
            # Windows are milliseconds here: a rounded value moves a slope an hour far, and a tie moves z and tau.
            least = 1e-4 * max(1, abs(row["mean"]))
            if member in ("z", "tau"):
                least = 0.05
            elif "slope" in member:
                least = 1e-5 * abs(row["mean"]) * 3600 / (read["to"] - read["from"])
            assert other[member] == pytest.approx(row[member], rel=1e-3, abs=least), (member, row)
    # Of what moves the order is the same; noise may lie closer together than what four bytes hold.
    unsure = {name for document in (read, moved_document)
              for name, row in zip(order(document), document["trends"]) if may_be_either(row)}
    moving = [name for name, row in zip(order(read), read["trends"])
              if row["direction"] != "steady" and name not in unsure]
    assert moving == [name for name in order(moved_document) if name not in unsure][: len(moving)]


def test_sigmactl_shows_the_servers_as_a_table(moved):
    host, port = moved.http
    table = sigmactl("trend", "--server", f"{host}:{port}", "--metric", "api.*").stdout.decode()
    lines = table.splitlines()
    assert "3 series, 9 lines shown" in lines[0]
    assert lines[2].split() == ["metric", "tags", "statistic", "windows", "mean", "slope/h", "robust/h", "R2", "change",
                                "direction", "assessment"]
    assert lines[3].startswith("api.checkout.latency  host=x;1;zone=a;zone=b")
    assert lines[3].split()[-2:] == ["rising", "degrading"]
    assert "queue.depth" not in table


def test_spikes_do_not_hide_what_really_rises(start_server):
    server = start_server(HISTORY)
    draws = random.Random(1)
    for i in range(WINDOWS):
        spike = 1e4 if i >= WINDOWS - 3 else 0
        for j in range(5):
            server.send(f"api.{j}.latency:{draws.gauss(50, 3) + spike:.3f}|ms")
        server.send(f"api.real.latency:{100 + 3 * i + draws.gauss(0, 2):.3f}|ms")
        server.flush()
    row = trends(server, limit=1)["trends"][0]
    assert (row["name"], row["assessment"]) == ("api.real.latency", "degrading")
    read = json.loads(sigmactl("trend", "--csv", str(server.data), "--json", "--limit", "1").stdout)
    assert [row["name"] for row in read["trends"]] == ["api.real.latency"]


def test_range_metric_limit_and_change_choose(moved):
    stamps = sorted({float(row["timestamp"]) for row in moved.csv("gauges")})
    assert len(stamps) == WINDOWS
    assert order(trends(moved, metric="queue.*")) == [("queue.depth", "value")]
    assert len(trends(moved, limit=3)["trends"]) == 3
    assert trends(moved, limit=3)["series"] == 5
    assert trends(moved, metric="nothing.*")["trends"] == []
    steady = trends(moved, metric="queue.*", change="500%")["trends"][0]
    assert (steady["direction"], steady["assessment"]) == ("steady", "stable")
    short = trends(moved, range="1ms")
    assert short["windows"] == 1 and short["trends"] == []
    middle = stamps[WINDOWS // 2]
    part = json.loads(sigmactl("trend", "--csv", str(moved.data), "--from", repr(middle), "--json",
                               "--metric", "queue.depth").stdout)
    assert part["from"] == middle and part["trends"][0]["count"] == WINDOWS - WINDOWS // 2
    latest = json.loads(sigmactl("trend", "--csv", str(moved.data), "--range",
                                 f"{round(1000 * (stamps[-1] - middle))}ms", "--json").stdout)
    assert latest["from"] == stamps[WINDOWS // 2 + 1]


@pytest.mark.parametrize("query, reason", [
    ("range=soon", "range"), ("range=0s", "range"), ("range=8d", "range"), ("limit=0", "limit"),
    ("limit=1001", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("change=lots", "change"),
    pytest.param("metric=" + "x" * 513, "metric", id="metric=long"), ("metric=%5Ba", "metric"),
])
def test_bad_queries_are_refused_with_the_reason(start_server, query, reason):
    response = start_server(HISTORY).get("/api/v1/trends?" + query)
    assert response.status == 400 and response.text.startswith(reason)


def test_without_a_history_the_reason_names_the_key(server):
    response = server.get("/api/v1/trends")
    assert response.status == 503 and "[history] keep" in response.text
    host, port = server.http
    done = sigmactl("trend", "--server", f"{host}:{port}", check=False)
    assert done.returncode == 1 and b"[history] keep" in done.stderr and done.stdout == b""
    assert server.metrics().value("sigmad_history_bytes") == 0


@pytest.mark.parametrize("arguments, reason", [
    (("--from", "-1h"), b"--csv"), (("--config", "x.ini"), b"--csv"), (("--metric", "[a"), b"--metric"),
    (("--csv", "x", "--from", "20", "--to", "10"), b"--from"), (("--limit", "0"), b"--limit"),
])
def test_bad_usage_is_refused_with_the_reason(arguments, reason):
    done = sigmactl("trend", *arguments, check=False)
    assert done.returncode == 2 and reason in done.stderr


def test_logs_without_rows_are_no_trend(tmp_path):
    done = sigmactl("trend", "--csv", str(tmp_path), check=False)
    assert done.returncode == 1 and b"no rows" in done.stderr
    done = sigmactl("trend", "--csv", str(tmp_path / "none"), check=False)
    assert done.returncode == 1 and b"none" in done.stderr


def test_memory_bounds_the_history_and_says_so(start_server):
    series = 20000
    server = start_server({"history": {"keep": "1h", "memory": "1MiB"}})
    lines = [f"series.{i}:1|c" for i in range(series)]
    for at in range(0, series, 50):
        server.send("\n".join(lines[at : at + 50]))
        if at % 5000 == 0:
            sigmad.eventually(lambda sent=at: server.balance()["samples"]["stored"] >= sent)
    for _ in range(20):
        server.send("series.0:1|c")
        server.flush()
    metrics = server.metrics()
    held, dropped = (metrics.value("sigmad_history_" + name) for name in ("windows", "windows_dropped_total"))
    assert 0 < metrics.value("sigmad_history_bytes") <= 1 << 20
    assert 5 <= held < 20 and held + dropped == 20
    assert server.wait_for_log(key="history.memory")["level"] == "warning"


def test_the_history_can_be_turned_on_and_off_by_a_reload(start_server):
    server = start_server()
    server.send("a:1|c")
    server.flush()
    assert server.get("/api/v1/trends").status == 503
    text = server.ini.read_text(encoding="utf-8")
    server.ini.write_text(text + "\n[history]\nkeep = 1h\n", encoding="utf-8")
    assert server.request("POST", "/-/reload").status == 200
    for _ in range(3):
        server.flush()
    assert trends(server)["windows"] >= 2
    server.ini.write_text(text, encoding="utf-8")
    assert server.request("POST", "/-/reload").status == 200
    assert server.get("/api/v1/trends").status == 503
    server.flush()
    sigmad.eventually(lambda: server.metrics().value("sigmad_history_windows") == 0)
