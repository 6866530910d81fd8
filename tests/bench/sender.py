# SPDX-License-Identifier: MIT
"""sigmactl load, pinned to the sender's core: says exactly what it sent."""

import json
import os
import subprocess

from process import SENDER_CORE, Failure

# Names of about 35 bytes; 32 lines or so in a datagram of 1,432 bytes.
PREFIX = "bench.service.request.path"
MIXED = "c=50,ms=33,g=17"


def load(sigmactl, port, *, rate=0, seconds=None, metrics=None, series=10000, types=MIXED, more=()):
    """One run: the generator's own report, and whether it was `late`, that is could not keep the rate."""
    command = [sigmactl, "load", "--json", "--to", f"127.0.0.1:{port}", "--prefix", PREFIX, "--types", types]
    command += ["--series", str(series), "--rate", str(rate), *more]
    if seconds is not None:
        command += ["--duration", f"{round(seconds * 1000)}ms"]
    if metrics is not None:
        command += ["--metrics", str(metrics)]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {SENDER_CORE}),
    )
    if not ended.stdout.startswith("{"):
        raise Failure(f"sigmactl load: {ended.stderr.strip()}")
    report = json.loads(ended.stdout)
    if report["refused"] > 0:
        raise Failure("sigmactl load: datagrams were refused, the server is gone")
    report["late"] = ended.returncode != 0
    return report
