# SPDX-License-Identifier: MIT
"""DogStatsD events and service checks: events.csv, the snapshot, the counters and the losses."""

import time

COLUMNS = (
    "timestamp,metric,tags,kind,status,text,time,host,priority,alert_type,aggregation_key,source_type,container_id"
)


def send_both(server):
    server.send(
        b"_e{9,15}:deploy ok|done\\nin, \"3\" m|d:1795229000|h:web-1|p:low|t:success|k:key|s:ci|c:in-7|#env:prod,b:2,a"
    )
    server.send(b"_sc|db.up|2|h:db-1|#env:prod|m:no answer")


def test_events_and_checks_have_a_row_each(server):
    before = time.time()
    send_both(server)
    server.flush()
    event, check = server.csv("events")
    assert ",".join(event) == COLUMNS
    stamp = server.csv("events")[0]["timestamp"]
    assert event == dict(
        timestamp=stamp, metric="deploy ok", tags="a;b=2;env=prod", kind="event", status="", time="1795229000",
        text='done\\nin, "3" m', host="web-1", priority="low", alert_type="success", aggregation_key="key",
        source_type="ci", container_id="in-7",
    )
    assert before - 0.1 <= float(check.pop("time")) <= time.time() + 0.1
    assert check == dict(
        timestamp=stamp, metric="db.up", tags="env=prod", kind="service_check", status="2", text="no answer",
        host="db-1", priority="", alert_type="", aggregation_key="", source_type="", container_id="",
    )


def test_the_snapshot_shows_those_of_its_window(server):
    send_both(server)
    server.flush()
    event, check = server.snapshot()["events"]
    assert event == {
        "kind": "event", "time": 1795229000, "name": "deploy ok", "text": 'done\nin, "3" m',
        "tags": {"a": "", "b": "2", "env": "prod"}, "host": "web-1", "priority": "low", "alert_type": "success",
        "aggregation_key": "key", "source_type": "ci", "container_id": "in-7",
    }
    del check["time"]
    assert check == {
        "kind": "service_check", "status": 2, "name": "db.up", "text": "no answer", "tags": {"env": "prod"},
        "host": "db-1",
    }
    server.flush()
    assert server.snapshot()["events"] == []
    assert len(server.csv("events")) == 2


def test_a_scrape_in_between_loses_and_doubles_none(server):
    server.send(b"_sc|a|0")
    server.metrics()
    server.send(b"_sc|b|1")
    server.metrics()
    server.flush()
    assert [row["metric"] for row in server.csv("events")] == ["a", "b"]


def test_sigterm_writes_those_of_the_open_window(server):
    send_both(server)
    server.stop()
    assert [row["kind"] for row in server.csv("events")] == ["event", "service_check"]


def test_a_flood_is_bounded_and_what_is_lost_is_counted(start_server):
    server = start_server({"server": {"workers": 2}})
    for i in range(150):
        server.send("\n".join(f"_sc|check.{i}.{j}|1|m:{'x' * 20}" for j in range(10)))
    server.flush()
    metrics, balance = server.metrics(), server.balance()
    assert metrics.value("sigmad_events_total", kind="service_check") == 1500 == balance["service_checks_received"]
    assert metrics.value("sigmad_events_lost_total", reason="window_limit") == 500 == sum(
        balance["events_lost"].values()
    )
    assert len(server.csv("events")) == 1000 == len(server.snapshot()["events"])
    server.send(b"_sc|next|0")
    server.flush()
    assert server.csv("events")[-1]["metric"] == "next"
