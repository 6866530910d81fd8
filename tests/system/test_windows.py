# SPDX-License-Identifier: MIT
"""Windows: where they end, what a series without samples looks like, when series go."""

import re
import signal
import threading
import time

import pytest

from sigmad import eventually


def stamps(server, name="counters"):
    """The time stamps of a file, as text, each once, in order."""
    return list(dict.fromkeys(row["timestamp"] for row in server.csv(name)))


# Boundaries.


def lengths_ms(ends):
    """The milliseconds from stamp to stamp. A gauge has a row in every window, samples or not."""
    ms = [round(float(end) * 1000) for end in ends]
    return [b - a for a, b in zip(ms, ms[1:])]


@pytest.mark.parametrize("interval_ms", [250, 500, 1000])
def test_aligned_windows_end_on_multiples_of_the_interval(start_server, interval_ms):
    server = start_server({"flush": {"interval": f"{interval_ms}ms", "align": "true"}})
    sent = 0

    def three_in_a_row():
        nonlocal sent
        server.send("tick:1|c\nlevel:1|g")
        sent += 1
        lengths = lengths_ms(stamps(server, "gauges"))
        return any(lengths[i:i + 3] == [interval_ms] * 3 for i in range(len(lengths)))

    # One that a busy machine closes late takes the latest boundary, so that some may be missing.
    eventually(three_in_a_row, 20)
    server.stop()
    seen = stamps(server, "gauges")
    assert all(re.fullmatch(r"\d{10}(\.\d{3})?", stamp) for stamp in seen)
    # The one that SIGTERM closed ends where it was; all others are boundaries, one after the other.
    assert all(round(float(stamp) * 1000) % interval_ms == 0 for stamp in seen[:-1])
    assert all(length > 0 for length in lengths_ms(seen))
    assert all("." not in stamp or not stamp.endswith(".000") for stamp in seen)
    assert sum(int(row["count"]) for row in server.csv("counters")) == sent


def test_windows_without_alignment_are_an_interval_long(start_server):
    server = start_server({"flush": {"interval": "200ms", "align": "false"}})
    server.send("level:1|g")

    def lengths():
        return lengths_ms(stamps(server, "gauges"))

    # A busy machine closes one late, but none too early.
    eventually(lambda: sum(length <= 250 for length in lengths()) >= 5, 20)
    assert min(lengths()) >= 199


def test_a_flush_ends_the_window_and_the_next_ends_at_the_boundary(start_server):
    server = start_server({"flush": {"interval": "2s", "align": "true"}})
    server.send("a:1|c\nlevel:1|g")
    flushed = server.flush().json()["timestamp"]
    server.send("a:2|c")

    def ends():
        return [float(stamp) for stamp in stamps(server, "gauges")]

    # A boundary may have come before the flush, or between it and the second sample.
    eventually(lambda: len(server.csv("counters")) == 2 and ends()[-1] > flushed, 10)
    boundary = ends()[ends().index(flushed) + 1]
    assert boundary % 2 == 0 and 0 < boundary - flushed <= 2
    assert [row["count"] for row in server.csv("counters")] == ["1", "2"]


def test_rate_is_per_second_of_the_measured_window(server):
    for _ in range(3):
        server.send("a:10|c\nt:1|ms|@0.5")
        server.flush()
        snapshot = server.snapshot()
        assert snapshot["counters"][0]["rate"] == 10 / snapshot["window_seconds"]
        assert snapshot["timers"][0]["rate"] == 2 / snapshot["window_seconds"]
    ends = [float(stamp) for stamp in stamps(server)]
    assert ends[-1] - ends[-2] == pytest.approx(server.snapshot()["window_seconds"], abs=0.003)


def test_stamps_strictly_increase_however_fast_windows_follow(server):
    for _ in range(100):
        server.send("a:1|c")
        server.flush()
    seen = stamps(server)
    assert len(seen) == 100
    values = [float(stamp) for stamp in seen]
    assert all(a < b for a, b in zip(values, values[1:]))
    assert all(re.fullmatch(r"\d+(\.\d{3})?", stamp) for stamp in seen)


def test_a_stamp_has_three_decimals_where_the_end_is_no_whole_second(server):
    def flushed():
        server.send("a:1|c")
        server.flush()
        return float(stamps(server)[-1]) % 1 != 0

    eventually(flushed)
    assert re.fullmatch(r"\d+\.\d{3}", stamps(server)[-1])
    assert server.snapshot()["timestamp"] == float(stamps(server)[-1])


# Flushes on request.


def test_a_flush_takes_in_all_that_was_sent_before_it(server):
    for turn in range(1, 21):
        for _ in range(200):
            server.send("burst:1|c")
        server.flush()
        snapshot = server.snapshot()
        rate = 200 / snapshot["window_seconds"]
        assert snapshot["counters"] == [
            {"name": "burst", "tags": {}, "count": 200, "rate": rate, "total": 200 * turn},
        ]


def test_flushes_at_the_same_time_share_a_window(server):
    """They are held back together, by stopping the process, until all have arrived.

    Closing a window of many gauges takes longer than reading the requests, so that most of them wait for one.
    """
    for start in range(0, 20_000, 100):
        server.send("\n".join(f"gauge.{index}:{index}|g" for index in range(start, start + 100)))
    server.flush()
    server.send("a:1|c")
    answers = []
    server.send_signal(signal.SIGSTOP)
    threads = [threading.Thread(target=lambda: answers.append(server.flush().json())) for _ in range(16)]
    for thread in threads:
        thread.start()
    port = f"{server.http[1]:04X}"

    def all_arrived():
        with open("/proc/net/tcp", encoding="ascii") as table:
            lines = [line.split() for line in table]
        # Established (01), with a request waiting to be read.
        waiting = [f for f in lines if f[1].endswith(f":{port}") and f[3] == "01" and not f[4].endswith(":00000000")]
        return len(waiting) >= 16

    try:
        eventually(all_arrived)
    finally:
        server.send_signal(signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert len(answers) == 16
    closed = server.metrics().value("sigmad_windows_closed_total")
    assert max(answer["window"] for answer in answers) == closed <= 1 + 8
    assert [row["count"] for row in server.csv("counters")] == ["1"]


def test_a_flush_of_nothing_is_a_window_without_rows(server):
    server.flush()
    snapshot = server.snapshot()
    assert [snapshot[kind] for kind in ("counters", "gauges", "timers", "sets")] == [[], [], [], []]
    assert server.csv("counters") == [] and server.metrics().value("sigmad_windows_closed_total") == 1


def test_before_the_first_window_there_is_a_snapshot_without_series(server):
    server.send("a:1|c")
    snapshot = server.snapshot()
    assert snapshot["counters"] == [] and snapshot["timestamp"] == 0


# Idle is not zero.


def test_an_idle_series_has_no_row_and_keeps_its_totals(server):
    server.send("c:5|c\ng:7|g\nt:10|ms\ns:a|s\ns:b|s")
    server.flush()
    server.flush()
    server.send("other:1|c")
    server.flush()
    assert [(row["metric"], row["count"]) for row in server.csv("counters")] == [("c", "5"), ("other", "1")]
    assert len(server.csv("timers")) == len(server.csv("sets")) == 1
    assert [row["value"] for row in server.csv("gauges")] == ["7", "7", "7"]
    assert len(set(stamps(server, "gauges"))) == 3
    snapshot = server.snapshot()
    assert [row["name"] for row in snapshot["counters"]] == ["other"]
    assert snapshot["timers"] == snapshot["sets"] == []
    assert [row["value"] for row in snapshot["gauges"]] == [7]
    metrics = server.metrics()
    assert metrics.value("c_total") == 5 and metrics.value("g") == 7 and metrics.value("s") == 2
    assert metrics.value("t_seconds_count") == 1 and metrics.value("t_seconds", quantile="0.5") == 0.01


def test_a_zero_is_not_idle(server):
    server.send("c:0|c\nt:0|ms")
    server.flush()
    assert [row["count"] for row in server.csv("counters")] == ["0"]
    assert server.csv("timers")[0]["sum"] == "0"


def test_a_scrape_never_ends_the_window(start_server):
    server = start_server({"prometheus": {"max_age": "0"}})
    for total in range(1, 6):
        server.send("c:1|c\nt:4|ms\ng:+1|g\ns:%d|s" % total)
        metrics = server.metrics()
        assert metrics.value("c_total") == total and metrics.value("g") == total
        assert metrics.value("t_seconds_count") == total
        assert server.csv("counters") == []
    server.flush()
    assert server.csv("counters")[0]["count"] == "5" and server.csv("sets")[0]["unique"] == "5"
    assert server.csv("timers")[0]["count"] == "5"


# Expiry.

LIFETIME_S = 0.4


@pytest.mark.parametrize(
    "kind, line, shown, others, kept",
    [
        ("counters", "x:1|c", "x_total", "g:1|g\nt:1|ms\ns:1|s", ["g", "t_seconds_count", "s"]),
        ("gauges", "x:+1|g", "x", "c:1|c\nt:1|ms\ns:1|s", ["c_total", "t_seconds_count", "s"]),
        ("timers", "x:1|ms\nx:1|h", "x_seconds_count", "c:1|c\ng:1|g\ns:1|s", ["c_total", "g", "s"]),
        ("sets", "x:1|s", "x", "c:1|c\ng:1|g\nt:1|ms", ["c_total", "g", "t_seconds_count"]),
    ],
)
def test_each_kind_expires_after_its_own_lifetime(start_server, kind, line, shown, others, kept):
    server = start_server({
        "flush": {f"expire_{kind}": f"{LIFETIME_S * 1000:.0f}ms"}, "prometheus": {"max_age": "0"},
    })
    server.send(line + "\n" + others)
    begun = time.monotonic()
    server.flush()
    assert shown in server.metrics()

    def gone():
        server.flush()
        return shown not in server.metrics()

    eventually(gone)
    assert time.monotonic() - begun >= LIFETIME_S
    metrics = server.metrics()
    assert all(name in metrics for name in kept)
    # It may come back, and starts afresh.
    server.send(line)
    server.flush()
    assert server.metrics().value(shown) == 1
    # Once the workers have let go of it, it is gone for good.
    eventually(lambda: server.flush() and server.metrics().total("sigmad_series") == len(kept))
    assert server.metrics().value("sigmad_series_expired_total") == line.count("\n") + 1


def test_a_series_that_keeps_coming_never_expires(start_server):
    server = start_server({"flush": {"expire_counters": "300ms"}, "prometheus": {"max_age": "0"}})
    begun = time.monotonic()
    sent = 0
    while time.monotonic() - begun < 1:
        server.send("busy:1|c")
        sent += 1
        server.flush()
    assert server.metrics().value("busy_total") == sent
    assert server.metrics().value("sigmad_series_expired_total") == 0


def test_expired_gauges_have_no_rows_and_deltas_start_from_nothing(start_server):
    server = start_server({"flush": {"expire_gauges": "300ms"}})
    server.send("g:10|g")
    server.flush()

    def silent():
        before = len(server.csv("gauges"))
        server.flush()
        return len(server.csv("gauges")) == before

    eventually(silent)
    assert server.snapshot()["gauges"] == []
    server.send("g:+2|g")
    server.flush()
    assert server.csv("gauges")[-1]["value"] == "2"


def test_room_at_the_limit_comes_back_when_series_expire(start_server):
    server = start_server({"limits": {"max_series": 10}, "flush": {"expire_counters": "300ms"}})
    for index in range(20):
        server.send(f"first.{index}:1|c")
    server.flush()
    assert server.metrics().total("sigmad_series") == 10
    assert server.metrics().value("sigmad_samples_rejected_total", reason="series_limit") == 10

    def accepted():
        server.send("second:1|c")
        server.flush()
        return any(row["metric"] == "second" for row in server.csv("counters"))

    eventually(accepted)
