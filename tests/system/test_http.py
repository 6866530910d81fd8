# SPDX-License-Identifier: MIT
"""The HTTP server as scrapers, operators, browsers and the careless meet it."""

import contextlib
import gzip
import http.client
import json
import re
import socket
import threading
import time

import pytest

from sigmad import ANSWER_SECONDS, PATIENCE, StartFailed, eventually

PAGES = ["/", "/metrics", "/api/v1/snapshot", "/api/v1/anomalies", "/api/v1/alerts", "/api/v1/balance",
         "/-/healthy", "/-/ready"]
ACTIONS = ["/-/flush", "/-/reload"]


def connect(server):
    return socket.create_connection(server.http, timeout=ANSWER_SECONDS)


def exchange(server, request):
    """Sends bytes as they are and returns all that comes back until the server closes."""
    with connect(server) as raw:
        try:
            raw.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was read
        return read_all(raw)


def read_all(raw):
    chunks = []
    try:
        while chunk := raw.recv(65536):
            chunks.append(chunk)
    except ConnectionResetError:
        pass
    return b"".join(chunks)


def status_of(answer):
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return int(match.group(1)) if match else None


def is_alive(server):
    return server.get("/-/healthy").status == 200


# What is where.


@pytest.mark.parametrize("path", PAGES)
def test_pages_answer_get_and_head_alike(server, path):
    got = server.get(path)
    head = server.request("HEAD", path)
    assert got.status == head.status == 200
    assert head.body == b""
    assert got.headers["Content-Type"] == head.headers["Content-Type"]
    assert int(got.headers["Content-Length"]) == len(got.body)
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/metrics", "/-/healthy"])
def test_pages_take_no_other_method(server, path, method):
    answer = server.request(method, path)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ACTIONS)
def test_actions_take_post_alone(server, path):
    answer = server.get(path)
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert server.request("POST", path).status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/metrics/", "//metrics", "/METRICS", "/%2fmetrics", "/api/v1/"])
def test_other_paths_are_not_found(server, path):
    assert server.get(path).status == 404
    assert server.request("POST", path).status == 404


def test_a_query_changes_nothing(server):
    assert server.get("/metrics?name=x&y").status == 200


def test_the_index_names_every_page(server):
    text = server.get("/").text
    assert all(f"<code>{path}</code>" in text for path in PAGES + ACTIONS)


# What they say.


def test_a_flush_shows_in_snapshot_and_metrics_at_once(server):
    server.send("hits:3|c|#env:prod\ntook:12|ms\nlevel:+4|g\nwho:x|s")
    answer = server.flush().json()
    assert answer["window"] == 1
    snapshot = server.snapshot()
    assert snapshot["timestamp"] == answer["timestamp"]
    assert snapshot["counters"] == [{
        "name": "hits", "tags": {"env": "prod"}, "count": 3, "total": 3,
        "rate": pytest.approx(3 / snapshot["window_seconds"]),
    }]
    assert [(t["name"], t["type"], t["percentiles"]["50"]) for t in snapshot["timers"]] == [("took", "ms", 12)]
    assert snapshot["gauges"] == [{"name": "level", "tags": {}, "value": 4}]
    assert snapshot["sets"] == [{"name": "who", "tags": {}, "unique": 1}]
    assert snapshot["resources"]["resident_memory_bytes"] > 0
    assert snapshot["server"]["ingest"]["samples_stored"] == 4
    metrics = server.metrics()
    assert metrics.value("hits_total", env="prod") == 3
    assert metrics.value("took_seconds", quantile="0.5") == 0.012
    assert metrics.value("took_seconds_sum") == 0.012
    assert metrics.value("level") == 4
    assert metrics.value("who") == 1


def test_before_the_first_window_the_snapshot_is_empty(server):
    snapshot = server.snapshot()
    assert [snapshot[kind] for kind in ("counters", "gauges", "timers", "sets")] == [[], [], [], []]


def test_a_scrape_shows_what_was_sent_before_without_a_flush(start_server):
    server = start_server({"prometheus": {"max_age": "0"}})
    for total in range(1, 4):
        server.send("hits:1|c")
        assert server.metrics().value("hits_total") == total
    assert server.metrics().value("sigmad_windows_closed_total") == 0


def test_scrapes_within_max_age_share_a_body_but_not_the_own_figures(start_server):
    server = start_server({"prometheus": {"max_age": "1h"}})
    server.send("hits:1|c")
    server.flush()
    server.send("hits:1|c")
    eventually(lambda: server.metrics().value("sigmad_samples_received_total", type="c") == 2)
    assert server.metrics().value("hits_total") == 1


def test_a_scrape_is_compressed_for_who_takes_it_so(start_server):
    server = start_server({"prometheus": {"max_age": "1h"}})
    server.send("hits:3|c")
    server.flush()
    plain = server.get("/metrics")
    assert "Content-Encoding" not in plain.headers
    for _ in range(2):
        packed = server.get("/metrics", {"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept, Accept-Encoding"
        text = gzip.decompress(packed.body)
        assert text.startswith(plain.body[:20])
        assert b"\nhits_total 3\n" in text
        assert len(packed.body) < len(plain.body) / 3
    refused = server.get("/metrics", {"Accept-Encoding": "gzip;q=0"})
    assert b"\nhits_total 3\n" in refused.body
    head = server.request("HEAD", "/metrics", {"Accept-Encoding": "gzip"})
    assert head.headers["Content-Encoding"] == "gzip"
    assert head.body == b""


def test_one_name_in_every_type_stays_valid(server):
    server.send("x:1|c\nx:2|g\nx:3|ms\nx:4|h\nx:5|s\nx:7|d|#le:1,a-b:2,a.b:1,__z")
    server.flush()
    metrics = server.metrics()
    assert metrics.value("x_total") == 1
    assert metrics.value("x_gauge") == 2
    assert metrics.value("x_seconds_sum") == 0.003
    assert metrics.value("x_sum") == 4
    assert metrics.value("x_set") == 1
    assert metrics.value("x_sum", tag_le="1", a_b="1,2", tag___z="true") == 7


def test_a_refused_name_is_counted_and_logged_once(server):
    server.send("x:1|g")
    server.flush()
    server.send("x:1|h|#a:1\nx:1|h|#a:2")
    server.flush()
    metrics = server.metrics()
    assert metrics.value("x") == 1
    assert metrics.value("sigmad_prometheus_conflicts_total") == 2
    server.wait_for_log(metric="x", type="h")
    server.stop()
    assert len(server.log_lines(metric="x", type="h")) == 1


@pytest.mark.parametrize("name", ["sigmad.series", "process_cpu_seconds_total"])
def test_senders_cannot_pose_as_the_server(server, name):
    server.send(f"{name}:5|g")
    server.flush()
    metrics = server.metrics()
    assert metrics.value("user_" + re.sub(r"\W", "_", name)) == 5


def test_timers_can_be_histograms(start_server):
    server = start_server({"prometheus": {"timer_type": "histogram", "buckets": ".01, .1", "buckets_plain": "5"}})
    server.send("took:5:50:500|ms\nsize:4:6|h|#a:b")
    server.flush()
    metrics = server.metrics()
    assert [metrics.value("took_seconds_bucket", le=le) for le in ("0.01", "0.1", "+Inf")] == [1, 2, 3]
    assert [metrics.value("size_bucket", le=le, a="b") for le in ("5", "+Inf")] == [1, 2]
    timer = next(t for t in server.snapshot()["timers"] if t["name"] == "took")
    assert timer["buckets"] == [{"le": 0.01, "count": 1}, {"le": 0.1, "count": 2}, {"le": "+Inf", "count": 3}]


def test_any_bytes_that_are_accepted_leave_the_pages_valid(server):
    names = [bytes([b]) for b in range(1, 256) if b not in b"\n:|#@"]
    names += ["é€𝄞".encode(), b"404.hits", b"requests.total", b'q"uo\\te', b"a,b;c=d"]
    for i, name in enumerate(names):
        for kind in (b"c", b"g", b"ms", b"s"):
            server.send(b"n" * (i % 2) + name + b":1|" + kind + b"|#" + name + b":" + name + b",le:1,k")
    server.flush()
    server.metrics()
    assert server.snapshot()["counters"]
    assert server.balance()["balanced"] is True


def test_the_balance_closes(server):
    server.send("a:1|c\nbad\nb:x|g\nt:1:2:3|ms\nc:1|c|@1e-9")
    server.flush()
    balance = server.balance()
    lines, samples = balance["lines"], balance["samples"]
    assert balance["balanced"] is True
    assert lines["received"]["udp"] == lines["accepted"] + sum(lines["rejected"].values()) == 5
    assert sum(samples["received"].values()) == samples["stored"] + sum(samples["rejected"].values()) + samples["late"]
    assert lines["rejected"]["no_colon"] == 1
    assert balance["sinks"]["csv"]["done_window"] == balance["windows_closed"] == 1


def test_every_flush_closes_a_window_of_its_own_or_shares_one(server):
    answers = []

    def flush():
        answers.append(server.flush().json()["window"])

    threads = [threading.Thread(target=flush) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 16
    assert 1 <= max(answers) <= 16
    assert server.balance()["windows_closed"] == max(answers)


# Who may ask.


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9102", "10.0.0.1", "127.0.0.1.evil.example"])
def test_a_foreign_host_is_refused(server, host):
    assert server.get("/metrics", {"Host": host}).status == 403
    assert server.request("POST", "/-/flush", {"Host": host}).status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
def test_a_foreign_origin_is_refused(server, origin):
    assert server.get("/metrics", {"Origin": origin}).status == 403
    assert server.request("POST", "/-/flush", {"Origin": origin}).status == 403


def test_the_own_origin_is_let_in(server):
    host, port = server.http
    for name in (host, "localhost"):
        headers = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
        assert server.get("/metrics", headers).status == 200
        assert server.request("POST", "/-/flush", headers).status == 200


def test_a_host_in_the_first_line_counts(server):
    answer = exchange(server, b"GET http://evil.example/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert status_of(answer) == 403


@pytest.mark.parametrize("hosts", [b"", b"Host: 127.0.0.1\r\nHost: evil.example\r\n", b"Host: a b\r\n", b"Host:\r\n"])
def test_a_host_that_is_not_one_is_bad(server, hosts):
    answer = exchange(server, b"GET /-/healthy HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
    assert status_of(answer) == 400


def test_old_clients_may_leave_the_host_out(server):
    assert status_of(exchange(server, b"GET /-/healthy HTTP/1.0\r\n\r\n")) == 200


def test_bound_to_every_address_scrapers_may_use_any_name(start_server):
    server = start_server({"http": {"listen": ":0"}})
    assert server.get("/metrics", {"Host": "sigmad.monitoring.svc:9102"}).status == 200
    assert server.get("/metrics", {"Host": "a b"}).status == 400
    assert server.request("POST", "/-/flush", {"Host": "rebound.example"}).status == 403
    assert server.flush()


def test_admin_off_refuses_everybody(start_server):
    server = start_server({"http": {"admin": "off"}})
    assert [server.request("POST", path).status for path in ACTIONS] == [403, 403]
    assert server.get("/metrics").status == 200


def test_a_token_opens_what_it_is_for(start_server, tmp_path):
    (tmp_path / "token").write_text("s3cret\n", encoding="ascii")
    server = start_server({"http": {"admin": "token", "admin_token_file": str(tmp_path / "token")}})
    refused = server.request("POST", "/-/flush")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    for wrong in ("Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "Bearer S3CRET"):
        assert server.request("POST", "/-/flush", {"Authorization": wrong}).status == 401
    assert server.request("POST", "/-/flush", {"Authorization": "Bearer s3cret"}).status == 200


def test_a_bad_configuration_is_not_reloaded_and_the_answer_says_why(server):
    server.ini.write_text(server.ini.read_text() + "\n[prometheus]\nmax_age = yesterday\n", encoding="utf-8")
    answer = server.request("POST", "/-/reload")
    assert answer.status >= 400
    assert "max_age" in answer.text
    assert is_alive(server)


# What careless and hostile clients do.


@pytest.mark.parametrize("request_line", [
    b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/2.0\r\n\r\n",
    b"GET /metrics FTP/1.1\r\n\r\n", b"\x00\x01\x02\xff\r\n\r\n", b"GET /m etrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
])
def test_what_is_no_request_is_refused(server, request_line):
    status = status_of(exchange(server, request_line))
    assert status in range(400, 506), status
    assert is_alive(server)


def test_too_many_headers_are_refused(server):
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(64))
    assert status_of(exchange(server, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")) in (400, 413, 431)
    assert status_of(exchange(server, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) in (400, 413, 414)
    assert is_alive(server)


def test_a_body_too_large_is_refused(server):
    answer = server.request("POST", "/-/flush", body=b"x" * 100_000)
    assert answer.status == 413
    chunked = b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + \
        b"ffffffff\r\n" + b"x" * 1000
    assert status_of(exchange(server, chunked)) == 413
    assert server.request("POST", "/-/flush", body=b"x" * 1000).status == 200


def test_requests_sent_ahead_are_answered_in_turn(server):
    one = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    flush = b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    last = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = exchange(server, one * 3 + flush * 2 + one + last)
    assert len(re.findall(rb"HTTP/1\.1 200 OK\r\n", answer)) == 7
    assert answer.endswith(b"ok\n")


def test_bytes_that_come_while_a_request_waits_do_no_harm(start_server):
    server = start_server({"prometheus": {"max_age": "0"}})
    flush = b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\n\r\n"
    scrape = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(50):
        with connect(server) as raw:
            for part in (scrape, flush, scrape, b"garbage\r\n\r\n"):
                raw.sendall(part)
                time.sleep(0.0002)  # spread over the working of the first
    assert is_alive(server)


def test_a_client_that_leaves_while_it_waits_does_no_harm(start_server):
    server = start_server({"prometheus": {"max_age": "0"}})
    for _ in range(100):
        for request in (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"):
            with connect(server) as raw:
                raw.sendall(request)
    assert is_alive(server)


def test_a_client_that_has_said_everything_still_gets_its_answer(server):
    with connect(server) as raw:
        raw.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        assert status_of(read_all(raw)) == 200


def test_a_request_that_is_not_whole_in_time_is_refused(server):
    """Both at once: one that drips header by header, and one that promises a body without end."""
    with connect(server) as dripping, connect(server) as promising:
        dripping.settimeout(1)
        dripping.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
        promising.sendall(b"POST /-/flush HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n")
        began = time.monotonic()
        answer = b""
        while not answer:
            assert time.monotonic() - began < 30
            with contextlib.suppress(ConnectionError):  # it has been refused a moment ago, which is to be read
                dripping.sendall(b"X-Drip: 1\r\n")
            with contextlib.suppress(TimeoutError):
                answer = dripping.recv(4096)
        assert status_of(answer) == 408
        assert time.monotonic() - began > 5
        assert status_of(read_all(promising)) in (400, 408, 413)
    assert is_alive(server)


def test_too_many_connections_are_turned_away_and_the_others_served(server):
    kept = [connect(server) for _ in range(256)]
    try:
        # The last of them is served, so that all of them have been taken in.
        kept[-1].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status_of(kept[-1].recv(4096)) == 200
        with connect(server) as extra:
            assert status_of(read_all(extra)) == 503
    finally:
        for raw in kept:
            raw.close()
    eventually(lambda: is_alive(server))


def test_a_connection_is_used_again(server):
    connection = http.client.HTTPConnection(*server.http, timeout=ANSWER_SECONDS)
    for _ in range(5):
        for method, path in (("GET", "/metrics"), ("HEAD", "/metrics"), ("POST", "/-/flush"), ("GET", "/nowhere")):
            connection.request(method, path)
            connection.getresponse().read()
    connection.close()


def test_scrapes_in_parallel_are_all_whole(start_server):
    server = start_server({"prometheus": {"max_age": "0"}})
    for i in range(20):
        server.send("\n".join(f"series.{i}.{j}:{j}|c" for j in range(50)))
    failures = []

    def scrape():
        try:
            for _ in range(5):
                metrics = server.metrics()
                assert len([name for name in metrics.families if name.startswith("series_")]) == 1000
        except BaseException as error:  # handed to the main thread
            failures.append(error)

    threads = [threading.Thread(target=scrape) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def test_a_stop_ends_open_connections(server):
    idle = connect(server)
    half = connect(server)
    half.sendall(b"GET /metrics HT")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10 * PATIENCE
    assert read_all(idle) == read_all(half) == b""
    idle.close()
    half.close()


def test_a_port_in_use_is_named(start_server, server):
    address = "{}:{}".format(*server.http)
    with pytest.raises(StartFailed) as failed:
        start_server({"http": {"listen": address}})
    assert failed.value.status == 1
    assert address in failed.value.log


def test_several_addresses_are_served(start_server):
    server = start_server({"http": {"listen": "127.0.0.1:0, [::1]:0"}})
    assert len(server.addresses["http"]) == 2
    for address in server.addresses["http"]:
        connection = http.client.HTTPConnection(*address, timeout=ANSWER_SECONDS)
        connection.request("GET", "/api/v1/balance")
        assert json.loads(connection.getresponse().read())["balanced"] is True
        connection.close()
