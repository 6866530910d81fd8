# SPDX-License-Identifier: MIT
"""The Graphite sink: etsy statsd's names and figures, each window once, none missing after an outage."""
# ctest: TIMEOUT 300

import json
import math
import re
import threading
import time
from pathlib import Path

import pytest

from graphite import Receiver, read_frames, read_lines, values
from sigmad import DEFAULTS, PATIENCE, SANITIZED, STOP_SECONDS, StartFailed, eventually, ini_text, merged

CORPUS = Path(__file__).resolve().parent.parent / "data" / "flush.jsonl"
OWN = re.compile(r"(^|\.)statsd\.")


@pytest.fixture
def make_receiver():
    """A test names it, or `receiver`, in front of start_server: it is there until the servers have ended."""
    made = []

    def make():
        made.append(Receiver())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def receiver(make_receiver):
    return make_receiver()


def etsy_cases():
    with CORPUS.open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    return [case for case in cases if case["flavour"] in ("etsy", "etsy-graphite")]


def to_config(case, address):
    """The text of a statsd.ini that does what the case's etsy configuration does."""
    config = case.get("config") or {}
    names = {
        "deleteIdleStats": "delete_idle", "deleteCounters": "delete_counters", "deleteTimers": "delete_timers",
        "deleteGauges": "delete_gauges", "deleteSets": "delete_sets", "gaugesMaxTTL": "gauges_max_ttl",
        "flush_counts": "flush_counts",
    }
    of_graphite = {"legacyNamespace": "legacy_namespace", "globalSuffix": "global_suffix",
                   "globalPrefix": "global_prefix", "prefixCounter": "prefix_counter",
                   "prefixTimer": "prefix_timer", "prefixGauge": "prefix_gauge", "prefixSet": "prefix_set"}
    keys = {"address": address}
    keys.update({names[key]: str(config[key]).lower() for key in names if key in config})
    nested = config.get("graphite", {})
    keys.update({of_graphite[key]: str(nested[key]).lower() for key in nested})
    if "calculatedTimerMetrics" in config:
        keys["statistics"] = ", ".join(config["calculatedTimerMetrics"])
    changes = {
        "server": {"profile": "etsy"},
        "flush": {"interval": f"{int(case['interval_s'] * 1000)}ms", "align": "false",
                  "percentiles": ", ".join(map(str, case["percentiles"]))},
        "graphite": keys,
    }
    for histogram in config.get("histogram", []):
        bins = ", ".join(map(str, histogram["bins"])) or "off"
        changes[f'histogram "{histogram["metric"]}"'] = {"bins": bins}
    return ini_text(merged(DEFAULTS, changes))


def to_path(series):
    """What a series of an etsy case is called in the legacy namespace."""
    kind, name = series.split(".", 1)
    if kind == "counters":
        name, figure = name.rsplit(".", 1)
        return f"stats.{name}" if figure == "rate" else f"stats_counts.{name}"
    return f"stats.{kind}.{name}"


def windows_of(case):
    return case["windows"] if "windows" in case else [{"in": case["in"], "expect": case["expect"]}]


def shown_windows(case, receiver, server):
    """What the receiver is shown of the case's windows; None where the clock has ended one of them, too."""
    shown = []
    for number, window in enumerate(windows_of(case), 1):
        for datagram in window["in"]:
            server.send(datagram)
        if server.flush().json()["window"] != number:
            return None
        data = receiver.wait_for(len(shown) + 1)[len(shown)]
        shown.append({path: value for path, value in values(data).items() if not OWN.search(path)})
    return shown


@pytest.mark.parametrize("case", etsy_cases(), ids=lambda case: case["id"])
def test_shows_what_etsy_statsd_shows(make_receiver, start_server, case):
    for _ in range(20):
        receiver = make_receiver()
        server = start_server(to_config(case, receiver.address))
        shown = shown_windows(case, receiver, server)
        if shown:
            break
        server.stop()
    else:
        pytest.fail("every window was ended by the clock")
    rename = to_path if case["flavour"] == "etsy" else str
    for index, window in enumerate(windows_of(case)):
        expected = {rename(series): value for series, value in window["expect"].items() if not OWN.search(series)}
        assert shown[index].keys() == expected.keys(), f"window {index}"
        for path, value in expected.items():
            assert math.isclose(shown[index][path], value, rel_tol=1e-9, abs_tol=1e-12), f"window {index}: {path}"


def test_pickle_says_the_same_as_plaintext(make_receiver, receiver, start_server):
    pickled = make_receiver()
    plain = start_server({"graphite": {"address": receiver.address}})
    other = start_server({"graphite": {"address": pickled.address, "protocol": "pickle"}})
    for server in plain, other:
        for i in range(3000):
            server.send(f"series.of.some.length.{i}:{i * 0.1}|g|#host:a{i}")
        server.flush()
    lines = read_lines(receiver.connections[0])
    frames = read_frames(pickled.connections[0])
    assert [(path, float(value)) for path, value, _ in lines] == [(path, value) for path, (_, value) in frames]
    assert all(isinstance(stamp, int) for _, (stamp, _) in frames)
    assert len(lines) == 3001


def test_every_address_gets_every_window(make_receiver, receiver, start_server):
    second = make_receiver()
    server = start_server({"graphite": {"address": f"{receiver.address}, {second.address}"}})
    for i in range(5):
        server.send(f"hits:{i}|c")
        server.flush()
    assert receiver.connections == second.connections
    assert len(second.connections) == 5


def test_one_address_that_is_away_does_not_hold_up_the_other(make_receiver, receiver, start_server):
    away = make_receiver()
    away.close()
    server = start_server({"graphite": {"address": f"{away.address}, {receiver.address}"}})
    server.send("hits:1|c")
    answer = server.request("POST", "/-/flush")
    assert answer.status == 503
    assert "Connection refused" in answer.text
    assert values(receiver.wait_for(1)[0])["stats_counts.hits"] == 1
    away.listen()
    assert values(away.wait_for(1, 30)[0])["stats_counts.hits"] == 1
    assert len(receiver.connections) == 1


def test_names_and_tags_are_such_as_graphite_takes(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address, "global_suffix": "host7"}})
    server.send("a  b/c\u00e9d:1|g|#zone:eu west,b:~x,flag,k:1,k:2")
    server.flush()
    assert "stats.gauges.a_b-cd.host7;b=_x;flag=true;k=1,2;zone=eu_west" in values(receiver.connections[0])


def test_windows_wait_while_the_receiver_is_away(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address}})
    server.send("hits:1|c")
    server.flush()
    receiver.close()
    for i in range(20):
        server.send(f"hits:{i + 2}|c")
        assert server.request("POST", "/-/flush").status == 503
    assert server.get("/-/ready").status == 503
    assert server.balance()["sinks"]["graphite"]["queue_bytes"] > 0
    receiver.listen()
    counts = [values(data)["stats_counts.hits"] for data in receiver.wait_for(21, 30)]
    assert counts == list(range(1, 22))
    eventually(lambda: server.get("/-/ready").status == 200, 30)
    eventually(lambda: server.balance()["sinks"]["graphite"]["queue_bytes"] == 0)
    figures = server.balance()["sinks"]["graphite"]
    assert figures["windows_lost"] == 0
    assert figures["errors"] > 0


def test_the_oldest_windows_go_when_the_queue_is_full(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address, "buffer": "64KiB"}})
    receiver.close()
    for i in range(20):
        for j in range(100):
            server.send(f"a.series.of.some.length.{j}:{i}|c")
        server.request("POST", "/-/flush")
        assert server.balance()["sinks"]["graphite"]["queue_bytes"] <= 64 * 1024
    lost = server.balance()["sinks"]["graphite"]["windows_lost"]
    assert 0 < lost < 20
    receiver.listen()
    shown = [values(data)["stats_counts.a.series.of.some.length.0"] for data in receiver.wait_for(20 - lost, 30)]
    assert shown == list(range(lost, 20))
    server.flush()


def test_no_line_is_sent_twice_when_a_connection_breaks(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address}})
    for i in range(20000):
        server.send(f"some.series.of.a.certain.length.{i}:1|g")
        if i % 200 == 0:
            server.get("/-/healthy")
    receiver.read_bytes = 100000
    server.request("POST", "/-/flush")
    eventually(lambda: receiver.connections, 30)
    receiver.read_bytes = None
    eventually(lambda: "statsd.numStats" in receiver.connections[-1].decode()
               or server.balance()["sinks"]["graphite"]["queue_bytes"] == 0, 30)
    paths = [path for data in receiver.connections for path, *_ in read_lines(data)]
    assert len(paths) == len(set(paths))
    assert len(paths) >= 100
    assert server.balance()["sinks"]["graphite"]["windows_lost"] == 1
    server.wait_for_log(msg="window may lack lines")


def test_a_receiver_that_never_closes_has_each_window_once(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address}})
    receiver.keeps_open = True
    start = time.monotonic()
    for i in range(10):
        server.send(f"hits:{i}|c")
        server.flush()
    # Once it is known, it costs a moment a window; until then five seconds.
    assert time.monotonic() - start < 30
    counts = [values(data)["stats_counts.hits"] for data in receiver.wait_for(10)]
    assert counts == list(range(10))
    assert server.balance()["sinks"]["graphite"]["windows_lost"] == 0


def test_a_receiver_may_be_given_by_name(receiver, start_server):
    server = start_server({"graphite": {"address": f"localhost:{receiver.port}"}})
    server.send("hits:1|c")
    server.flush()
    assert values(receiver.connections[0])["stats_counts.hits"] == 1


def test_a_name_that_is_none_is_told(receiver, start_server):
    server = start_server({"graphite": {"address": f"no-such-host.invalid:{receiver.port}"}})
    answer = server.request("POST", "/-/flush")
    assert answer.status == 503
    server.process.terminate()
    assert server.process.wait(timeout=STOP_SECONDS) == 1


def test_health_is_answered_while_a_large_window_is_sent(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address}})
    for i in range(0, 100000 if not SANITIZED else 20000, 25):
        server.send("\n".join(f"a.counter.with.some.name.{j}:1|c" for j in range(i, i + 25)))
        if i % 5000 == 0:
            server.get("/-/healthy")
    answers = []

    def ask():
        while not answers or receiver.connections == []:
            start = time.monotonic()
            assert server.get("/-/healthy").status == 200
            answers.append(time.monotonic() - start)

    asking = threading.Thread(target=ask)
    asking.start()
    server.flush()
    asking.join()
    received = values(receiver.connections[0])
    assert len(received) == 2 * received["statsd.numStats"] + 1
    assert max(answers) < 1 * PATIENCE


def test_the_last_window_is_sent_before_the_end(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address}})
    server.send("hits:7|c")
    server.stop()
    assert values(receiver.connections[-1])["stats_counts.hits"] == 7


def test_a_stop_does_not_wait_for_a_receiver_that_is_away(receiver, start_server):
    server = start_server({"graphite": {"address": receiver.address}})
    receiver.close()
    server.send("hits:7|c")
    server.process.terminate()
    assert server.process.wait(timeout=8) == 1
    server.wait_for_log(msg="windows lost", sink="graphite")


@pytest.mark.parametrize("keys, message", [
    ({"address": ":2003"}, "names no host to send to"),
    ({"address": "localhost:0"}, "names no port to send to"),
    ({"address": "localhost:2003", "prefix_gauge": "a b"}, "may hold visible ASCII only"),
    ({"address": "localhost:2003", "statistics": "meen"}, "'meen' is not known"),
])
def test_a_section_that_makes_no_sense_is_refused(start_server, keys, message):
    with pytest.raises(StartFailed) as failed:
        start_server({"graphite": keys})
    assert failed.value.status == 2
    assert message in failed.value.log
