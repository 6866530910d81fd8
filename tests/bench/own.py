# SPDX-License-Identifier: MIT
"""sigmad by itself: the floors and the pipeline in process, then the server through its socket."""

import statistics
import subprocess
import time

import inprocess
import probes
from process import Failure
from sender import load
from servers import Sigmad

PARTS = ("matrix", "programs", "memory", "cpu", "slowed", "loss_free")
RATES = (100_000, 1_000_000)
HANDOVER_RATE = 1_000_000


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def medians(found):
    """Of a list of flat objects of numbers: the median of each."""
    return {key: statistics.median(entry[key] for entry in found) for key in found[0]}


def in_process_matrix(programs, quick):
    found = []
    for cell in inprocess.cells(quick):
        say("in process: {types}, {tags} tags, {distribution}, {series} series".format(**cell))
        found.append(inprocess.measure_cell(programs["sigmactl"], cell, 2, quick))
    return found


def in_process_programs(programs, quick):
    found = {}
    for name, path in inprocess.programs(programs["build"]).items():
        if quick and name in inprocess.QUICK_SKIPS:
            continue
        say(f"bench_{name}")
        found[name] = inprocess.run_program(name, path, quick)
        if "failed" in found[name]:
            say(f"bench_{name} failed: {found[name]['failed']}")
    return found


def idle_memory(programs):
    with Sigmad(programs) as server:
        time.sleep(2)
        memory = server.child.memory_bytes()
        return {"rss": memory["Rss"], "private_dirty": memory["Private_Dirty"], "pss": memory["Pss"]}


def bytes_a_series(programs, quick):
    """By type and by anomaly detection off and on."""
    result = []
    counters, timers = (100_000, 2000) if quick else (1_000_000, 20_000)
    cases = [("c", counters, 1), ("g", counters, 1), ("ms", timers, 20), ("ms", timers, 100)]
    for method in ("off",) if quick else ("off", "sigma"):
        for types, series, samples in cases[::3] if quick else cases:
            say(f"memory: {series} of {types}, {samples} samples each, method {method}")

            def server(interval):
                return Sigmad(programs, interval, {"anomaly.method": method})

            found = probes.bytes_per_series(server, programs["sigmactl"], types, series, samples, Sigmad.memory_rate)
            result.append({"types": types, "method": method, **found})
    return result


def cpu_at_rates(programs, quick, rounds):
    """Packed and one metric a datagram, over two flush intervals."""
    result = []
    interval = 1 if quick else 10
    cases = [(rate, "packed", ()) for rate in RATES] + [(RATES[0], "single", ("--single",))]
    for rate, packing, more in cases:
        found = []
        for _ in range(rounds):
            say(f"CPU at {rate} metrics a second, {packing}")
            with Sigmad(programs, interval) as server:
                used = probes.cpu_per_metric(server, programs["sigmactl"], rate, 2 * interval, more)
                settled = probes.settle(server, used.pop("reports"))
                if settled["counted"] != settled["sent"]:
                    say(f"sigmad counted {settled['counted']} of {settled['sent']}")
                found.append(used)
        result.append({"rate": rate, "packing": packing, **medians(found)})
    return result


def slowed_by_flushes(programs, quick, rounds):
    """CPU a metric of the worker's thread alone with ten flushes a second and with none, by turns."""
    seconds = 2 if quick else 6
    found = []
    for _ in range(rounds):
        entry = {}
        for key, interval in (("none", 600), ("ten_a_second", 0.1)):
            say(f"the worker with {key.replace('_', ' ')} flushes")
            with Sigmad(programs, interval) as server:
                load(programs["sigmactl"], server.port, rate=HANDOVER_RATE, seconds=1)
                before = server.child.thread_cpu_ns("worker-0")
                report = load(programs["sigmactl"], server.port, rate=HANDOVER_RATE, seconds=seconds)
                server.socket.wait_until_drained()
                entry[key] = (server.child.thread_cpu_ns("worker-0") - before) / report["metrics"]
        entry["slowed_by"] = entry["ten_a_second"] / entry["none"] - 1
        found.append(entry)
    return medians(found)


def loss_free(programs, quick, rounds):
    """Highest loss-free rate, from plain datagrams and from segmented ones where the generator can."""
    help_text = subprocess.run([programs["sigmactl"], "load", "--help"], capture_output=True, text=True).stdout
    cases = [("packed", (), {})]
    if "--gso" in help_text:
        cases += [("GSO", ("--gso",), {}), ("GSO, udp_gro = true", ("--gso",), {"server.udp_gro": "true"})]
    result, interval, seconds = [], 1 if quick else 10, 2 if quick else 12
    for name, more, settings in cases:
        found, first = [], 2_000_000
        for _ in range(rounds):
            say(f"highest loss-free rate, {name}")
            with Sigmad(programs, interval, settings) as server:
                found.append(probes.loss_free_rate(server, programs["sigmactl"], first, seconds, more))
                first = found[-1]["rate"]
        bound = sum(entry["sender_bound"] for entry in found)
        rate = statistics.median(entry["rate"] for entry in found)
        result.append({"packing": name, "rate": rate, "sender_bound": bound * 2 > len(found)})
    return result


def flush_of_a_million(memory):
    """CPU of the flush of a million counters to CSV, as the memory probe saw it."""
    for entry in memory:
        if entry["types"] == "c" and entry["method"] == "off":
            return {"series": entry["series"], "cpu_seconds": entry["flush_cpu_seconds"]}
    return None


def measure(programs, quick, rounds, parts, result):
    """Brings `parts` of PARTS up to date in `result`, which holds those measured before."""
    steps = {
        "matrix": lambda: in_process_matrix(programs, quick),
        "programs": lambda: in_process_programs(programs, quick),
        "memory": lambda: bytes_a_series(programs, quick),
        "cpu": lambda: cpu_at_rates(programs, quick, rounds),
        "slowed": lambda: slowed_by_flushes(programs, quick, rounds),
        "loss_free": lambda: loss_free(programs, quick, rounds),
    }
    result["version"] = Sigmad.version(programs)
    for name in parts:
        try:
            result[name] = steps[name]()
        except Failure as failure:
            say(f"{name}: {failure}")
            result[name] = {"failed": str(failure)}
    if "memory" in parts:
        result["idle"] = idle_memory(programs)
    if isinstance(result.get("memory"), list):
        result["flush"] = flush_of_a_million(result["memory"])
    return result
