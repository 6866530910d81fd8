# SPDX-License-Identifier: MIT
"""sigmad and its peers, one after the other, under the same load in one run."""

import statistics
import time

import probes
from own import medians, say
from process import Failure
from servers import Collectd, Etsy, Netdata, Sigmad

SERVERS = (Sigmad, Netdata, Collectd, Etsy)
NEEDED = {Sigmad: "sigmad", Netdata: "netdata", Collectd: "collectd", Etsy: "etsy"}
CPU_RATE = 100_000
FIRST_RATE = 400_000


def measure_round(server_class, programs, quick, first_rate):
    """CPU a metric in a fresh server, then its highest loss-free rate."""
    interval, flushes, seconds = (2, 1, 3) if quick else (10, 2, 12)
    with server_class(programs, interval) as server:
        granted = server.socket.granted_bytes()
        used = probes.cpu_per_metric(server, programs["sigmactl"], CPU_RATE, flushes * interval)
        settled = probes.settle(server, used.pop("reports"))
        found = probes.loss_free_rate(server, programs["sigmactl"], first_rate, seconds)
    return {
        "cpu": used,
        "loss_free": found,
        "settled": settled,
        "receive_buffer_bytes": granted,
    }


def measure_memory(server_class, programs, quick):
    result = {}
    counters, timers = (20_000, 500) if quick else (1_000_000, 20_000)
    for key, types, series, samples in (("counter", "c", counters, 1), ("timer", "ms", timers, 100)):
        say(f"{server_class.name}: bytes a {key}")
        result[key] = probes.bytes_per_series(
            lambda interval: server_class(programs, interval),
            programs["sigmactl"],
            types,
            series,
            samples,
            server_class.memory_rate,
        )
    return result


def summarise(rounds):
    rates = [entry["loss_free"] for entry in rounds]
    bound = sum(entry["sender_bound"] for entry in rates)
    return {
        "rate": statistics.median(entry["rate"] for entry in rates),
        "rates": [round(entry["rate"]) for entry in rates],
        "sender_bound": bound * 2 > len(rates),
        **medians([entry["cpu"] for entry in rounds]),
        "settled": rounds[-1]["settled"],
        "receive_buffer_bytes": rounds[-1]["receive_buffer_bytes"],
    }


def measure_memory_anew(programs, quick, results):
    """The same of the servers in `results`, in which it replaces what there was of memory."""
    for server_class in SERVERS:
        result = results.get(server_class.name, {"absent": True})
        if "absent" not in result and "failed" not in result:
            result.update(measure_memory(server_class, programs, quick))
    return results


def measure(programs, quick, rounds):
    """A result a server by its name; {"absent": why} or {"failed": why} for one that could not be measured."""
    results, seen = {}, {}
    for server_class in SERVERS:
        name = server_class.name
        results[name] = {"flushes_to": server_class.flushes_to, "counts_by": server_class.counts_by}
        if not programs.get(NEEDED[server_class]):
            results[name]["absent"] = programs["absent"].get(NEEDED[server_class], "it could not be installed")
            say(f"{name} is absent: {results[name]['absent']}")
            continue
        results[name]["version"] = server_class.version(programs)
        seen[server_class] = []
    for number in range(rounds):
        for server_class, found in seen.items():
            if "failed" in results[server_class.name]:
                continue
            say(f"round {number + 1} of {rounds}: {server_class.name}")
            first = found[-1]["loss_free"]["rate"] if found else FIRST_RATE
            try:
                found.append(measure_round(server_class, programs, quick, first))
            except Failure as failure:
                say(f"{server_class.name}: {failure}")
                results[server_class.name]["failed"] = str(failure)
            time.sleep(0.5)
    for server_class, found in seen.items():
        result = results[server_class.name]
        if found:
            result.update(summarise(found))
        try:
            result.update(measure_memory(server_class, programs, quick))
        except Failure as failure:
            say(f"{server_class.name}: {failure}")
            result["failed"] = str(failure)
    return results
