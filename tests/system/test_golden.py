# SPDX-License-Identifier: MIT
"""What a window becomes, exactly: the rows, the snapshot and the lines of /metrics that users script against.

Numbers are compared as they are written, so that a change of their format is seen too.
"""

import json

import pytest

from sigmad import sigmactl

GOLDEN = "a.b:3|c\na.b:2|c|@0.5\nt:12|ms\ng:+4|g\nu:x|s|#env:prod"


def file_text(server, name):
    return (server.data / f"{name}.csv").read_text(encoding="utf-8")


def written_snapshot(server):
    """The snapshot with every number as the text that stands in it."""
    return json.loads(server.get("/api/v1/snapshot").body, parse_float=str, parse_int=str)


def user_lines(server):
    """The lines of /metrics that are about users' families, HELP left out; the whole is checked."""
    server.metrics()
    lines = server.get("/metrics").text.splitlines()
    own = ("sigmad_", "process_", "# HELP ", "# TYPE sigmad_", "# TYPE process_")
    return [line for line in lines if not line.startswith(own)]


def flushed(server, *datagrams):
    """Sends, closes the window, and returns its snapshot."""
    for datagram in datagrams:
        server.send(datagram)
    server.flush()
    return server.snapshot()


def series(rows, name, **fields):
    """The one entry of a list of a snapshot with this name and these fields."""
    [found] = [row for row in rows if row["name"] == name and fields.items() <= row.items()]
    return found


# The golden case.


@pytest.fixture
def golden(server):
    sigmactl("send", "--to", server.target, stdin=GOLDEN)
    server.flush()
    return server


def test_golden_csv(golden):
    snapshot = written_snapshot(golden)
    end = float(snapshot["timestamp"])
    stamp = f"{end:.0f}" if end == int(end) else f"{end:.3f}"
    counter_rate = snapshot["counters"][0]["rate"]
    timer_rate = snapshot["timers"][0]["rate"]
    assert file_text(golden, "counters") == (
        "timestamp,metric,tags,count,rate\n"
        f"{stamp},a.b,,7,{counter_rate}\n"
    )
    assert file_text(golden, "gauges") == f"timestamp,metric,tags,value\n{stamp},g,,4\n"
    assert file_text(golden, "timers") == (
        "timestamp,metric,tags,type,count,rate,sum,mean,min,max,stddev,p50,p90,p95,p99,p99.9\n"
        f"{stamp},t,,ms,1,{timer_rate},12,12,12,12,0,12,12,12,12,12\n"
    )
    assert file_text(golden, "sets") == f"timestamp,metric,tags,unique\n{stamp},u,env=prod,1\n"
    assert file_text(golden, "anomalies") == (
        "timestamp,metric,tags,statistic,value,mean,stddev,lower,upper,type,severity,state,reason\n"
    )


def test_golden_snapshot(golden):
    snapshot = golden.snapshot()
    seconds = snapshot["window_seconds"]
    assert 0 < seconds <= snapshot["uptime_seconds"]
    percentiles = {"50": 12, "90": 12, "95": 12, "99": 12, "99.9": 12}
    assert snapshot["counters"] == [{"name": "a.b", "tags": {}, "count": 7, "rate": 7 / seconds, "total": 7}]
    assert snapshot["gauges"] == [{"name": "g", "tags": {}, "value": 4}]
    assert snapshot["timers"] == [
        {"name": "t", "tags": {}, "type": "ms", "count": 1, "rate": 1 / seconds, "sum": 12, "mean": 12,
         "min": 12, "max": 12, "stddev": 0, "percentiles": percentiles},
    ]
    assert snapshot["sets"] == [{"name": "u", "tags": {"env": "prod"}, "unique": 1}]
    assert isinstance(snapshot["resources"], dict) and isinstance(snapshot["server"], dict)
    assert list(snapshot) == [
        "timestamp", "uptime_seconds", "window_seconds", "counters", "gauges", "timers", "sets", "events", "resources",
        "server",
    ]


def test_golden_metrics(golden):
    assert user_lines(golden) == [
        "# TYPE a_b_total counter",
        "a_b_total 7",
        "# TYPE g gauge",
        "g 4",
        "# TYPE t_seconds summary",
        't_seconds{quantile="0.5"} 0.012',
        't_seconds{quantile="0.9"} 0.012',
        't_seconds{quantile="0.95"} 0.012',
        't_seconds{quantile="0.99"} 0.012',
        't_seconds{quantile="0.999"} 0.012',
        "t_seconds_sum 0.012",
        "t_seconds_count 1",
        "# TYPE u gauge",
        'u{env="prod"} 1',
    ]


def test_golden_balance(golden):
    balance = golden.balance()
    assert balance["balanced"] is True
    assert sum(balance["lines"]["received"].values()) == 5 and balance["lines"]["accepted"] == 5
    assert balance["samples"]["received"] == {"c": 2, "g": 1, "ms": 1, "h": 0, "d": 0, "s": 1, "unknown": 0}
    assert balance["samples"]["stored"] == 5 and set(balance["samples"]["rejected"].values()) == {0}


def test_windows_start_afresh_and_totals_go_on(golden):
    sigmactl("send", "--to", golden.target, stdin=GOLDEN)
    golden.flush()
    snapshot = golden.snapshot()
    assert [(row["count"], row["total"]) for row in snapshot["counters"]] == [(7, 14)]
    assert snapshot["gauges"][0]["value"] == 8
    assert [row["count"] for row in golden.csv("counters")] == ["7", "7"]
    assert [row["value"] for row in golden.csv("gauges")] == ["4", "8"]
    assert [row["count"] for row in golden.csv("timers")] == ["1", "1"]
    assert [row["unique"] for row in golden.csv("sets")] == ["1", "1"]
    metrics = golden.metrics()
    assert metrics.value("a_b_total") == 14
    assert (metrics.value("t_seconds_count"), metrics.value("t_seconds_sum")) == (2, 0.024)
    assert metrics.value("u", env="prod") == 1


# The other types, and what a line may hold.


def test_histograms_and_distributions_are_series_of_their_own(server):
    snapshot = flushed(server, "x:1|h\nx:3|h\nx:10|d\nx:2000|ms")
    assert [(row["type"], row["count"], row["sum"]) for row in sorted(server.csv("timers"), key=str)] == [
        ("d", "1", "10"), ("h", "2", "4"), ("ms", "1", "2000"),
    ]
    assert {row["type"]: row["mean"] for row in snapshot["timers"]} == {"d": 10, "h": 2, "ms": 2000}
    # h and d share a Prometheus name and type, so /metrics merges them; ms is in seconds and apart.
    metrics = server.metrics()
    assert metrics.families["x"].type == metrics.families["x_seconds"].type == "summary"
    assert (metrics.value("x_count"), metrics.value("x_sum")) == (3, 14)
    assert (metrics.value("x", quantile="0.5"), metrics.value("x", quantile="0.9")) == (3, 10)
    assert (metrics.value("x_seconds_count"), metrics.value("x_seconds_sum")) == (1, 2)


def test_timers_weigh_samples_by_their_rate(server):
    snapshot = flushed(server, "w:10|ms|@0.5\nw:20|ms\nw:40|ms|@0.25")
    [timer] = snapshot["timers"]
    mean = (2 * 10 + 20 + 4 * 40) / 7
    variance = (2 * (10 - mean) ** 2 + (20 - mean) ** 2 + 4 * (40 - mean) ** 2) / 7
    assert (timer["count"], timer["sum"], timer["min"], timer["max"]) == (7, 200, 10, 40)
    assert timer["mean"] == pytest.approx(mean, rel=1e-12)
    assert timer["stddev"] == pytest.approx(variance**0.5, rel=1e-12)
    assert timer["percentiles"] == {"50": 40, "90": 40, "95": 40, "99": 40, "99.9": 40}


def test_percentiles_are_nearest_rank_and_exact_while_samples_are_few(start_server):
    server = start_server({"flush": {"percentiles": "10, 50, 75, 99.99, 100"}})
    snapshot = flushed(server, "\n".join(f"few:{value}|ms" for value in range(60, 0, -1)))
    assert snapshot["timers"][0]["percentiles"] == {"10": 6, "50": 30, "75": 45, "99.99": 60, "100": 60}
    [row] = server.csv("timers")
    assert [row[f"p{p}"] for p in ("10", "50", "75", "99.99", "100")] == ["6", "30", "45", "60", "60"]
    metrics = server.metrics()
    quantiles = [labels["quantile"] for labels, _ in metrics.series("few_seconds")]
    assert quantiles == ["0.1", "0.5", "0.75", "0.9999", "1"]


def test_many_samples_stay_within_two_per_mille(server):
    values = [(index * 7919 % 10007) / 8 + 0.5 for index in range(10007)]
    for start in range(0, len(values), 100):
        server.send("\n".join(f"many:{value}|ms" for value in values[start:start + 100]))
    server.flush()
    [timer] = server.snapshot()["timers"]
    ordered = sorted(values)
    assert (timer["count"], timer["min"], timer["max"]) == (len(values), ordered[0], ordered[-1])
    assert timer["sum"] == pytest.approx(sum(values), rel=1e-9)
    for percent, found in timer["percentiles"].items():
        exact = ordered[-(-len(ordered) * round(float(percent) * 10) // 1000) - 1]
        assert found == pytest.approx(exact, rel=0.002), percent


def test_values_may_be_packed_and_types_mixed(server):
    snapshot = flushed(server, "p:1:2:3|ms\nc:1:2|c|@0.5\nm:5|c:7|ms\ng:1:2:+4|g")
    assert series(snapshot["timers"], "p")["sum"] == 6 and series(snapshot["timers"], "p")["count"] == 3
    assert series(snapshot["counters"], "c")["count"] == 6
    assert series(snapshot["counters"], "m")["count"] == 5 and series(snapshot["timers"], "m")["sum"] == 7
    assert series(snapshot["gauges"], "g")["value"] == 6


def test_counters_keep_fractions_and_negative_values_stay_out_of_the_total(server):
    snapshot = flushed(server, "f:0.25|c\nf:-3|c\nf:1e2|c")
    assert series(snapshot["counters"], "f")["count"] == 97.25
    assert series(snapshot["counters"], "f")["total"] == 100.25
    assert server.csv("counters")[0]["count"] == "97.25"
    metrics = server.metrics()
    assert metrics.value("f_total") == 100.25 and metrics.value("sigmad_counter_decrements_total") == 1


def test_gauges_are_set_by_plain_values_and_moved_by_signed_ones(server):
    snapshot = flushed(server, "g:10|g", "g:-3|g\ng:+0.5|g", "new:-2|g", "g:1|g\ng:-2|g")
    assert series(snapshot["gauges"], "g")["value"] == -1
    assert series(snapshot["gauges"], "new")["value"] == -2
    assert [row["value"] for row in server.csv("gauges")] == ["-1", "-2"]


def test_sets_count_members_once(server):
    snapshot = flushed(server, "users:a|s\nusers:b|s\nusers:a|s", "users:a:b|s", *[f"big:{i}|s" for i in range(256)])
    assert series(snapshot["sets"], "users")["unique"] == 3
    assert series(snapshot["sets"], "big")["unique"] == 256


def test_large_sets_are_within_a_few_per_cent(server):
    for start in range(0, 20_000, 100):
        server.send("\n".join(f"large:member-{i}|s" for i in range(start, start + 100)))
    server.flush()
    assert server.snapshot()["sets"][0]["unique"] == pytest.approx(20_000, rel=0.04)


# Tags and names.


def test_tags_are_sorted_and_identify_the_series(server):
    snapshot = flushed(server, "t:1|c|#b:2,a:1", "t:2|c|#a:1,b:2", "t:4|c|#a:1", "t:8|c")
    rows = {row["tags"]: row["count"] for row in server.csv("counters")}
    assert rows == {"a=1;b=2": "3", "a=1": "4", "": "8"}
    counts = {tuple(row["tags"].items()): row["count"] for row in snapshot["counters"]}
    assert counts == {(("a", "1"), ("b", "2")): 3, (("a", "1"),): 4, (): 8}
    metrics = server.metrics()
    assert metrics.value("t_total", a="1", b="2") == 3
    assert metrics.value("t_total", a="1") == 4 and metrics.value("t_total") == 8


def test_a_tag_may_have_no_value_or_several(server):
    snapshot = flushed(server, "t:1|c|#flag,k:2,k:1,empty:")
    assert server.csv("counters")[0]["tags"] == "empty;flag;k=1;k=2"
    assert snapshot["counters"][0]["tags"] == {"empty": "", "flag": "", "k": ["1", "2"]}
    assert server.metrics().value("t_total", empty="true", flag="true", k="1,2") == 1


def test_what_csv_and_labels_have_to_escape(server):
    snapshot = flushed(server, 'n,a"m\\e:1|c|#a;b:c=d,back\\slash:x\\,q:"y"')
    [row] = server.csv("counters")
    assert row["metric"] == 'n,a"m\\\\e'
    assert row["tags"] == 'a\\;b=c\\=d;back\\\\slash=x\\\\;q="y"'
    assert file_text(server, "counters").splitlines()[1].split(",", 1)[1].startswith(
        '"n,a""m\\\\e","a\\;b=c\\=d;back\\\\slash=x\\\\;q=""y""",1,'
    )
    assert snapshot["counters"][0]["name"] == 'n,a"m\\e'
    assert snapshot["counters"][0]["tags"] == {"a;b": "c=d", "back\\slash": "x\\", "q": '"y"'}
    assert server.metrics().value("n_a_m_e_total", a_b="c=d", back_slash="x\\", q='"y"') == 1


def test_a_line_break_in_a_name_is_no_line_break_in_csv(server):
    snapshot = flushed(server, "a\rb:1|c|#k\r:v\rw")
    [row] = server.csv("counters")
    assert (row["metric"], row["tags"]) == ("a\\rb", "k\\r=v\\rw")
    assert snapshot["counters"][0]["name"] == "a\rb"
    assert server.metrics().value("a_b_total", k_="v\ufffdw") == 1


def test_names_are_utf8_and_become_legal_for_prometheus(server):
    flushed(server, "grüße.tag:1|c|#straße:köln", "404.hits:1|c", "a:b-c d/e:1|c".replace(":", ".", 1))
    assert {row["metric"] for row in server.csv("counters")} == {"grüße.tag", "404.hits", "a.b-c d/e"}
    metrics = server.metrics()
    assert metrics.value("gr__e_tag_total", stra_e="köln") == 1
    assert metrics.value("_404_hits_total") == 1 and metrics.value("a_b_c_d_e_total") == 1


def test_suffixes_are_not_doubled_and_reserved_names_get_a_prefix(server):
    flushed(server, "requests.total:1|c", "wait.seconds:2000|ms", "sigmad.up:1|g", "process_x:1|c",
            "l:1|c|#le:1,quantile:2,__x:3,1st:4")
    metrics = server.metrics()
    assert metrics.value("requests_total") == 1 and metrics.value("wait_seconds_sum") == 2
    assert metrics.value("user_sigmad_up") == 1 and metrics.value("user_process_x_total") == 1
    labels = {"tag_le": "1", "tag_quantile": "2", "tag___x": "3", "_1st": "4"}
    assert metrics.value("l_total", **labels) == 1


def test_series_that_prometheus_cannot_tell_apart_are_merged(server):
    flushed(server, "a.b:1|c\na_b:2|c\na-b:4|c", "g.x:1|g", "g_x:5|g", "t.x:1000|ms\nt_x:3000|ms",
            "s.x:a|s\ns_x:a|s\ns-x:b|s")
    assert len(server.csv("counters")) == 3
    metrics = server.metrics()
    assert metrics.value("a_b_total") == 7
    assert metrics.value("g_x") == 5
    assert (metrics.value("t_x_seconds_count"), metrics.value("t_x_seconds_sum")) == (2, 4)
    assert metrics.value("t_x_seconds", quantile="0.99") == 3
    assert metrics.value("s_x") == 2


def test_a_name_of_another_types_family_gets_a_suffix_or_is_refused_once(server):
    flushed(server, "x:1|h")
    server.metrics()
    flushed(server, "x:7|g", "x:m|s", "y_total:3|g")
    server.metrics()
    flushed(server, "y:1|c")
    metrics = server.metrics()
    assert metrics.value("x_count") == 1
    assert metrics.value("x_gauge") == 7 and metrics.value("x_set") == 1
    assert metrics.value("y_total") == 3 and metrics.families["y_total"].type == "gauge"
    assert metrics.value("sigmad_prometheus_conflicts_total") == 1
    server.metrics()
    server.stop()
    assert len([line for line in server.log.splitlines() if "metric=y" in line]) == 1
    assert [row["metric"] for row in server.csv("counters")] == ["y"]


def test_tags_of_the_configuration_are_added_and_the_senders_own_win(start_server):
    server = start_server({"metrics": {"tags": "env:dev, dc:eu"}})
    flushed(server, "t:1|c", "t:2|c|#env:prod")
    rows = {row["tags"]: row["count"] for row in server.csv("counters")}
    assert rows == {"dc=eu;env=dev": "1", "dc=eu;env=prod": "2"}


def test_histograms_for_prometheus_are_cumulative_in_seconds(start_server):
    server = start_server({"prometheus": {"timer_type": "histogram", "buckets": ".01, .1", "buckets_plain": "5, 10"}})
    flushed(server, "t:5|ms\nt:10|ms\nt:50|ms\nt:5000|ms\nh:5|h\nh:11|h")
    metrics = server.metrics()
    assert [metrics.value("t_seconds_bucket", le=le) for le in ("0.01", "0.1", "+Inf")] == [2, 3, 4]
    assert [metrics.value("h_bucket", le=le) for le in ("5", "10", "+Inf")] == [1, 1, 2]
    assert metrics.value("t_seconds_sum") == 5.065
    flushed(server, "t:5|ms")
    metrics = server.metrics()
    assert metrics.value("t_seconds_bucket", le="0.01") == 3 and metrics.value("t_seconds_count") == 5
