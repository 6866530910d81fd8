# SPDX-License-Identifier: MIT
"""The highest rate of metrics that sigmad takes in without losing a datagram, over loopback and through its flushes.

    python3 tests/bench/loss_free.py --build build/bench [--gso] [--set server.udp_gro=true] [--json]

Runs a server with all its threads on core 0 and `sigmactl load` on core 1. First the sender goes as fast as it can;
if the server loses nothing then, the sender is the bound. Else a bisection finds the rate above which datagrams are
dropped. A rate counts as taken when sigmad's balance holds every datagram that was sent and the kernel dropped none,
in one of several tries where another program kept the worker from its core. The machine should have nothing else to do.
Metrics are packed to 1,432 bytes: 10,000 series, half counters, a third timers, the rest gauges.
"""

import argparse
import contextlib
import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TYPES = "c=3,ms=2,g=1"
# The server's own flusher keeps the worker waiting for less than this share of the time.
WAITED_SHARE_MAX = 0.1

SETTINGS = {
    "server.udp": "127.0.0.1:0",
    "server.receive_buffer": "8MiB",
    "flush.interval": "1s",
    "http.listen": "127.0.0.1:0",
    "csv.directory": "data",
}


class Server:
    """sigmad on core 0, in a folder of its own."""

    def __init__(self, program, folder, settings):
        command = ["taskset", "-c", "0", program, "-c", "statsd.ini"]
        Path(folder, "statsd.ini").touch()
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        log = Path(folder, "log")
        with log.open("w", encoding="utf-8") as out:
            self.process = subprocess.Popen(command, cwd=folder, stderr=out)
        while not (ready := re.search(r"msg=ready .*?udp=(\S+) http=(\S+)", log.read_text(encoding="utf-8"))):
            if self.process.poll() is not None:
                raise SystemExit(f"sigmad did not start: {log.read_text(encoding='utf-8')}")
            time.sleep(0.01)
        self.udp, self.http = ready.groups()

    def request(self, method, path):
        connection = http.client.HTTPConnection(self.http, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status != 200:
                raise SystemExit(f"{path} answers {answer.status}: {body}")
            return json.loads(body)

    def datagrams(self):
        """(received, dropped) with everything that was sent before."""
        self.request("POST", "/-/flush")
        found = self.request("GET", "/api/v1/balance")["datagrams"]
        return sum(found["received"].values()), found["dropped_by_kernel"]

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def waited_seconds(self):
        """How long the worker was ready to run and did not: the flusher or another program had the core."""
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text(encoding="ascii") == "worker-0\n":
                return int((task / "schedstat").read_text(encoding="ascii").split()[1]) / 1e9
        raise SystemExit("sigmad has no worker-0")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def probe(options, server, rate):
    """Sends at this rate, 0 = as fast as possible. Returns what came of it."""
    received, dropped = server.datagrams()
    cpu, waited = server.cpu_seconds(), server.waited_seconds()
    done = subprocess.run(
        ["taskset", "-c", "1", options.sigmactl, "load", "--json", "--to", server.udp, "--rate", str(int(rate)),
         "--duration", f"{int(options.seconds * 1000)}ms", "--series", "10000", "--types", TYPES,
         *(["--gso"] if options.gso else [])],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    )
    report = json.loads(done.stdout)
    received_after, dropped_after = server.datagrams()
    found = {
        "rate": report["rate"],
        "kept": done.returncode == 0,
        "lost": report["datagrams"] - (received_after - received),
        "dropped": dropped_after - dropped,
        "cpu_share": (server.cpu_seconds() - cpu) / report["seconds"],
        "waited_share": (server.waited_seconds() - waited) / report["seconds"],
    }
    found["clean"] = found["lost"] == 0 and found["dropped"] == 0
    print(f"  {found['rate'] / 1e6:6.2f} M/s  lost {found['lost']:7}  CPU {found['cpu_share']:.2f}  "
          f"worker kept waiting {found['waited_share']:.2f}", file=sys.stderr)
    return found


def best_probe(options, server, rate):
    """Of several tries the first that is clean, or lossy without another program on the core."""
    for _ in range(options.tries):
        found = probe(options, server, rate)
        if found["clean"] or found["waited_share"] < WAITED_SHARE_MAX:
            break
    return found


def search(options, server):
    """The highest clean rate, and whether the sender was what bounded it."""
    probe(options, server, 100_000)
    fastest = best_probe(options, server, 0)
    if fastest["clean"]:
        return {"rate": fastest["rate"], "bound": "sender", "cpu_share": fastest["cpu_share"]}
    low, high = {"rate": 0, "cpu_share": 0}, fastest["rate"]
    while high - low["rate"] > options.precision * high:
        found = best_probe(options, server, (low["rate"] + high) / 2)
        if found["clean"] and found["kept"]:
            low = found
        elif found["clean"]:
            return {"rate": found["rate"], "bound": "sender", "cpu_share": found["cpu_share"]}
        else:
            high = (low["rate"] + high) / 2
    return {"rate": low["rate"], "bound": "server", "cpu_share": low["cpu_share"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="folder with sigmad and sigmactl")
    parser.add_argument("--gso", action="store_true", help="the sender hands many datagrams over at a time")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the server")
    parser.add_argument("--seconds", type=float, default=3, help="length of a probe (default 3)")
    parser.add_argument("--tries", type=int, default=3, help="at a rate (default 3)")
    parser.add_argument("--rounds", type=int, default=1, help="searches, of which the median is told (default 1)")
    parser.add_argument("--precision", type=float, default=0.03, help="of the rate (default 0.03)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.sigmactl = str(options.build.resolve() / "sigmactl")
    settings = {**SETTINGS, **dict(setting.split("=", 1) for setting in options.set)}
    found = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(str(options.build.resolve() / "sigmad"), folder, settings)
            try:
                found.append(search(options, server))
            finally:
                server.stop()
    middle = sorted(found, key=lambda one: one["rate"])[len(found) // 2]
    if options.json:
        print(json.dumps({"benchmark": "loss_free", "gso": options.gso, "settings": settings, **middle}))
    else:
        print(f"{middle['rate'] / 1e6:.2f} M metrics/s without loss, bound by the {middle['bound']}, "
              f"server CPU {middle['cpu_share']:.2f} of a core")


if __name__ == "__main__":
    main()
