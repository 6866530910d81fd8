#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How good the detectors are: labelled series and made ones through `sigmactl backtest`, scored.

YARDSTICKS is a folder with the Numenta Anomaly Benchmark, or a part of it, as NAB lays it out, and two scorers:

    data/<category>/<series>.csv          timestamp,value
    labels/combined_windows.json          windows that people labelled
    files.txt                             the series to score, one <category>/<series>.csv a line (optional)
    score.py RESULTS --nab DIR --json     NAB's scores of a folder of results
    synth.py gen DIR --seed N             made series with known incidents, one value a line, 10-second windows
    synth.py score DIR RESULTS            false alarms per 10,000 clean windows, share detected, delay

    detectors.py YARDSTICKS [--sigmactl PATH] [--seeds 1,2,3,4,5] [--json] [-- OPTION...]

What stands behind -- goes to each `sigmactl backtest`, one run of everything for each such group:

    detectors.py nab -- --method auto -- --method sigma --hold-off 20m

NAB's threshold is the one that maximises the score over all series, as its rules have it, and beside it 0.5, which is
where the server alarms. Everything is deterministic.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WINDOW_SECONDS = 10
ALARM = 0.5
MIDNIGHT = 1767225600  # of a day in UTC, where the made series begin
FIGURE = re.compile(
    r"false alarms\s+(?P<clean>\S+)\s+[\d.]+ per 10,000 clean windows \((?P<false>\d+) in (?P<windows>\d+)\)"
    r"|detection\s+(?P<kind>\S+)\s+(?P<share>[\d.]+) % of\s+(?P<of>\d+), median delay (?P<delay>\S+) windows"
)


def backtest(sigmactl, options, rows):
    """The CSV that comes back for the CSV `rows`."""
    done = subprocess.run([sigmactl, "backtest", *options], input=rows, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"sigmactl backtest {' '.join(options)}: status {done.returncode}\n{done.stderr}")
    return done.stdout


def run(command):
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=True).stdout


def series_of(yardsticks):
    listed = yardsticks / "files.txt"
    if listed.exists():
        return [line.strip() for line in listed.read_text().splitlines() if line.strip()]
    return sorted(path.relative_to(yardsticks / "data").as_posix() for path in yardsticks.glob("data/*/*.csv"))


def judge_nab(pool, sigmactl, options, yardsticks, folder):
    """NAB's three profiles, at the best threshold and at the server's."""

    def one(name):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(backtest(sigmactl, options, (yardsticks / "data" / name).read_text()))

    names = series_of(yardsticks)
    list(pool.map(one, names))
    listed = folder / "files.txt"
    listed.write_text("\n".join(names) + "\n")
    score = [yardsticks / "score.py", folder, "--nab", yardsticks, "--files", listed, "--json"]
    return {"best": json.loads(run(score)), "alarms": json.loads(run([*score, "--threshold", str(ALARM)]))}


def judge_made(pool, sigmactl, options, synth, made, folder, sums):
    """Adds the false alarms and detections of one folder of made series to `sums`."""

    def one(path):
        values = path.read_text().split()
        rows = [f"{MIDNIGHT + WINDOW_SECONDS * (i + 1)},{value}\n" for i, value in enumerate(values)]
        answer = backtest(sigmactl, options, "timestamp,value\n" + "".join(rows)).splitlines()[1:]
        alarms = ["1\n" if float(line.split(",")[2]) >= ALARM else "0\n" for line in answer]
        (folder / path.name).write_text("".join(alarms))

    folder.mkdir(parents=True)
    list(pool.map(one, sorted(made.glob("*.csv"))))
    for match in FIGURE.finditer(run([synth, "score", made, folder])):
        if match["clean"]:
            entry = sums["false"].setdefault(match["clean"], [0, 0])
            entry[0] += int(match["false"])
            entry[1] += int(match["windows"])
        else:
            entry = sums["detected"].setdefault(match["kind"], [0, 0])
            entry[0] += round(float(match["share"]) / 100 * int(match["of"]))
            entry[1] += int(match["of"])


def judge(pool, arguments, options, made, folder):
    sums = {"false": {}, "detected": {}}
    for seed, series in made.items():
        synth = arguments.yardsticks / "synth.py"
        judge_made(pool, arguments.sigmactl, options, synth, series, folder / f"seed{seed}", sums)
    return {
        "options": options,
        "nab": judge_nab(pool, arguments.sigmactl, options, arguments.yardsticks, folder / "nab"),
        "false_alarms_per_10000": {key: 1e4 * hits / of for key, (hits, of) in sums["false"].items()},
        "detected_percent": {key: 100 * hits / of for key, (hits, of) in sums["detected"].items()},
    }


def show(result):
    print(" ".join(result["options"]) or "(defaults)")
    for name, at in (("best threshold", "best"), ("as it alarms", "alarms")):
        scores = ", ".join(f"{profile} {score['score']:.2f}" for profile, score in result["nab"][at].items())
        print(f"  NAB, {name:14}  {scores}")
    print("  false alarms per 10,000 clean windows: " + figures(result["false_alarms_per_10000"], 2))
    print("  detected, percent: " + figures(result["detected_percent"], 1))


def figures(values, digits):
    return ", ".join(f"{key} {value:.{digits}f}" for key, value in sorted(values.items()))


def groups_of(words):
    """The options of each run: what stands behind each `--`."""
    groups = [[]]
    for word in words:
        if word == "--":
            groups.append([])
        else:
            groups[-1].append(word)
    return groups


def main():
    own, *groups = groups_of(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("yardsticks", type=Path)
    parser.add_argument("--sigmactl", type=Path, default=ROOT / "build/release/sigmactl")
    parser.add_argument("--seeds", default="1,2,3,4,5", help="of the made series")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(own)
    with tempfile.TemporaryDirectory() as base, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        made = {seed: Path(base) / f"made{seed}" for seed in arguments.seeds.split(",") if seed}
        for seed, folder in made.items():
            run([arguments.yardsticks / "synth.py", "gen", folder, "--seed", seed])
        results = []
        for number, options in enumerate(groups or [["--method", "auto"], ["--method", "sigma"]]):
            results.append(judge(pool, arguments, options, made, Path(base) / f"run{number}"))
            if not arguments.json:
                show(results[-1])
    if arguments.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
