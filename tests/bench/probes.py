# SPDX-License-Identifier: MIT
"""What is measured about a server through its socket, the same for every one of them.

- Loss is what the kernel dropped at the server's socket (SO_MEMINFO). None of the servers throws a received
  datagram away unread, which settle() confirms by the server's own count of what it received.
- The highest loss-free rate is found by bisection: a probe sends at a steady pace for longer than a flush
  interval and is free of loss when not one datagram was dropped and the receive queue emptied afterwards.
- CPU a metric is the process' CPU time over whole flush intervals, wake-ups and flushes included.
- Bytes a series are resident memory with them less without, before the first flush and after it.
"""

import math
import time

from process import Failure
from sender import load

SHORT_SECONDS = 2  # finds a range, between two flushes as a rule
BRACKET = 1.3
PRECISION = 1.06
RATE_MAX = 40_000_000
SENT_SHARE_MIN = 0.98  # of the rate, or the sender is what ends the search


def probe(server, sigmactl, rate, seconds, more=()):
    """Sends at `rate` for `seconds`. The rate that came about, whether all arrived, whether the sender kept up."""
    before = server.socket.drops()
    report = load(sigmactl, server.port, rate=rate, seconds=seconds, more=more)
    try:
        server.socket.wait_until_drained()
        drained = True
    except Failure:
        drained = False
    server.child.require_alive()
    lost = (server.socket.drops() - before) % 2**32
    kept = not report["late"] and report["rate"] >= rate * SENT_SHARE_MIN
    return {"rate": report["rate"], "free": drained and lost == 0, "kept": kept}


def _bracket(server, sigmactl, rate, more):
    """By short probes: a rate that is free of loss, and one not far above that is not, or None."""
    low = high = None
    while low is None or (high is None and low < RATE_MAX):
        seen = probe(server, sigmactl, rate, SHORT_SECONDS, more)
        if seen["free"]:
            low = seen["rate"]
            if not seen["kept"] or high is not None:
                break
            rate = low * BRACKET
        else:
            high = seen["rate"]
            rate = high / BRACKET
            if rate < 1000:
                raise Failure("it loses datagrams at a thousand metrics a second")
    return low, high


def loss_free_rate(server, sigmactl, first_rate, seconds, more=()):
    """Metrics a second, and whether the sender is what ended the search and not the server."""
    rate, high = _bracket(server, sigmactl, first_rate, more)
    low, sender_bound = None, high is None
    while low is None or (high is not None and high / low > PRECISION):
        if probe(server, sigmactl, rate, seconds, more)["free"]:
            low = rate
        else:
            high, sender_bound = rate, False
        rate = high / 1.15 if low is None else math.sqrt(low * (high or low))
    return {"rate": low, "sender_bound": sender_bound}


def cpu_per_metric(server, sigmactl, rate, seconds, more=()):
    """ns of the server's CPU a metric and a datagram over `seconds`, which are whole flush intervals."""
    warm = load(sigmactl, server.port, rate=rate, seconds=1, more=more)
    server.socket.wait_until_drained()
    used, drops = server.child.cpu_ns(), server.socket.drops()
    report = load(sigmactl, server.port, rate=rate, seconds=seconds, more=more)
    server.socket.wait_until_drained()
    used = server.child.cpu_ns() - used
    return {
        "ns_per_metric": used / report["metrics"],
        "ns_per_datagram": used / report["datagrams"],
        "metrics_per_datagram": report["metrics"] / report["datagrams"],
        "datagrams_lost": (server.socket.drops() - drops) % 2**32,
        "reports": [warm, report],
    }


def settle(server, reports):
    """What the server counted as received since its start, and what these reports say was sent to it."""
    deadline = time.monotonic() + 2 * server.interval + 5
    while True:
        counted, sent = server.received(), server.expected(reports)
        if math.isclose(counted, sent, rel_tol=1e-9) or time.monotonic() > deadline:
            return {"counted": counted, "sent": sent, "by": server.counts_by}
        time.sleep(0.25)


def bytes_per_series(make_server, sigmactl, types, series, samples, rate):
    """`samples` of each of `series` series into a fresh server before its first flush, then that flush.

    Halves the rate as long as datagrams are lost, since every series has to have come. `make_server` gets the
    flush interval in seconds.
    """
    while rate >= 5000:
        interval = math.ceil(series * samples / rate * 1.5 + series / 100_000 + 3)
        with make_server(interval) as server:
            started = time.monotonic()
            time.sleep(1)
            idle = server.child.rss()
            report = load(sigmactl, server.port, rate=rate, metrics=series * samples, series=series, types=types)
            server.socket.wait_until_drained()
            if server.socket.drops() > 0 or time.monotonic() - started > interval:
                rate /= 2
                continue
            before = server.child.rss()
            cpu = server.child.cpu_ns()
            time.sleep(max(0, started + interval + 0.5 - time.monotonic()))
            server.child.wait_until_idle(120)
            return {
                "series": series,
                "samples": report["metrics"] / series,
                "bytes": (before - idle) / series,
                "bytes_after_flush": (server.child.rss() - idle) / series,
                "bytes_at_peak": (server.child.memory_bytes()["Peak"] - idle) / series,
                "flush_cpu_seconds": (server.child.cpu_ns() - cpu) / 1e9,
            }
    raise Failure("it lost datagrams at every rate")
