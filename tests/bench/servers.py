# SPDX-License-Identifier: MIT
"""The servers that are measured, each behind the same few methods.

Every one listens on a free UDP port of 127.0.0.1, is pinned to the server's core, flushes every `interval`
seconds and has an output to flush to: sigmad its CSV files, etsy statsd and collectd Graphite lines over TCP to a
sink that throws them away, netdata its own database in memory. Otherwise they run with their defaults; whatever
else than StatsD netdata and collectd could do is switched off.
"""

import getpass
import json
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from process import SERVER_CORE, Child, Failure, ReceiveSocket, eventually, free_port
from sink import GraphiteSink

START_SECONDS = 20


class Server:
    """A running server. Subclasses say how it is started and what it says it received."""

    name = ""
    flushes_to = ""
    counts_by = ""  # how received() knows
    memory_rate = 100_000  # metrics a second at which it takes in new names without loss

    def __init__(self, programs, interval=10, options=()):
        self.programs = programs
        self.interval = interval
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.port = free_port()
        self.child = None
        self.socket = None

    def __enter__(self):
        try:
            self.child = Child(self.command(), SERVER_CORE, self.folder / "log", self.environment())
            self.wait_until_ready()
            self.socket = ReceiveSocket(self.child.pid, self.port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.socket:
            self.socket.close()
        if self.child:
            self.child.stop()
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self):
        return {}

    def command(self):
        raise NotImplementedError

    def wait_until_ready(self):
        """Until it can be asked things; that its port is bound is waited for elsewhere."""

    def close(self):
        """What belongs to the server but is not its process."""

    def received(self):
        """What it says that it received since it started, counted as expected() counts."""
        raise NotImplementedError

    def expected(self, reports):
        """The same of what was sent."""
        return sum(report["metrics"] for report in reports)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


class Sigmad(Server):
    name = "sigmad"
    flushes_to = "CSV files"
    counts_by = "/api/v1/balance, samples stored"
    memory_rate = 400_000

    def command(self):
        settings = {
            "server.udp": f"127.0.0.1:{self.port}",
            "http.listen": "127.0.0.1:0",
            "csv.directory": self.folder / "data",
            "flush.interval": f"{self.interval * 1000:.0f}ms",
            "flush.align": "false",
            "anomaly.method": "off",
            **dict(self.options),
        }
        command = [self.programs["sigmad"], "-c", "/dev/null"]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        return command

    def wait_until_ready(self):
        def address():
            self.child.require_alive()
            return re.search(r"msg=ready .*http=(\S+)", self.child.said())

        self.http = eventually(address, START_SECONDS, "sigmad did not get ready").group(1)

    def balance(self):
        with urllib.request.urlopen(f"http://{self.http}/api/v1/balance", timeout=10) as answer:
            return json.load(answer)

    def received(self):
        return self.balance()["samples"]["stored"]

    @staticmethod
    def version(programs):
        return _first_line([programs["sigmad"], "--version"]).split()[-1]


class Etsy(Server):
    name = "etsy statsd"
    flushes_to = "Graphite lines"
    counts_by = "its own metric statsd.metrics_received, summed over the flushes"
    memory_rate = 60_000
    METRIC = b"stats.counters.statsd.metrics_received.count"

    def command(self):
        self.sink = GraphiteSink(lambda path: path == self.METRIC)
        settings = {
            "port": self.port,
            "address": "127.0.0.1",
            "mgmt_address": "127.0.0.1",
            "mgmt_port": free_port(socket.SOCK_STREAM),
            "flushInterval": self.interval * 1000,
            "graphiteHost": "127.0.0.1",
            "graphitePort": self.sink.port,
            "backends": ["./backends/graphite"],
            "graphite": {"legacyNamespace": False},
        }
        path = self.write("config.js", json.dumps(settings))
        return ["node", self.programs["etsy"] / "stats.js", path]

    def close(self):
        if hasattr(self, "sink"):
            self.sink.close()

    def received(self):
        return self.sink.sums.get(self.METRIC, 0)

    @staticmethod
    def version(programs):
        return json.loads((programs["etsy"] / "package.json").read_text())["version"]


class Collectd(Server):
    name = "collectd"
    flushes_to = "Graphite lines"
    counts_by = "the totals of all counters in its output against the sum that was sent"
    memory_rate = 200_000

    def command(self):
        self.sink = GraphiteSink(lambda path: b".derive-" in path)
        root = self.programs["collectd"]
        path = self.write(
            "collectd.conf",
            f"""FQDNLookup false
Hostname "bench"
BaseDir "{self.folder}"
PIDFile "{self.folder}/pid"
PluginDir "{root}/usr/lib/collectd"
TypesDB "{root}/usr/share/collectd/types.db"
Interval {self.interval}
LoadPlugin statsd
LoadPlugin write_graphite
<Plugin statsd>
  Host "127.0.0.1"
  Port "{self.port}"
  TimerPercentile 90
</Plugin>
<Plugin write_graphite>
  <Node "sink">
    Host "127.0.0.1"
    Port "{self.sink.port}"
    Protocol "tcp"
    StoreRates false
  </Node>
</Plugin>
""",
        )
        return [root / "usr/sbin/collectd", "-f", "-C", path]

    def close(self):
        if hasattr(self, "sink"):
            self.sink.close()

    def received(self):
        return sum(list(self.sink.last.values()))

    def expected(self, reports):
        return sum(report["by_type"]["c"]["sum"] for report in reports)

    @staticmethod
    def version(programs):
        said = _output([programs["collectd"] / "usr/sbin/collectd", "-h"])
        return re.search(r"collectd (\S+?),", said).group(1).removesuffix(".git")


class Netdata(Server):
    name = "netdata"
    flushes_to = "its database (mode ram)"
    counts_by = "its own chart netdata.statsd_events"
    memory_rate = 200_000
    SILENCED = (
        "timex idlejitter tc diskspace proc cgroups slabinfo apps go.d python.d charts.d node.d ebpf nfacct perf"
    )

    def command(self):
        root = self.programs["netdata"]
        self.web_port = free_port(socket.SOCK_STREAM)
        for name in ("config", "cache", "lib", "plugins", "logs"):
            (self.folder / name).mkdir()
        silenced = "".join(f"    {plugin} = no\n" for plugin in self.SILENCED.split())
        path = self.write(
            "netdata.conf",
            f"""[global]
    run as user = {getpass.getuser()}
    hostname = bench
[directories]
    config = {self.folder}/config
    stock config = {root}/usr/lib/netdata/conf.d
    log = {self.folder}/logs
    web = {root}/usr/share/netdata/web
    cache = {self.folder}/cache
    lib = {self.folder}/lib
    home = {self.folder}/lib
    plugins = {self.folder}/plugins
[db]
    mode = ram
    update every = {self.interval}
[logs]
    debug = none
    access = none
[web]
    bind to = 127.0.0.1
    default port = {self.web_port}
[health]
    enabled = no
[ml]
    enabled = no
[plugins]
    enable running new plugins = no
{silenced}[statsd]
    bind to = udp:127.0.0.1:{self.port}
    update every (flushInterval) = {self.interval}
""",
        )
        command = [root / "usr/sbin/netdata", "-D", "-c", path, "-i", "127.0.0.1", "-p", self.web_port]
        return [*command, "-u", getpass.getuser()]

    def wait_until_ready(self):
        def answers():
            self.child.require_alive()
            try:
                self.totals()
            except OSError:
                return False
            return True

        eventually(answers, START_SECONDS, "netdata did not answer")

    def totals(self):
        address = f"http://127.0.0.1:{self.web_port}/api/v1/allmetrics?format=prometheus&source=as-collected"
        with urllib.request.urlopen(address + "&filter=netdata.statsd_events", timeout=10) as answer:
            return answer.read().decode()

    def received(self):
        events = re.findall(r"^netdata\S*statsd_events_total\{.*?\} (\d+)", self.totals(), re.MULTILINE)
        return sum(int(count) for count in events)

    @staticmethod
    def version(programs):
        return _first_line([programs["netdata"] / "usr/sbin/netdata", "-V"]).split()[-1].removeprefix("v")


def _output(command):
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=20)
    return ended.stdout + ended.stderr


def _first_line(command):
    lines = _output(command).splitlines()
    if not lines:
        raise Failure(f"{command[0]} did not tell its version")
    return lines[0]
