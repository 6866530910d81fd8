# SPDX-License-Identifier: MIT
"""[resources]: the server's and the host's figures are series like any other."""

import time

import pytest

RESOURCES = {"resources": {"server": "true", "host": "true"}}


def test_without_the_section_there_are_none(start_server):
    server = start_server()
    server.flush()
    snapshot = server.snapshot()
    assert snapshot["gauges"] == [] and snapshot["counters"] == []
    assert snapshot["resources"]["malloc_used_bytes"] >= 0


def test_the_server_and_the_host_are_in_csv_and_snapshot(start_server):
    server = start_server(RESOURCES)
    server.flush()
    server.flush()
    snapshot = server.snapshot()
    gauges = {(g["name"], *sorted(g["tags"].values())): g["value"] for g in snapshot["gauges"]}
    counters = {(c["name"], *sorted(c["tags"].values())): c for c in snapshot["counters"]}
    assert gauges["process_resident_memory_bytes",] > 1e6
    assert gauges["process_threads",] >= 3
    assert gauges["process_max_fds",] >= gauges["process_open_fds",] > 3
    assert gauges["process_start_time_seconds",] == pytest.approx(time.time(), abs=600)
    assert gauges["sigmad_pool_max_bytes",] >= gauges["sigmad_pool_bytes",] > 0
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        total = int(meminfo.readline().split()[1]) * 1024
    assert gauges["node_memory_MemTotal_bytes",] == total
    assert 0 <= gauges["node_memory_used_ratio",] <= 1
    assert gauges["node_filesystem_size_bytes", "/"] >= gauges["node_filesystem_avail_bytes", "/"] > 0
    assert counters["node_cpu_seconds_total", "idle"]["total"] > 0
    assert counters["process_cpu_seconds_total",]["total"] >= 0
    assert counters["node_network_receive_drop_total", "lo"]["total"] >= 0
    assert ("node_load1",) in gauges
    assert ("sigmad_datagrams_dropped_total",) in counters


def test_metrics_shows_each_figure_once_and_stays_valid(start_server):
    server = start_server(RESOURCES)
    server.send("process_threads:1|g\nprocess_own:2|g\nsigmad_pool_bytes:3|c")
    server.flush()
    server.metrics()  # refuses what is no valid exposition
    text = server.get("/metrics").text
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    for once in ("process_resident_memory_bytes", "process_cpu_seconds_total", "sigmad_pool_bytes",
                 "sigmad_datagrams_dropped_total", "sigmad_malloc_used_bytes", "node_load1"):
        assert names.count(once) == 1, once
    assert "user_process_own" in names
    assert "user_process_threads" not in names
    assert "user_sigmad_pool_bytes_total" in names


def test_what_a_sender_says_of_a_resource_is_overwritten_and_told(start_server):
    server = start_server(RESOURCES)
    server.send("process_threads:12345|g")
    server.flush()
    threads = [g["value"] for g in server.snapshot()["gauges"] if g["name"] == "process_threads"]
    assert len(threads) == 1 and threads[0] < 100
    server.wait_for_log(msg="a sender uses the name of a resource, what it sent is not shown")


def test_resources_do_not_expire(start_server):
    server = start_server({**RESOURCES, "flush": {"interval": "50ms", "align": "false", "expire_gauges": "1s",
                                            "expire_counters": "1s"}})
    deadline = time.monotonic() + 20
    while server.snapshot()["uptime_seconds"] < 2.5:
        assert time.monotonic() < deadline
        server.flush()
    names = {g["name"] for g in server.snapshot()["gauges"]}
    assert {"process_resident_memory_bytes", "node_memory_MemTotal_bytes", "process_threads"} <= names


def test_at_the_limit_of_series_a_resource_is_refused_and_told(start_server):
    server = start_server({**RESOURCES, "limits": {"max_series": "3"}})
    server.flush()
    assert len(server.snapshot()["gauges"]) + len(server.snapshot()["counters"]) <= 3
    server.wait_for_log(msg="no room for a resource as a series")


def test_an_alert_sees_memory(start_server):
    server = start_server(RESOURCES | {'alert "memory"': {"metric": "process_resident_memory_bytes",
                                                    "condition": "value > 1000"}})
    server.flush()
    server.flush()
    server.wait_for_log(msg="alert fires", alert="memory")
