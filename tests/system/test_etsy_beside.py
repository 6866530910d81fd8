# SPDX-License-Identifier: MIT
"""etsy's own server and sigmad with profile etsy, side by side on the same traffic: Graphite sees no difference."""

import json
import random
import re
import socket
import subprocess
import time

import pytest

from graphite import Receiver, read_lines
from partners import etsy_statsd, free_port
from sigmad import ANSWER_SECONDS, DEFAULTS, clean_environment, eventually, ini_text, merged

OWN = re.compile(r"^(stats\.|stats_counts\.|stats\.gauges\.)?statsd\.")
INTERVAL_SECONDS = 3


class EtsyStatsd:
    """A running etsy statsd that flushes to a receiver every INTERVAL_SECONDS."""

    def __init__(self, folder, receiver, changes):
        self.port, self.mgmt_port = free_port(), free_port()
        config = {
            "port": self.port, "address": "127.0.0.1", "mgmt_port": self.mgmt_port, "mgmt_address": "127.0.0.1",
            "flushInterval": INTERVAL_SECONDS * 1000, "backends": ["./backends/graphite"],
            "graphiteHost": "127.0.0.1", "graphitePort": receiver.port, **changes,
        }
        file = folder / "etsy.js"
        file.write_text(json.dumps(config), encoding="utf-8")
        self.log = folder / "etsy.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*etsy_statsd(), str(file)], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=clean_environment())
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, datagram):
        self.socket.sendto(datagram.encode(), ("127.0.0.1", self.port))

    def counter(self, name):
        """What a counter has come to in the open window, by the management console; None before its first sample."""
        with socket.create_connection(("127.0.0.1", self.mgmt_port), timeout=ANSWER_SECONDS) as console:
            console.sendall(b"counters\n")
            answer = b""
            while not answer.endswith(b"END\n\n"):
                piece = console.recv(65536)
                assert piece, answer
                answer += piece
        found = re.search(rf"'{re.escape(name)}': (\d+)", answer.decode())
        return int(found.group(1)) if found else None

    def kill(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


def traffic(seed):
    """Datagrams of one window: counters, timers, gauges and sets, some with rates, tags, odd names or more values."""
    dice = random.Random(seed)
    lines = []
    for i in range(300):
        name = f"app.{dice.choice('abcdefg')}"
        lines += [
            f"{name}.hits:{dice.randrange(1, 9)}|c",
            f"{name}.bytes:{dice.randrange(1, 10000)}|c|@{dice.choice(['1', '0.5', '0.25', '0.1'])}",
            f"{name}.latency:{dice.randrange(0, 100000) / 100}|ms",
            f"{name}.sampled:{dice.randrange(0, 1000)}|ms|@0.1",
            f"{name}.load:{dice.choice(['', '+', '-'])}{dice.randrange(0, 1000) / 10}|g",
            f"{name}.users:u{dice.randrange(0, 40)}|s",
        ]
    lines += [
        "odd name/with.things!:1|c", "tagged:1|c|#role:web,zone:eu", "two:1|c:3|c", "small:0.000001|c", "tiny:1e-9|g",
        "large:123456789012345678|g", "sum:0.1|c", "sum:0.2|c", "histo:3|ms", "histo:30|ms", "histo:300|ms",
        "one:42.5|ms", "negative:-5|c", "zero:0|ms",
    ]
    return ["\n".join(lines[i : i + 20]) for i in range(0, len(lines), 20)]


@pytest.fixture
def receivers():
    made = [Receiver(), Receiver()]
    yield made
    for one in made:
        one.close()


def window_of(etsy, theirs, ours, server, datagrams, mark):
    """What both show of a window with these datagrams; None where one of the two ended a window meanwhile."""
    before = len(theirs.connections)
    eventually(lambda: len(theirs.connections) > before, 30)
    # Their flush has just been: a window's traffic fits in front of the next. And no window of ours is about to end.
    count = len(theirs.connections)
    eventually(lambda: time.time() % INTERVAL_SECONDS < INTERVAL_SECONDS / 2)
    first = server.flush().json()["window"]
    for datagram in [f"{mark}.first:1|c", *datagrams, f"{mark}.last:1|c"] if datagrams else []:
        server.send(datagram)
        etsy.send(datagram)
    last = server.flush().json()["window"]
    whole = True
    if datagrams:
        eventually(lambda: etsy.counter(f"{mark}.last") is not None, 30)
        whole = last == first + 1 and etsy.counter(f"{mark}.first") == etsy.counter(f"{mark}.last") == 1
    return (theirs.wait_for(count + 1, 30)[count], ours.connections[last - 1]) if whole else None


def shown(data):
    """{path: value as text} without what a server says of itself."""
    return {path: value for path, value, _ in read_lines(data) if not OWN.match(path)}


@pytest.mark.parametrize("namespace", ["legacy", "new"])
def test_the_lines_of_a_window_are_identical(receivers, tmp_path, start_server, namespace):
    theirs, ours = receivers
    nested = {} if namespace == "legacy" else {
        "legacyNamespace": False, "globalPrefix": "prod", "globalSuffix": "h1", "prefixTimer": "t"}
    etsy = EtsyStatsd(tmp_path, theirs, {
        "percentThreshold": [90, 99.9, -10], "histogram": [{"metric": "histo", "bins": [10, 100.5, "inf"]}],
        "graphite": nested,
    })
    keys = {"address": ours.address}
    if nested:
        keys.update({"legacy_namespace": "false", "global_prefix": "prod", "global_suffix": "h1",
                     "prefix_timer": "t"})
    try:
        server = start_server(ini_text(merged(DEFAULTS, {
            "server": {"profile": "etsy"},
            "flush": {"interval": f"{INTERVAL_SECONDS}s", "align": "true", "percentiles": "90, 99.9, -10"},
            "graphite": keys, 'histogram "histo"': {"bins": "10, 100.5, inf"},
        })))
        theirs.wait_for(1, 30)
        for window in range(3):
            datagrams = traffic(window) if window < 2 else []
            attempts = (window_of(etsy, theirs, ours, server, datagrams, f"mark.{window}.{i}") for i in range(5))
            seen = next(filter(None, attempts), None)
            assert seen, "no window held the traffic as a whole"
            expected, found = map(shown, seen)
            if nested:
                expected = {path: value for path, value in expected.items() if not path.startswith("prod.statsd.")
                            and ".statsd." not in path}
                found = {path: value for path, value in found.items() if ".statsd." not in path}
            # The last window is idle: zeros, and gauges as they were.
            assert len(expected) > (200 if window < 2 else 50)
            assert found.keys() == expected.keys()
            assert found == expected
    finally:
        etsy.kill()
