# SPDX-License-Identifier: MIT
"""Samples with a time of their own (`|T`): stored in the open window or counted as late."""

import time


def test_a_stamp_of_the_open_window_is_stored_and_any_other_is_late(server):
    now = int(time.time())
    server.send(f"a:1|c|T{now}\nb:7|g|T{now}")
    server.send(f"a:2|c|T{now - 3600}\na:4|c|T1656581400\nb:9|g|T{now - 60}")
    server.send(f"a:8|c|T{now + 7 * 86400}\na:16|c")
    server.flush()
    snapshot = server.snapshot()
    assert [row["count"] for row in snapshot["counters"]] == [17]
    assert [row["value"] for row in snapshot["gauges"]] == [7]
    samples = server.balance()["samples"]
    assert samples["late"] == 4
    assert sum(samples["received"].values()) == samples["stored"] + 4 == 7
    assert server.metrics().value("sigmad_samples_late_total") == 4


def test_what_was_open_before_a_flush_is_late_after_it(server):
    stamp = int(time.time())
    server.send(f"a:1|c|T{stamp}")
    while time.time() < stamp + 1.05:
        time.sleep(0.05)
    server.flush()
    server.send(f"a:2|c|T{stamp}\na:4|c|T{int(time.time())}")
    server.flush()
    assert [row["count"] for row in server.csv("counters")] == ["1", "4"]
    assert server.balance()["samples"]["late"] == 1


def test_packed_and_late_samples_are_counted_one_by_one(server):
    server.send("a:1:2:3|c|T1656581400\nt:5|ms|T1656581400")
    server.flush()
    samples = server.balance()["samples"]
    assert samples["late"] == 3 and samples["stored"] == 1
