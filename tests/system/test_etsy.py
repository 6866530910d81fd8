# SPDX-License-Identifier: MIT
"""Profile etsy and exact timers, seen from outside: what a server that etsy statsd's clients are moved to must show.

The arithmetic itself is held against the corpus in tests/unit/flush/test_etsy.c.
"""

import pytest


def flushed(server, *datagrams):
    for datagram in datagrams:
        server.send(datagram)
    server.flush()
    return server.snapshot()


def series(entries, name):
    [found] = [entry for entry in entries if entry["name"] == name]
    return found


@pytest.fixture
def etsy(start_server):
    return start_server({"server": {"profile": "etsy"}, "flush": {"percentiles": "-10, 90"}})


def test_rates_are_of_the_configured_interval(start_server):
    server = start_server({"server": {"profile": "etsy"}, "flush": {"interval": "1h"}})
    snapshot = flushed(server, "hits:7200|c\nlat:1|ms|@0.5")
    assert series(snapshot["counters"], "hits")["rate"] == 2
    assert series(snapshot["timers"], "lat")["rate"] == 2 / 3600
    assert snapshot["window_seconds"] < 3600


def test_timers_are_unweighted_and_exact_whatever_their_number(etsy):
    lines = [f"t:{i}.125|ms{'|@0.5' if i % 2 else ''}" for i in range(1, 5001)]
    timer = series(flushed(etsy, *("\n".join(lines[i : i + 50]) for i in range(0, 5000, 50)))["timers"], "t")
    assert timer["count"] == 7500
    assert timer["mean"] == 2500.5 + 0.125
    assert timer["percentiles"] == {"-10": 4501.125, "90": 4500.125}
    assert 'quantile="0.9"' in etsy.get("/metrics").text
    assert 'quantile="-' not in etsy.get("/metrics").text


def test_idle_series_are_zeros_and_gauges_stay(etsy):
    flushed(etsy, "c:3|c\nt:7|ms\ng:5|g\ns:a|s")
    snapshot = flushed(etsy)
    assert series(snapshot["counters"], "c")["count"] == 0
    assert series(snapshot["timers"], "t")["count"] == 0
    assert series(snapshot["gauges"], "g")["value"] == 5
    assert series(snapshot["sets"], "s")["unique"] == 0
    assert [row["count"] for row in etsy.csv("counters")] == ["3", "0"]
    assert [row["max"] for row in etsy.csv("timers")] == ["7", "0"]
    assert [row["unique"] for row in etsy.csv("sets")] == ["1", "0"]


def test_names_are_cleaned_and_unknown_types_count(etsy):
    snapshot = flushed(etsy, "a/b  c$:1|c\na-b_c:1|weird\na-b_c:3|h\n$%:1|c")
    assert series(snapshot["counters"], "a-b_c")["count"] == 5
    assert not snapshot["timers"]
    assert etsy.metrics().value("sigmad_samples_rejected_total", reason="no_name_left") == 1


def test_bins_are_in_csv_and_snapshot(start_server):
    server = start_server(
        {
            "server": {"profile": "etsy"},
            'histogram "none"': {"bins": ""},
            'histogram "api."': {"bins": "1, 5, inf"},
            'histogram "a"': {"bins": "100"},
        }
    )
    snapshot = flushed(server, "x.api.y:1|ms\nx.api.y:0.5|ms\nx.api.y:7|ms\nnone.api.:1|ms\nother:1|ms")
    buckets = [(bucket["le"], bucket["count"]) for bucket in series(snapshot["timers"], "x.api.y")["buckets"]]
    assert buckets == [(1, 1), (5, 2), ("+Inf", 3)]
    assert "buckets" not in series(snapshot["timers"], "none.api.")
    assert [(row["metric"], row["le"], row["count"]) for row in server.csv("histograms")] == [
        ("x.api.y", "1", "1"), ("x.api.y", "5", "2"), ("x.api.y", "+Inf", "3"),
    ]


def test_a_bound_is_within_its_bucket_but_with_profile_etsy(start_server):
    server = start_server({'histogram "t"': {"bins": "1, 5"}})
    timer = series(flushed(server, "t:1|ms|@0.5\nt:5|ms\nt:9|ms")["timers"], "t")
    assert [(bucket["le"], bucket["count"]) for bucket in timer["buckets"]] == [(1, 2), (5, 3)]


def test_there_is_no_histogram_file_without_bins(start_server):
    server = start_server()
    flushed(server, "t:1|ms")
    assert not (server.data / "histograms.csv").exists()


def test_exact_timers_are_weighted_in_the_modern_profile(start_server):
    server = start_server({"metrics": {"timers": "exact"}, "flush": {"percentiles": "50, 90, 99.9"}})
    lines = [f"t:{1000003 + i}|ms" for i in range(4000)] + ["t:5|ms|@0.0001"]
    timer = series(flushed(server, *("\n".join(lines[i : i + 50]) for i in range(0, 4001, 50)))["timers"], "t")
    assert timer["count"] == 14000
    assert timer["percentiles"] == {"50": 5, "90": 1000003 + 2599, "99.9": 1000003 + 3985}


def test_what_the_budget_cannot_hold_is_counted_and_said(start_server):
    server = start_server({"metrics": {"timers": "exact"}, "limits": {"memory": "1MiB", "max_series": "100"}})
    lines = [f"t:{i % 1000 + 1}|ms" for i in range(100000)]
    for i in range(0, len(lines), 100):
        server.send("\n".join(lines[i : i + 100]))
        if i % 10000 == 0:
            server.snapshot()
    server.flush()
    timer = series(server.snapshot()["timers"], "t")
    assert timer["count"] == 100000
    assert timer["percentiles"]["99"] == pytest.approx(990, rel=0.002)
    assert server.metrics().value("sigmad_approximations_total") > 0
    server.wait_for_log(msg="no room for every sample, sketches go on")
