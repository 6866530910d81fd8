# SPDX-License-Identifier: MIT
"""Input that is wrong, hostile or odd: a reason counted or a stated rule followed, nothing else harmed.

Every test ends by holding what it sent against the balance, the CSV files and the exposition, all of them
checked, and by asking whether a sound metric beside the bad ones came through.
"""

import random
import time

import pytest

import sigmad
from sigmad import eventually

MEBIBYTE = 1 << 20


def settle(server):
    """Closes the window and returns (balance, exposition) after checking all outputs."""
    server.send("sound:1|c")
    server.flush()
    balance, metrics = server.balance(), server.metrics()
    lines, samples = balance["lines"], balance["samples"]
    assert balance["balanced"] is True
    assert sum(lines["received"].values()) == lines["accepted"] + sum(lines["rejected"].values())
    lost = sum(samples["rejected"].values()) + samples["late"]
    assert sum(samples["received"].values()) == samples["stored"] + lost
    for name in ("counters", "gauges", "timers", "sets", "anomalies", "events"):
        server.csv(name)
    server.snapshot()
    assert server.get("/-/healthy").status == 200
    assert metrics.value("sound_total") >= 1
    return balance, metrics


def keep_pace(server, datagrams):
    """Waits until the server has received so many datagrams, so that the kernel has none to drop."""
    eventually(lambda: server.balance()["datagrams"]["received"]["udp"] >= datagrams, 30, "datagrams are missing")


def names(server, file="counters"):
    return {row["metric"] for row in server.csv(file)} - {"sound"}


# Every refusal has its reason.

REFUSED_LINES = [
    (b"no colon", "no_colon"),
    (b"x", "no_colon"),
    (b"x|1|c", "no_colon"),
    (b":1|c", "empty_name"),
    (b"a|b:1|c", "bad_name"),
    (b"a\x00b:1|c", "bad_name"),
    (b"caf\xe9:1|c", "bad_utf8"),
    (b"x:1|c|#k:\xff", "bad_utf8"),
    (b"\xed\xa0\x80:1|c", "bad_utf8"),
    (b"x:1", "no_type"),
    (b"x:1|", "no_type"),
    (b"x:1|z", "unknown_type"),
    (b"x:1|C", "unknown_type"),
    (b"x:1|kv", "unknown_type"),
    (b"x:1|m", "unknown_type"),
    (b"x:|c", "empty_value"),
    (b"x:|s", "empty_value"),
    (b"x:one|c", "bad_value"),
    (b"x:1 |c", "bad_value"),
    (b"x: 1|c", "bad_value"),
    (b"x:1_000|c", "bad_value"),
    (b"x:0x10|g", "bad_value"),
    (b"x:NaN|c", "bad_value"),
    (b"x:nan|ms", "bad_value"),
    (b"x:inf|g", "bad_value"),
    (b"x:Infinity|ms", "bad_value"),
    (b"x:-Infinity|g", "bad_value"),
    (b"x:1e400|c", "bad_value"),
    (b"x:-1e400|g", "bad_value"),
    (b"x:1:two|ms", "bad_value"),
    (b"x:-1|ms", "negative_timer"),
    (b"x:1|c|@0", "bad_rate"),
    (b"x:1|c|@0.0", "bad_rate"),
    (b"x:1|ms|@-0.5", "bad_rate"),
    (b"x:1|c|@1.5", "bad_rate"),
    (b"x:1|c|@2", "bad_rate"),
    (b"x:1|c|@NaN", "bad_rate"),
    (b"x:1|ms|@Infinity", "bad_rate"),
    (b"x:1|c|@", "bad_rate"),
    (b"x:1|c|@half", "bad_rate"),
    (b"x:1|c|@0.5|@0.5", "bad_section"),
    (b"x:1|c|#a|#b", "bad_section"),
    (b"_e{3,3}:abc", "bad_event"),
    (b"_e{9,9}:a|b", "bad_event"),
    (b"_e{x,1}:a|b", "bad_event"),
    (b"_e{99999999999999999999,1}:a|b", "bad_event"),
    (b"_sc|a|9", "bad_service_check"),
    (b"_sc|a", "bad_service_check"),
]


def test_every_refused_line_has_its_reason(server):
    wanted = {}
    for line, reason in REFUSED_LINES:
        before = server.balance()["lines"]["rejected"]
        server.send(line)
        wanted[reason] = wanted.get(reason, 0) + 1

        def counted():
            after = server.balance()["lines"]["rejected"]
            return {key: after[key] - before[key] for key in after if after[key] != before[key]}

        assert eventually(counted) == {reason: 1}, line
    balance, metrics = settle(server)
    found = {key: count for key, count in balance["lines"]["rejected"].items() if count}
    assert found == wanted
    for reason, count in wanted.items():
        assert metrics.value("sigmad_lines_rejected_total", reason=reason) == count
    assert names(server) == set()


REFUSED_SAMPLES = [
    (b"x:1|c|@1e-9", "rate_below_minimum"),
    (b"x:1|ms|@1e-300", "rate_below_minimum"),
    (b"n" * 513 + b":1|c", "name_too_long"),
    (b"n" * 60000 + b":1|c", "name_too_long"),
    (b"x:1|c|#" + b",".join(b"k%d:v" % i for i in range(33)), "too_many_tags"),
    (b"x:1|c|#" + b",".join(b"k%d:v" % i for i in range(300)), "too_many_tags"),
    (b"x:1|c|#k:" + b"v" * 2047, "tags_too_long"),
    (b"x:1e308|c", "out_of_range"),
    (b"x:1e308|c|@1e-5", "out_of_range"),
    (b"x:1e300|ms", "out_of_range"),
]


def test_every_refused_sample_has_its_reason(server):
    wanted = {}
    for line, reason in REFUSED_SAMPLES:
        server.send(line)
        wanted[reason] = wanted.get(reason, 0) + 1
    balance, metrics = settle(server)
    found = {key: count for key, count in balance["samples"]["rejected"].items() if count}
    assert found == wanted
    for reason, count in wanted.items():
        assert metrics.value("sigmad_samples_rejected_total", reason=reason) == count
    assert names(server) == names(server, "timers") == set()


def test_what_is_just_within_the_limits_is_taken(server):
    server.send(b"n" * 512 + b":1|c")
    server.send(b"tags:1|c|#" + b",".join(b"k%02d:v" % i for i in range(32)))
    server.send(b"long:1|c|#k:" + b"v" * 2046)
    server.send(b"rate:1|c|@1e-6\nsmall:4.9e-324|g\nlarge:1.7976931348623157e308|g")
    server.send(b"huge:1e308|g\nhuge:+1e308|g\nhuge:+1e308|g")
    balance, metrics = settle(server)
    assert set(balance["samples"]["rejected"].values()) == {0}, server.log
    assert names(server) == {"n" * 512, "tags", "long", "rate"}
    assert metrics.value("rate_total") == 1_000_000
    assert metrics.value("small") == 5e-324 and metrics.value("large") == 1.7976931348623157e308
    assert metrics.value("huge") == 1.7976931348623157e308


def test_one_bad_sample_costs_only_itself(server):
    server.send(b"m:1|c:bad|g:3|ms\nm:1|c\nbroken\nm:2|c|@7\nm:4|c")
    balance, metrics = settle(server)
    assert metrics.value("m_total") == 6 and metrics.value("m_seconds_sum") == 0.003
    assert balance["samples"]["rejected"]["bad_value"] == 1
    assert balance["lines"]["rejected"]["no_colon"] == balance["lines"]["rejected"]["bad_rate"] == 1
    assert balance["samples"]["stored"] == 5


def test_line_ends_and_empty_lines(server):
    server.send(b"a:1|c\r\na:2|c\r\n\r\n")
    server.send(b"\n\n\na:4|c\n\n")
    server.send(b"")
    server.send(b"\n")
    server.send(b"a:8|c|#k:v\r\n")
    balance, metrics = settle(server)
    assert metrics.value("a_total") == 7 and metrics.value("a_total", k="v") == 8
    assert sum(balance["samples"]["rejected"].values()) == 0
    assert balance["lines"]["received"]["udp"] == balance["lines"]["accepted"] + sum(
        balance["lines"]["rejected"].values()
    )
    assert names(server) == {"a"}


def test_sections_of_later_protocols_are_skipped_and_counted(server):
    server.send(b"a:1|c|c:ci-1234|T%d\na:2|c|#k:v|e:it-false,cn-app|card:low\na:4|c|new:thing|@0.5||" % time.time())
    balance, metrics = settle(server)
    assert metrics.value("a_total") == 9 and metrics.value("a_total", k="v") == 2
    assert sum(balance["samples"]["rejected"].values()) == sum(balance["lines"]["rejected"].values()) == 0
    assert metrics.value("sigmad_sections_skipped_total") >= 3


def test_the_etsy_dialect_is_strict(start_server):
    server = start_server({"server": {"dialect": "etsy"}})
    server.send(b"a:1|c|@0.5\na:1|c|#k:v\na:1|c|c:x\na:1:2|ms\n_e{1,1}:a|b")
    balance, metrics = settle(server)
    assert metrics.value("a_total") == 2
    assert sum(balance["lines"]["rejected"].values()) >= 3
    assert balance["events_received"] == 0


# Sizes and numbers.


def test_datagrams_of_64_kib_are_taken_whole(server):
    largest = 65507
    line = b"packed:1|c\n"
    server.send(line * (largest // len(line)))
    values = b":".join(b"%d" % (i % 10) for i in range((largest - 20) // 2))
    server.send(b"packed:" + values + b"|ms")
    for size in (1435, 1535, 1536, 1537, 1600, 1601, 9000, 65506, 65507):
        pad = size - len(b"size:1|c|#k:v|x:")
        server.send(b"size:1|c|#k:v|x:" + b"p" * pad)
    server.send(b"garbage" * 9000)
    server.send(bytes(largest))
    balance, metrics = settle(server)
    assert metrics.value("packed_total") == largest // len(line)
    assert metrics.value("packed_seconds_count") == values.count(b":") + 1
    assert metrics.value("packed_seconds_sum") == pytest.approx(sum(v - 48 for v in values if v != 58) / 1000)
    assert metrics.value("size_total", k="v") == 9
    assert balance["datagrams"]["received"]["udp"] == 14
    assert balance["lines"]["rejected"]["no_colon"] == 2


def test_a_hostile_rate_costs_no_time(server):
    """1/rate is a weight, never a loop; at the smallest rate allowed it is a million."""
    for _ in range(200):
        server.send(b"\n".join([b"t:1|ms|@1e-6", b"h:2|h|@0.000001", b"c:1|c|@1e-6", b"d:3|d|@1e-7"] * 20))
    balance, metrics = settle(server)
    assert metrics.value("t_seconds_count") == metrics.value("c_total") == 4e9
    assert metrics.value("t_seconds_sum") == 4e6
    assert balance["samples"]["rejected"]["rate_below_minimum"] == 4000
    assert metrics.value("process_cpu_seconds_total") < 5 * sigmad.PATIENCE


def test_names_of_any_bytes_leave_outputs_valid(server):
    draws = random.Random(4)
    letters = [bytes([byte]) for byte in range(256) if byte not in b"\n"]
    letters += ["ü".encode(), "\u2028".encode(), "\U0001f600".encode(), b"\xc3", b"\xf0\x9f", b"\x85", b"\x1b[2J"]
    sound = letters[:127] + letters[-7:-4]
    for turn in range(1500):
        drawn = sound if turn % 2 else letters
        name = b"".join(draws.choice(drawn) for _ in range(draws.randrange(1, 12)))
        key, value = (b"".join(draws.choice(drawn) for _ in range(draws.randrange(0, 6))) for _ in range(2))
        kind = draws.choice([b"c", b"g", b"ms", b"h", b"d", b"s"])
        server.send(name + b":1|" + kind + b"|#" + key + b":" + value + b",x:y")
    balance, _ = settle(server)
    assert balance["samples"]["stored"] > 400
    assert balance["lines"]["rejected"]["bad_utf8"] > 50


def test_random_bytes_harm_nothing(server):
    draws = random.Random(11)
    alphabet = b"abc:|@#,.0123456789-+eE\n\r_{}c g ms h d s sc e T"
    for turn in range(2000):
        length = draws.randrange(0, 200)
        if turn % 2:
            server.send(bytes(draws.choice(alphabet) for _ in range(length)))
        else:
            server.send(draws.randbytes(length))
    balance, _ = settle(server)
    assert sum(balance["lines"]["rejected"].values()) > 1000


def test_csv_and_labels_with_every_special_character(server):
    server.send('we"ird,na\\me;x-y:1|c|#a;b:c;d,e=f:g=h,q"u:o"te,back\\:s\\lash,=:;'.encode())
    server.send(b"404.hits:1|c\nrequests.total:2|c\n9:3|g\n-:4|g\n.:5|ms")
    _, metrics = settle(server)
    rows = {row["metric"]: row["tags"] for row in server.csv("counters")}
    assert rows['we"ird,na\\\\me;x-y'] == (
        '\\==\\;;a\\;b=c\\;d;back\\\\=s\\\\lash;e\\=f=g\\=h;q"u=o"te'
    )
    assert metrics.value("_404_hits_total") == 1 and metrics.value("requests_total") == 2
    assert metrics.value("_9") == 3 and metrics.value("_") == 4


# One name in several types.


def test_one_name_in_every_type(server):
    for round_ in range(3):
        server.send(b"x:1|c\nx:2|g\nx:3|ms\nx:4|h\nx:5|d\nx:6|s")
        settle(server)
    assert {row["metric"] for file in ("counters", "gauges", "sets") for row in server.csv(file)} == {"x", "sound"}
    assert {row["type"] for row in server.csv("timers")} == {"ms", "h", "d"}
    metrics = server.metrics()
    assert metrics.value("x_total") == 3 and metrics.value("x_seconds_count") == 3
    assert len([name for name in metrics.families if name.startswith("x")]) >= 4


def test_names_that_meet_in_prometheus_keep_the_exposition_valid(server):
    """A timer's _sum, _count and _bucket, a counter's _total, in every order of arrival."""
    draws = random.Random(3)
    stems = ["m", "m.sum", "m_count", "m.bucket", "m.total", "m_total", "m.seconds", "m_seconds_sum", "m.gauge",
             "m_set", "m_seconds.count", "m_total_sum", "m-total", "sigmad.series", "process.open_fds", "sigmad_anomaly"]
    lines = [f"{stem}:1|{kind}" for stem in stems for kind in ("c", "g", "ms", "h", "d", "s")]
    draws.shuffle(lines)
    for line in lines:
        server.send(line)
        if draws.random() < 0.2:
            server.flush()
            server.metrics()
    balance, metrics = settle(server)
    assert sum(balance["samples"]["rejected"].values()) == 0
    assert metrics.value("sigmad_prometheus_conflicts_total") > 0
    server.flush()
    server.metrics()
    server.stop()
    logged = [line.split(" ", 1)[1] for line in server.log.splitlines() if "level=warning" in line]
    assert len(set(logged)) == len(logged) > 0


# Limits.


def test_a_million_names_against_a_limit_leave_known_series_exact(start_server):
    limit, others = 10_000, 1_000_000 if not sigmad.SANITIZED else 60_000
    server = start_server({"limits": {"max_series": limit}, "log": {"bad_lines": "10/h"}})
    known = [f"known.{index}" for index in range(2000)]
    for start in range(0, len(known), 100):
        server.send("\n".join(f"{name}:1|c" for name in known[start:start + 100]))
    server.flush()
    before = server.resident_bytes()
    per_datagram = 50
    datagrams = len(known) // 100
    for start in range(0, others, per_datagram):
        server.send("\n".join(f"stranger.{index}:1|c" for index in range(start, start + per_datagram)))
        datagrams += 1
        if start % 2000 == 0:
            index = start // 2000 % len(known)
            server.send(f"{known[index]}:1|c")
            datagrams += 1
            keep_pace(server, datagrams)
    server.send("\n".join(f"{name}:1|c" for name in known[:50]))
    server.send("known.gauge:1|g")
    server.flush()
    grown = server.resident_bytes() - before
    balance, metrics = server.balance(), server.metrics()
    assert balance["balanced"] is True and balance["datagrams"]["dropped_by_kernel"] == 0
    assert metrics.total("sigmad_series") == limit
    taken = limit - len(known)
    refused = others - taken + 1
    assert balance["samples"]["rejected"]["series_limit"] == balance["series_rejected"] == refused
    assert metrics.value("sigmad_series_rejected_total") == refused
    totals = {name: metrics.value(name.replace(".", "_") + "_total") for name in known}
    touched = len(range(0, others, 2000))
    for index, name in enumerate(known):
        again = len(range(index, touched, len(known))) + (index < 50)
        assert totals[name] == 1 + again, name
    assert len(server.log_lines(msg="refused")) <= 10
    if not sigmad.SANITIZED:
        assert grown < 24 * MEBIBYTE, f"{grown / MEBIBYTE:.1f} MiB more"


def test_memory_stays_within_its_limit(start_server):
    """Long names, many tags, large sets and timers, until limits.memory says no."""
    budget = 8 * MEBIBYTE
    server = start_server({"limits": {"memory": "8MiB"}, "log": {"bad_lines": "off"}})
    server.send("sound:1|c")
    server.flush()
    before = server.resident_bytes()
    draws = random.Random(5)
    for turn in range(3000):
        tags = ",".join(f"k{i}:{draws.random()}" for i in range(30))
        server.send(f"long.{'n' * 400}.{turn}:{draws.random()}|ms|#{tags}")
        server.send("\n".join(f"set.{turn % 50}:{draws.random()}|s" for _ in range(60)))
        server.send(f"wide.{turn % 50}:" + ":".join(f"{10 ** draws.uniform(-3, 9):.6f}" for _ in range(100)) + "|ms")
        if turn % 20 == 0:
            keep_pace(server, 1 + 3 * (turn + 1))
    balance, metrics = settle(server)
    assert balance["samples"]["rejected"]["memory_limit"] > 0
    assert metrics.value("sigmad_pool_bytes") <= budget
    assert metrics.value("sound_total") == 2
    if not sigmad.SANITIZED:
        # Beside the series there is the text of /metrics, and the one before it, or the room it grew in.
        text = len(server.get("/metrics").body)
        grown = server.resident_bytes() - before
        assert grown < budget + 2 * text + 16 * MEBIBYTE, f"{grown / MEBIBYTE:.1f} MiB more"


# The log of refused lines.


def test_refused_lines_are_logged_with_their_sender(server):
    server.send("first bad line")
    host, port = server.socket_to(server.udp).getsockname()
    line = server.wait_for_log(msg="refused")
    assert line["from"] == f"{host}:{port}"
    assert line["line"] == "first bad line" and line["reason"] == "no_colon"
    server.send("second:1|nonsense")
    assert server.wait_for_log(msg="refused", reason="unknown_type")["line"] == "second:1|nonsense"


def test_the_log_of_refused_lines_is_bounded(start_server):
    server = start_server({"log": {"bad_lines": "5/h"}})
    for turn in range(500):
        server.send(f"bad line {turn}")
    settle(server)
    eventually(lambda: len(server.log_lines(msg="refused")) >= 5)
    server.stop()
    assert len(server.log_lines(msg="refused")) == 5
    assert server.log_lines(msg="refused")[0]["line"] == "bad line 0"


def test_the_log_of_refused_lines_can_be_off(start_server):
    server = start_server({"log": {"bad_lines": "off"}})
    for turn in range(20):
        server.send(f"bad line {turn}")
    settle(server)
    server.stop()
    assert server.log_lines(msg="refused") == []


def test_what_is_logged_of_a_hostile_line_is_one_short_line(server):
    sent = b'evil"\\\x1b[31m\r\x07=\xff' + b"x" * 60000
    server.send(sent)
    server.wait_for_log(msg="refused")
    [line] = [line for line in server.log.splitlines() if "msg=refused" in line]
    assert len(line) < 2000
    assert "\x1b" not in line and "\x07" not in line and "\r" not in line
    assert f"bytes={len(sent)}" in line
