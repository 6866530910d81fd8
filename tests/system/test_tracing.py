# SPDX-License-Identifier: MIT
"""The spans of each flush, at a collector that reads OTLP/HTTP in JSON."""

import time

import pytest

from notified import WebServer
from sigmad import eventually


@pytest.fixture
def start_collector():
    started = []

    def start(*answer):
        started.append(WebServer(*answer))
        return started[-1]

    yield start
    for collector in started:
        collector.stop()


def spans_of(collector):
    return [span for request in list(collector.requests) for part in request.json()["resourceSpans"]
            for scope in part["scopeSpans"] for span in scope["spans"]]


def attributes(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def test_a_window_is_a_trace_with_a_span_a_stage(start_server, start_collector, tmp_path):
    collector = start_collector()
    (tmp_path / "token").write_text("t0ken\n", encoding="utf-8")
    server = start_server({"tracing": {"endpoint": collector.url, "token_file": tmp_path / "token"}})
    before = time.time_ns()
    server.send("a:1|c\nb:2|g\nc:3|g\nd:4|ms\ne:5|s")
    server.flush()
    server.flush()
    spans = eventually(lambda: spans_of(collector))
    request = collector.requests[0]
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer t0ken" and "t0ken" not in server.log
    [resource] = [part["resource"] for part in request.json()["resourceSpans"]]
    assert attributes(resource)["service.name"] == "sigmad"
    roots = [span for span in spans if "parentSpanId" not in span]
    root = roots[0]
    assert root["name"] == "flush" and len(root["traceId"]) == 32 and len(root["spanId"]) == 16
    shown = attributes(root)
    assert shown["sigmad.window"] == "1" and shown["sigmad.series.counters"] == "1"
    assert shown["sigmad.series.gauges"] == "2" and shown["sigmad.series.timers"] == "1"
    children = [span for span in spans if span.get("parentSpanId") == root["spanId"]]
    assert {"collect", "derive", "publish"} <= {span["name"] for span in children}
    assert len({span["spanId"] for span in spans}) == len(spans)
    start, end = int(root["startTimeUnixNano"]), int(root["endTimeUnixNano"])
    assert before - 10**9 < start <= end < time.time_ns() + 10**9
    for child in children:
        assert child["traceId"] == root["traceId"]
        assert start <= int(child["startTimeUnixNano"]) <= int(child["endTimeUnixNano"]) <= end


def test_a_reload_reads_the_token_anew(start_server, start_collector, tmp_path):
    collector = start_collector()
    (tmp_path / "token").write_text("one\n", encoding="utf-8")
    server = start_server({"tracing": {"endpoint": collector.url, "token_file": tmp_path / "token"}})

    def sent():
        before = len(collector.requests)
        server.flush()
        server.flush()
        eventually(lambda: len(collector.requests) > before)
        eventually(lambda: server.metrics().value("sigmad_sink_queue_bytes", sink="tracing") == 0)
        return collector.requests[-1].headers["Authorization"]

    assert sent() == "Bearer one"
    (tmp_path / "token").write_text("two\n", encoding="utf-8")
    server.request("POST", "/-/reload")
    assert sent() == "Bearer two"
    (tmp_path / "token").write_text("\n", encoding="utf-8")
    server.request("POST", "/-/reload")
    line = server.wait_for_log(msg="secrets stay as they were", sink="tracing")
    assert "tracing.token_file" in line["reason"] and sent() == "Bearer two"


def test_a_collector_that_is_away_is_waited_for_and_holds_nothing_up(start_server, start_collector):
    ready = []
    collector = start_collector(lambda before: 200 if ready else 503)
    server = start_server({"tracing": {"endpoint": collector.url, "queue": "3"}})
    for _ in range(4):
        server.flush()
    eventually(lambda: collector.requests)
    assert server.get("/-/ready").status == 200
    server.wait_for_log(msg="collector cannot be reached")
    ready.append(True)
    server.wait_for_log(msg="collector is back")
    eventually(lambda: server.metrics().value("sigmad_sink_queue_bytes", sink="tracing") == 0)


def test_traces_beyond_the_queue_are_counted(start_server, start_collector):
    collector = start_collector(lambda before: collector.hang)
    server = start_server({"tracing": {"endpoint": collector.url, "queue": "2"}})
    server.flush()
    server.flush()
    eventually(lambda: collector.requests)
    for _ in range(5):
        server.flush()
    assert server.metrics().value("sigmad_sink_windows_lost_total", sink="tracing") == 3
