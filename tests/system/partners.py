# SPDX-License-Identifier: MIT
"""The real programs and clients that sigmad is tested against. tools/test puts them into place.

A test whose partner is missing fails. Only SIGMAD_TEST_OFFLINE=1 skips it, and says so.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from sigmad import PATIENCE, clean_environment, eventually

FOLDER = Path(os.environ.get("SIGMAD_PARTNERS", "missing"))


def missing(what):
    message = f"{what} is missing; tools/test installs it"
    if os.environ.get("SIGMAD_TEST_OFFLINE") == "1":
        pytest.skip(f"SIGMAD_TEST_OFFLINE=1: {message}")
    pytest.fail(message)


def program(name):
    """The path of an unpacked partner program."""
    path = FOLDER / "usr" / "bin" / name
    if not os.access(path, os.X_OK):
        missing(name)
    return str(path)


def python_module(name):
    """An imported Python client, such as `statsd`."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        missing(f"the Python module {name}")


def run_client(command, what, environment=None):
    """Runs a client program to its end; a command that is not there means a missing partner."""
    try:
        done = subprocess.run(
            command, env=clean_environment(**(environment or {})), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60 * PATIENCE, check=False,
        )
    except FileNotFoundError:
        missing(what)
    assert done.returncode == 0, f"{what} exits {done.returncode}: {done.stderr}"
    return done.stdout


def run_node(script):
    """Runs JavaScript text that may require('hot-shots')."""
    modules = FOLDER / "node" / "node_modules"
    if not (modules / "hot-shots").is_dir():
        missing("hot-shots")
    return run_client(["node", "-e", script], "node", {"NODE_PATH": str(modules)})


def etsy_statsd():
    """The command that runs etsy's own server; its configuration file is to follow."""
    program_file = FOLDER / "node" / "node_modules" / "statsd" / "stats.js"
    if not program_file.is_file():
        missing("etsy statsd")
    return ["node", str(program_file)]


def run_perl(script):
    """Runs Perl text that may use Net::Statsd."""
    probe = subprocess.run(["perl", "-MNet::Statsd", "-e", "1"], capture_output=True, check=False)
    if probe.returncode != 0:
        missing("the Perl module Net::Statsd")
    return run_client(["perl", "-e", script], "perl")


def run_ruby(script):
    """Runs Ruby text that may use the library statsd; answers what it prints."""
    if not shutil.which("ruby") or subprocess.run(
            ["ruby", "-rstatsd", "-e", "1"], capture_output=True, check=False).returncode != 0:
        missing("the Ruby library statsd")
    return run_client(["ruby", "-e", script], "ruby")


def promtool_check(text):
    """What `promtool check metrics` has to say about an exposition; empty means content."""
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text.encode() if isinstance(text, str) else text,
        capture_output=True, timeout=60 * PATIENCE, check=False,
    )
    return (done.stdout + done.stderr).decode().strip()


def unclaimed_ports():
    """Ports that the kernel gives to nobody who binds port 0 or connects, as far as it leaves any."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split())
    return max(range(10000, low), range(high + 1, 65536), key=len) or range(10000, 65536)


def claim(port):
    """A socket that keeps other tests from being given the port while it is open; None where the port is taken."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0sigmad-test-port-{port}")
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return None
    return name


claims = []  # open until the process ends


def free_port():
    """A port of loopback, of TCP and UDP, that stays free until whoever it is for binds it, and between two binds."""
    ports = unclaimed_ports()
    for port in random.sample(ports, min(len(ports), 1000)):
        if name := claim(port):
            claims.append(name)
            return port
    pytest.fail("no port is free")


class Prometheus:
    """A real Prometheus, with options of its own, that scrapes these (host, port) targets every second."""

    def __init__(self, folder, targets, options=()):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        addresses = json.dumps([f"{host}:{port}" for host, port in targets])
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs: [{{job_name: sigmad, static_configs: [{{targets: {addresses}}}]}}]\n",
            encoding="utf-8",
        )
        command = program("prometheus")
        self.port = free_port()
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [command, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
                 f"--web.listen-address=127.0.0.1:{self.port}", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(),
            )
        try:
            eventually(self.is_ready, 30, "prometheus never became ready")
        except BaseException:
            self.kill()
            raise

    def is_ready(self):
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def value(self, expression, seconds=15):
        """The value of a query that gives one series, waited for."""
        [(_, value)] = eventually(lambda: self.query(expression), seconds, f"{expression} never had a result")
        return value

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


CARBON_CONFIG = """[cache]
STORAGE_DIR = {folder}
LOCAL_DATA_DIR = {folder}/whisper
CONF_DIR = {folder}
LOG_DIR = {folder}
PID_DIR = {folder}
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query_port}
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
CARBON_METRIC_INTERVAL = 0
WHISPER_AUTOFLUSH = True
ENABLE_TAGS = False
LOG_UPDATES = False
LOG_CREATES = False
"""


class Carbon:
    """A real carbon-cache that keeps every second for an hour. It can be stopped and started again."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.root = FOLDER / "carbon"
        if not (self.root / ".complete").exists():
            missing("graphite-carbon")
        self.modules = self.root / "usr" / "lib" / "python3" / "dist-packages"
        self.port, self.pickle_port, query_port = free_port(), free_port(), free_port()
        (self.folder / "carbon.conf").write_text(
            CARBON_CONFIG.format(folder=self.folder, port=self.port, pickle_port=self.pickle_port,
                                 query_port=query_port), encoding="utf-8")
        (self.folder / "storage-schemas.conf").write_text(
            "[all]\npattern = .*\nretentions = 1s:1h\n", encoding="utf-8")
        self.process = None
        self.start()

    def start(self):
        with (self.folder / "output.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", str(self.root / "usr" / "bin" / "carbon-cache"), "--nodaemon",
                 f"--config={self.folder / 'carbon.conf'}", f"--pidfile={self.folder / 'carbon.pid'}", "start"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_environment(PYTHONPATH=str(self.modules), PYTHONDONTWRITEBYTECODE="1"),
            )
        try:
            eventually(self.is_listening, 30, "carbon never listened")
        except BaseException:
            self.kill()
            raise

    def is_listening(self):
        assert self.process.poll() is None, (self.folder / "output.log").read_text(encoding="utf-8")
        for port in self.port, self.pickle_port:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    def stop(self):
        """As an operator stops it: what it has taken in is stored."""
        self.process.terminate()
        assert self.process.wait(timeout=30 * PATIENCE) in (0, -signal.SIGTERM)

    def points(self, path):
        """{stamp: value} that is stored of a path; {} where there is nothing yet, or a file that is just being made."""
        file = self.folder / "whisper" / (path.replace(".", "/") + ".wsp")
        if not file.exists():
            return {}
        script = (
            "import json, struct, sys, whisper\n"
            "try:\n"
            "    (start, end, step), values = whisper.fetch(sys.argv[1], 0)\n"
            "except (whisper.CorruptWhisperFile, struct.error):\n"
            "    start = step = 0\n"
            "    values = []\n"
            "print(json.dumps([(start + i * step, v) for i, v in enumerate(values) if v is not None]))\n"
        )
        printed = run_client(["/usr/bin/python3", "-c", script, str(file)], "whisper",
                             {"PYTHONPATH": str(self.modules)})
        return dict(json.loads(printed))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
