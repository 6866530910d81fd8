# SPDX-License-Identifier: MIT
"""Real promtool and a real Prometheus: /metrics is sound, fresh, and PromQL gives back what was sent."""

import gzip
import math
import re
import subprocess
import time

import pytest

from partners import promtool_check
from sigmad import binary, clean_environment, eventually, sigmactl

# Advice on how users call their metrics, which are theirs to name. All else would be ours to mend.
NAMING_ADVICE = re.compile(
    r"^\S+ (use base unit|metric names should|metric name should not include type"
    r"|non-[a-z -]+ metrics should not have)"
)


def test_promtool_is_silent_on_the_servers_own_names(server):
    assert promtool_check(server.get("/metrics").body) == ""
    server.send("refused\na:1|c\na:1|nonsense")
    server.flush()
    assert promtool_check(server.get("/metrics").body) == ""


@pytest.mark.parametrize("timer_type", ["summary", "histogram"])
def test_promtool_has_naming_advice_only_on_users_metrics(start_server, timer_type):
    server = start_server({"prometheus": {"timer_type": timer_type}})
    for kind in ("c", "g", "ms", "h", "d", "s"):
        for name in ("plain", "with.dots", "404.hits", "requests.total", "Camel.case", "wait.milliseconds", "größe",
                     "a.count", "a.sum", "a.bucket", "a", "sigmad.x", "quoted\"name", "back\\slash"):
            server.send(f'{name}:1|{kind}|#le:1,q"uote:v"v,back\\slash:\\,flag,k:1,k:2,__x:1,1:1')
    server.flush()
    server.metrics()
    said = promtool_check(server.get("/metrics").body)
    assert [line for line in said.splitlines() if not NAMING_ADVICE.match(line)] == []


def test_promql_gives_back_what_was_sent(server, start_prometheus):
    prometheus = start_prometheus(server)
    sent = "a.b:3|c\na.b:2|c|@0.5\nt:12|ms\ng:+4|g\nu:x|s|#env:prod"
    sigmactl("send", "--to", server.target, stdin=sent)
    server.send("sum:0.1|c\nsum:0.2|c\nbelow:-2.5|g|#k:a\\b\nsize:10|h|#k:v,flag\nsize:30|h|#k:v,flag")
    server.flush()
    eventually(lambda: prometheus.query("a_b_total"), 20, "Prometheus never scraped it")
    assert prometheus.value("a_b_total") == 7
    assert prometheus.value("g") == 4
    assert prometheus.value('u{env="prod"}') == 1
    assert prometheus.value("t_seconds_sum / t_seconds_count") == 0.012
    assert prometheus.value('t_seconds{quantile="0.99"}') == 0.012
    assert prometheus.value("sum_total") == pytest.approx(0.3, rel=1e-15)
    assert prometheus.value('below{k="a\\\\b"}') == -2.5
    assert prometheus.value('size_sum{flag="true"} / size_count{k="v"}') == 20
    assert prometheus.value("sigmad_samples_stored_total") == 10
    assert prometheus.value("sum(sigmad_series)") == 7
    # What Prometheus made of the scrape as a whole: it was up, and nothing of it was left out.
    eventually(lambda: prometheus.value("up") == 1)
    assert prometheus.value("scrape_samples_scraped - scrape_samples_post_metric_relabeling") == 0


def test_rate_of_a_constant_stream_is_constant(start_server, start_prometheus):
    """A thousand samples a second, seen through a window of a day and through windows of half a second.

    A machine that stands still for a moment bends a rate over five seconds: six steady seconds are waited for.
    """
    servers = [start_server(), start_server({"flush": {"interval": "500ms", "align": "true"}})]
    prometheus = start_prometheus(*servers)
    rates = "rate(load_ms_000000_seconds_count[5s])[6s:500ms]"

    def seen(function):
        return [value for _, value in prometheus.query(f"{function}_over_time({rates})")]

    def is_steady():
        assert all(load.poll() is None for load in loads)
        return seen("count") in ([12, 12], [13, 13]) and all(
            seen(function) == pytest.approx([1000] * len(servers), rel=0.04) for function in ("min", "max"))

    options = ("--rate", "1000", "--duration", "10m", "--series", "1", "--types", "ms", "--single")
    loads = [
        subprocess.Popen([binary("SIGMACTL_BIN"), "load", "--to", server.target, *options], stdout=subprocess.DEVNULL,
                         env=clean_environment())
        for server in servers
    ]
    try:
        eventually(is_steady, 40, "rate() never was constant")
    finally:
        for load in loads:
            load.kill()
            load.wait()


@pytest.mark.parametrize("interval, align", [("1h", "false"), ("1d", "true")])
def test_a_scrape_a_second_after_a_send_shows_it(start_server, interval, align):
    server = start_server({"flush": {"interval": interval, "align": align}})
    for total in range(1, 4):
        server.metrics()  # so that there is an older body that could be served
        server.send("fresh:1|c\nlevel:%d|g\nt:%d|ms\nwho:%d|s" % (total, total, total))
        sent = time.monotonic()
        while True:
            asked = time.monotonic()
            metrics = server.metrics()
            if metrics.get("fresh_total") == total:
                break
            assert asked - sent < 1.0, "a scrape a second after the send did not show it"
        assert metrics.value("level") == total
        assert metrics.value("t_seconds_count") == total
        assert metrics.value("sigmad_windows_closed_total") == 0


def test_max_age_zero_means_every_scrape_is_fresh(start_server):
    server = start_server({"prometheus": {"max_age": "0"}})
    for total in range(1, 30):
        server.send("fresh:1|c")
        assert server.metrics().value("fresh_total") == total


def test_quantiles_are_nan_once_they_are_older_than_their_window(start_server):
    server = start_server({"prometheus": {"quantile_window": "300ms", "max_age": "0"}})
    server.send("t:12|ms")
    server.flush()
    first = server.metrics()
    assert first.value("t_seconds", quantile="0.5") in (0.012, pytest.approx(math.nan, nan_ok=True))
    eventually(lambda: math.isnan(server.metrics().value("t_seconds", quantile="0.5")), 5)
    last = server.metrics()
    assert (last.value("t_seconds_count"), last.value("t_seconds_sum")) == (1, 0.012)


def test_gzip_is_given_where_it_is_asked_for(server):
    server.send("a:1|c")
    server.flush()
    answer = server.get("/metrics", {"Accept-Encoding": "gzip"})
    body = gzip.decompress(answer.body) if answer.headers.get("Content-Encoding") == "gzip" else answer.body
    assert b"\na_total 1\n" in body
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
