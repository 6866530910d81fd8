# SPDX-License-Identifier: MIT
"""The benchmarks without sockets: `sigmactl bench` over a matrix, and every program of tests/bench.

A program bench_NAME prints JSON on standard output (an object with one list of flat objects in it) or a table for
people. Either is taken: JSON becomes tables of the report, text is quoted as it is.
"""

import json
import re
import subprocess

TYPES = {"c": "c", "ms": "ms", "g": "g", "mixed": "c=50,ms=30,g=20"}
TAGS = (0, 4)
ZIPF = {"uniform": 0, "Zipf 1.1": 1.1}
SERIES = (1000, 10_000, 100_000, 1_000_000)

# Arguments that make a program print JSON, and those that make it short; others get none.
ARGUMENTS = {"auto": ["--json"], "memory": ["--json"], "receive": ["-j"]}
QUICK = {
    "auto": ["--json"],
    "memory": ["--json"],
    "receive": ["-j", "-r", "1", "-s", "0.1"],
    "flush": ["50000"],
    "parse": ["5"],
}
QUICK_SKIPS = {"auto_alarms", "sketch"}  # take most of a minute
PROGRAM_SECONDS = 900


def sigmactl_bench(sigmactl, *, types, tags, zipf, series, threads=1, metrics=5_000_000):
    command = [sigmactl, "bench", "--json", "--types", types, "--tags", tags, "--zipf", zipf, "--series", series]
    command += ["--threads", threads, "--metrics", metrics]
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def cells(quick):
    """The points of the matrix, each with the names that the report uses."""
    if quick:
        chosen = [("mixed", 0, "uniform", series) for series in (1000, 100_000)]
    else:
        chosen = [(t, tags, d, s) for t in TYPES for tags in TAGS for d in ZIPF for s in SERIES]
    return [{"types": t, "tags": tags, "distribution": d, "series": s} for t, tags, d, s in chosen]


def measure_cell(sigmactl, cell, threads, quick):
    figures = sigmactl_bench(
        sigmactl,
        types=TYPES[cell["types"]],
        tags=cell["tags"],
        zipf=ZIPF[cell["distribution"]],
        series=cell["series"],
        threads=threads,
        metrics=500_000 if quick else 5_000_000,
    )
    return {**figures, **cell, "series_seen": figures["series"]}


def programs(folder):
    """The benchmark programs of a build, by their names without bench_."""
    found = sorted(folder.rglob("bench_*"))
    return {path.name.removeprefix("bench_"): path for path in found if path.is_file() and path.stat().st_mode & 0o111}


def run_program(name, path, quick):
    """{"json": ...} or {"text": ...}, or {"failed": why}."""
    command = [str(path), *(QUICK if quick else ARGUMENTS).get(name, [])]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"it ran for more than {PROGRAM_SECONDS} s"}
    if ended.returncode != 0:
        return {"failed": f"exit status {ended.returncode}: {ended.stderr.strip()[-200:]}"}
    try:
        return {"json": json.loads(ended.stdout)}
    except ValueError:
        return {"text": ended.stdout}


def rows(program):
    """The flat objects in a program's JSON."""
    found = [value for value in program.get("json", {}).values() if isinstance(value, list)]
    return found[0] if found else []


def scan_and_parse_ns(programs_run):
    """S and P of bench_parse for plain lines; None where they were not measured."""
    text = programs_run.get("parse", {}).get("text", "")
    scan = re.search(r"^\s*S, .*?([\d.]+) ns", text, re.MULTILINE)
    parse = re.search(r"^\s*P, .*?([\d.]+) ns", text, re.MULTILINE)
    return (float(scan.group(1)), float(parse.group(1))) if scan and parse else None


def row_value(programs_run, program, key, **match):
    """A value of the row of a program that matches, or None."""
    for row in rows(programs_run.get(program, {})):
        if all(row.get(name) == value for name, value in match.items()):
            return row.get(key)
    return None
