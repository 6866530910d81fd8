# SPDX-License-Identifier: MIT
"""Real Prometheus receivers: what several servers remote-write is there, whole and once, whatever happens between."""

import math
import os
import random
import signal
import time

import pytest

from receiver import Answerer, Receiver
from sigmad import eventually


@pytest.fixture
def start_receiver(tmp_path):
    started = []

    def start():
        started.append(Receiver(tmp_path / f"receiver{len(started)}"))
        return started[-1]

    yield start
    for receiver in started:
        receiver.kill()


@pytest.fixture
def start_answerer():
    started = []

    def start(answer):
        started.append(Answerer(answer))
        return started[-1]

    yield start
    for answerer in started:
        answerer.stop()


def writes_to(receiver, instance, **more):
    return {"remote_write": {"url": receiver.url, "labels": f"instance={instance}", **more.pop("keys", {})}, **more}


def flush_anyhow(server):
    """A flush that answers 503 while the sink fails is waited for otherwise."""
    closed = server.metrics().value("sigmad_windows_closed_total")
    server.request("POST", "/-/flush")
    eventually(lambda: server.metrics().value("sigmad_windows_closed_total") > closed)
    eventually(lambda: server.metrics().value("sigmad_sink_queue_bytes", sink="remote_write") == 0, 20)


def send_all(server, lines, size=1000):
    """As datagrams, with pauses in which they are taken in, so that none is dropped."""
    taken = server.metrics().value("sigmad_samples_stored_total")
    for i in range(0, len(lines), 20):
        server.send("\n".join(lines[i:i + 20]))
        if i % size == 0:
            taken_before = taken + i
            eventually(lambda: server.metrics().value("sigmad_samples_stored_total") >= taken_before, 10)
    eventually(lambda: server.metrics().value("sigmad_samples_stored_total") >= taken + len(lines), 10)


def test_names_labels_and_values_are_those_of_metrics(start_receiver, start_server):
    receiver = start_receiver()
    server = start_server(writes_to(receiver, "one"))
    server.send("a.b:3|c\na.b:2|c|@0.5\ng:+4|g\nu:x|s|#env:prod\nbelow:-2.5|g|#k:a\\b,instance:theirs,A:1\nt:12|ms")
    server.flush()
    assert receiver.values("a_b_total") == [({"__name__": "a_b_total", "instance": "one"}, 7)]
    assert receiver.value("g") == 4
    assert receiver.value('u{env="prod"}') == 1
    assert receiver.values("below") == [
        ({"__name__": "below", "instance": "one", "exported_instance": "theirs", "k": "a\\b", "A": "1"}, -2.5)]
    assert receiver.value("histogram_count(t_seconds)") == 1
    assert receiver.value("histogram_sum(t_seconds)") == 0.012
    assert receiver.value("histogram_quantile(0.5, t_seconds)") == pytest.approx(0.012, rel=0.01)
    metrics = server.metrics()
    assert metrics.value("sigmad_sink_errors_total", sink="remote_write") == 0
    assert metrics.value("sigmad_sink_queue_bytes", sink="remote_write") == 0
    assert metrics.value("sigmad_bytes_sent_total", sink="remote_write") > 0


def extrapolated(stored, ended):
    """What increase() makes of a counter that begins at 0, before which it does not reach. Behind the last sample it
    goes on to the end of the range, but no further than a little more than from sample to sample."""
    (first, _), *_, (last, total) = stored
    between = (last - first) / (len(stored) - 1)
    behind = ended - last if ended - last < 1.1 * between else between / 2
    return total * (1 + behind / (last - first))


def test_three_servers_add_up_and_quantiles_are_of_all_samples(start_receiver, start_server):
    receiver = start_receiver()
    began = time.time()
    servers = [start_server(writes_to(receiver, f"server{i}")) for i in range(3)]
    chance = random.Random(8)
    samples = []
    for _ in range(4):
        for i, server in enumerate(servers):
            own = [chance.lognormvariate(3 + i, 0.5 + i / 4) for _ in range(1500)]
            samples += own
            send_all(server, [f"lat:{value!r}|ms|#path:/x" for value in own] + ["hits:2|c|#path:/x"] * 500)
        for server in servers:
            server.flush()
    now = time.time()
    seconds = math.ceil(now - began) + 2
    assert receiver.value("sum(hits_total)") == 3 * 4 * 500 * 2
    assert receiver.value("sum(histogram_count(lat_seconds))") == len(samples)
    for instance in range(3):
        stored = receiver.samples(f'hits_total{{instance="server{instance}"}}')
        assert [value for _, value in stored] == [0, 1000, 2000, 3000, 4000]
    stored = [receiver.samples(f'hits_total{{instance="server{i}"}}') for i in range(3)]
    ended = max(stamp for own in stored for stamp, _ in own)
    rate = receiver.value(f"sum(rate(hits_total[{seconds}s]))", ended)
    assert rate * seconds == pytest.approx(sum(extrapolated(own, ended) for own in stored), rel=1e-3)
    samples.sort()
    for quantile in (0.5, 0.9, 0.99):
        truth = samples[math.ceil(quantile * len(samples)) - 1] / 1000
        found = receiver.value(f"histogram_quantile({quantile}, sum(lat_seconds))", now)
        assert found == pytest.approx(truth, rel=0.01), quantile


def test_no_window_is_missing_after_the_receiver_was_killed(start_receiver, start_server):
    receiver = start_receiver()
    server = start_server(writes_to(receiver, "one", flush={"interval": "200ms", "align": "false"}))

    def closed():
        return server.metrics().value("sigmad_windows_closed_total")

    def wait_windows(count):
        since = closed()
        while closed() < since + count:
            server.send("hits:1|c\nlevel:1|g\nt:5|ms")
            time.sleep(0.01)

    wait_windows(5)
    receiver.kill()
    wait_windows(20)
    metrics = server.metrics()
    assert metrics.value("sigmad_sink_queue_bytes", sink="remote_write") > 0
    assert metrics.value("sigmad_sink_errors_total", sink="remote_write") > 0
    receiver.start()
    wait_windows(5)
    eventually(lambda: server.metrics().value("sigmad_sink_queue_bytes", sink="remote_write") == 0, 30)
    server.stop()
    # A gauge has a row in every window, the short one of the stop too.
    windows = [float(row["timestamp"]) for row in server.csv("gauges")]
    assert len(windows) >= 30 and windows == sorted(set(windows))
    assert [stamp for stamp, _ in receiver.samples("level")] == windows
    (_, begin), *counts = receiver.samples("hits_total")
    assert [stamp for stamp, _ in counts] == windows
    values = [begin] + [value for _, value in counts]
    assert begin == 0 and values == sorted(values)


def test_series_end_when_they_expire_and_when_the_server_stops(start_receiver, start_server):
    receiver = start_receiver()
    server = start_server(writes_to(receiver, "one", flush={"interval": "100ms", "align": "false",
                                                            "expire_gauges": "300ms"}))
    server.send("brief:1|g\nlasting:1|c\nt:1|ms")
    eventually(lambda: receiver.samples("brief"), 10)
    eventually(lambda: receiver.value("brief") is None, 10, "an expired gauge was still shown")
    assert {value for _, value in receiver.samples("brief")} == {1}
    assert receiver.value("lasting_total") == 1
    assert receiver.value("histogram_count(t_seconds)") == 1
    server.stop()
    assert receiver.values('{__name__=~".+"}') == []


def test_only_the_refused_series_is_lost_and_named(start_answerer, start_server):
    """Prometheus takes nothing of a request that it answers with 400."""
    answerer = start_answerer(lambda names, _: (400, {}) if "bad_total" in names else (204, {}))
    server = start_server(writes_to(answerer, "one"))
    server.send("\n".join(["bad:1|c"] + [f"good{i}:1|c" for i in range(20)]))
    flush_anyhow(server)
    assert sorted(answerer.taken()) == sorted(f"good{i}_total" for i in range(20))
    assert server.wait_for_log(msg="series refused")["first"] == "bad_total"
    assert server.metrics().value("sigmad_sink_windows_lost_total", sink="remote_write") == 1


def test_what_prometheus_refuses_does_not_take_the_rest_with_it(start_receiver, start_server):
    """Two servers with the same labels write the same series, one of them late."""
    receiver = start_receiver()
    first, second = (start_server(writes_to(receiver, "same")) for _ in range(2))
    receiver.kill()
    second.send("\n".join(["common:1|c"] + [f"own{i}:1|c" for i in range(9)]))
    second.request("POST", "/-/flush")
    eventually(lambda: second.metrics().value("sigmad_sink_errors_total", sink="remote_write") > 0)
    os.kill(second.pid, signal.SIGSTOP)
    try:
        receiver.start()
        first.send("common:5|c")
        flush_anyhow(first)
    finally:
        os.kill(second.pid, signal.SIGCONT)
    eventually(lambda: second.metrics().value("sigmad_sink_queue_bytes", sink="remote_write") == 0, 30)
    assert [receiver.value(f"own{i}_total") for i in range(9)] == [1] * 9
    assert receiver.value("common_total") == 5
    assert second.wait_for_log(msg="series refused")["first"] == "common_total"
    assert second.metrics().value("sigmad_sink_windows_lost_total", sink="remote_write") == 1


def test_names_follow_the_mapping_file_and_its_reload(start_receiver, start_server, tmp_path):
    receiver = start_receiver()
    mapping = tmp_path / "mapping.yml"
    rule = "mappings:\n- match: 'web.*.time'\n  name: %s\n  scale: 2\n  labels: {host: '$1'}\n"
    mapping.write_text(rule % "web_time", encoding="utf-8")
    server = start_server(writes_to(receiver, "one", prometheus={"mapping": mapping}))
    server.send("web.a.time:500|ms\nweb.b.time:3|h")
    server.flush()
    assert receiver.value('histogram_sum(web_time{host="a"})') == 1
    assert receiver.value('histogram_quantile(0.5, web_time{host="a"})') == pytest.approx(1, rel=0.01)
    assert receiver.value('histogram_sum(web_time{host="b"})') == 6
    mapping.write_text(rule % "request_time", encoding="utf-8")
    server.request("POST", "/-/reload")
    server.send("web.a.time:500|ms")
    server.flush()
    assert receiver.value('histogram_count(request_time{host="a"})') == 2
    assert receiver.values("web_time") == []


@pytest.mark.parametrize("status, headers", [(503, {}), (429, {"Retry-After": "1"})])
def test_what_may_pass_is_tried_again_and_nothing_overtakes(start_answerer, start_server, status, headers):
    answerer = start_answerer(lambda _, count: (status, headers) if count < 3 else (204, {}))
    server = start_server(writes_to(answerer, "one", keys={"batch": "2"}))
    server.send("\n".join(f"n{i}:1|c" for i in range(9)))
    began = time.monotonic()
    flush_anyhow(server)
    if headers:
        assert time.monotonic() - began >= 2
    server.send("n0:1|c")
    flush_anyhow(server)
    assert len(answerer.taken()) == 18
    assert answerer.requests[0].names == answerer.requests[1].names == answerer.requests[2].names
    stamps = [stamp for request in answerer.requests if request.status == 204 for stamp in request.last_stamps]
    assert stamps == sorted(stamps)
    assert all(len(request.names) <= 2 for request in answerer.requests)


def test_what_is_refused_for_good_is_not_tried_again(start_answerer, start_server):
    answerer = start_answerer(lambda _, count: (403, {}) if count == 0 else (204, {}))
    server = start_server(writes_to(answerer, "one"))
    server.send("a:1|c")
    flush_anyhow(server)
    assert [request.status for request in answerer.requests] == [403]
    metrics = server.metrics()
    assert metrics.value("sigmad_sink_windows_lost_total", sink="remote_write") == 1
    assert metrics.value("sigmad_sink_errors_total", sink="remote_write") == 1


def test_a_request_is_what_the_specification_asks_for(start_answerer, start_server, tmp_path):
    answerer = start_answerer(lambda *_: (204, {}))
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    server = start_server(writes_to(answerer, "one", keys={"tenant": "us", "token_file": tmp_path / "token"}))
    server.send("Zoo:1|g|#Upper:1,lower:2")
    server.flush()
    [request] = answerer.requests
    for name, value in (("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy"),
                        ("X-Prometheus-Remote-Write-Version", "0.1.0"), ("X-Scope-OrgID", "us"),
                        ("Authorization", "Bearer secret")):
        assert request.headers[name] == value
    assert [list(series.labels) for series in request.series] == [["Upper", "__name__", "instance", "lower"]]


def test_a_reload_reads_the_token_anew(start_answerer, start_server, tmp_path):
    answerer = start_answerer(lambda *_: (204, {}))
    (tmp_path / "token").write_text("one\n", encoding="utf-8")
    server = start_server(writes_to(answerer, "one", keys={"token_file": tmp_path / "token"}))

    def sent():
        server.send("a:1|c")
        server.flush()
        return answerer.requests[-1].headers["Authorization"]

    assert sent() == "Bearer one"
    (tmp_path / "token").write_text("two\n", encoding="utf-8")
    server.request("POST", "/-/reload")
    assert sent() == "Bearer two"
    (tmp_path / "token").unlink()
    server.request("POST", "/-/reload")
    line = server.wait_for_log(msg="secrets stay as they were", sink="remote_write")
    assert "remote_write.token_file" in line["reason"] and sent() == "Bearer two"


def test_the_queue_is_bounded_and_the_oldest_windows_go(start_answerer, start_server):
    answerer = start_answerer(lambda *_: (503, {}))
    server = start_server(writes_to(answerer, "one", keys={"queue": "64KiB"},
                                    flush={"interval": "100ms", "align": "false"}))
    noise = random.Random(1)
    server.send("\n".join(f"{noise.getrandbits(256):x}:{i}|g" for i in range(100)))
    lost = eventually(lambda: server.metrics().value("sigmad_sink_windows_lost_total", sink="remote_write"), 30)
    assert lost > 0
    assert server.metrics().value("sigmad_sink_queue_bytes", sink="remote_write") <= 64 * 1024
    answerer.answer = lambda *_: (204, {})
    eventually(lambda: server.metrics().value("sigmad_sink_queue_bytes", sink="remote_write") < 20000, 30)


def test_check_refuses_what_is_no_url_or_label(start_server, tmp_path):
    from sigmad import StartFailed

    for keys, word in (({"url": "ftp://x/"}, "URL"), ({"url": "http://127.0.0.1:1/", "labels": "a-b=c"}, "labels")):
        with pytest.raises(StartFailed) as failed:
            start_server({"remote_write": keys})
        assert word in failed.value.log
