# SPDX-License-Identifier: MIT
"""What tools/bench runs when everything is built and fetched: measures, then writes the report."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import own
import peers
import report
from process import SENDER_CORE, SERVER_CORE

ROOT = Path(__file__).resolve().parent.parent.parent


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30,
        "kernel": platform.release(),
        "compiler": output("gcc", "--version").splitlines()[0] if output("gcc", "--version") else "unknown compiler",
        "server_core": SERVER_CORE,
        "sender_core": SENDER_CORE,
        "load_average": os.getloadavg()[0],
    }


def run_facts(rounds):
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": output("git", "rev-parse", "--short", "HEAD") or "unknown",
        "machine": machine(),
        "rounds": rounds,
    }


def find_programs(build, peers_folder):
    """Paths of what is measured. `absent` tells of each peer that is not there why, as tools/bench left it."""
    found = {"build": build, "sigmad": build / "sigmad", "sigmactl": build / "sigmactl", "absent": {}}
    marks = {
        "etsy": ("etsy/node_modules/statsd", "stats.js"),
        "collectd": ("collectd", "usr/sbin/collectd"),
        "netdata": ("netdata", "usr/sbin/netdata"),
    }
    for name, (folder, mark) in marks.items():
        if (peers_folder / folder / mark).exists():
            found[name] = peers_folder / folder
        note = peers_folder / f"{name}.absent"
        if note.exists():
            found["absent"][name] = note.read_text().strip()
            found.pop(name, None)
    return found


def read_json(path):
    return json.loads(path.read_text()) if path.exists() else None


def write_report(folder, benchmarks):
    """From the results in `folder`; the Markdown goes to `benchmarks`."""
    plots = os.path.relpath(folder, benchmarks.parent) + "/"
    files = report.render(read_json(folder / "own.json"), read_json(folder / "peers.json"), plots.removeprefix("./"))
    for name, text in files.items():
        path = benchmarks if name == "BENCHMARKS.md" else folder / name
        path.write_text(text)
    print(f"written: {benchmarks}", file=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="sigmad beside etsy statsd, collectd and netdata")
    parser.add_argument("--quick", action="store_true", help="a minute's smoke test; its figures mean little")
    parser.add_argument("--rounds", type=int, help="medians are of so many rounds (default 5; 1 with --quick)")
    parser.add_argument("--only", choices=own.PARTS, action="append", help="measure this part anew (may be repeated)")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report anew")
    return parser.parse_args()


def main():
    asked = arguments()
    if asked.peers and asked.only and asked.only != ["memory"]:
        sys.exit("tools/bench: of --peers, only memory can be measured anew by itself")
    rounds = asked.rounds or (1 if asked.quick else 5)
    folder = ROOT / ("build/bench/quick" if asked.quick else "docs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    own_before = read_json(folder / "own.json") or {}
    missing = [part for part in own.PARTS if part not in own_before and part not in (asked.only or own.PARTS)]
    if asked.only and not asked.peers and missing:
        sys.exit(f"tools/bench: {', '.join(missing)} must have been measured before")
    benchmarks = folder / "BENCHMARKS.md" if asked.quick else ROOT / "BENCHMARKS.md"
    programs = find_programs(ROOT / "build/bench", ROOT / "build/peers")
    if not asked.report:
        facts = run_facts(rounds)
        if asked.peers and asked.only:
            name, before = "peers.json", read_json(folder / "peers.json")
            results = peers.measure_memory_anew(programs, asked.quick, before["results"])
            result = {**before, "memory_commit": facts["commit"], "results": results}
        elif asked.peers:
            name, result = "peers.json", {**facts, "results": peers.measure(programs, asked.quick, rounds)}
        else:
            name, before = "own.json", own_before if asked.only else {}
            result = own.measure(programs, asked.quick, rounds, asked.only or own.PARTS, {**before, **facts})
        (folder / name).write_text(json.dumps(result, indent=1) + "\n")
    write_report(folder, benchmarks)


if __name__ == "__main__":
    main()
