# SPDX-License-Identifier: MIT
"""Starts the real sigmad on free ports and speaks to it as clients, scrapers and operators do.

Nothing here sleeps for luck: what takes time is waited for with a deadline, and most waiting is not needed,
because POST /-/flush takes in what was sent before it and answers when every output has it.
"""

import contextlib
import csv
import http.client
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import exposition

SANITIZED = os.environ.get("SIGMAD_SANITIZE", "")
# Deadlines are for a loaded machine of two cores; a sanitized server may take several times as long.
PATIENCE = 4 if SANITIZED else 1
READY_SECONDS = 20 * PATIENCE
STOP_SECONDS = 30 * PATIENCE
ANSWER_SECONDS = 30 * PATIENCE

SANITIZER_REPORT = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer|broken invariant"
)

# One window that only a flush or SIGTERM ends, in one file whatever the hour, everything on loopback, every port free.
DEFAULTS = {
    "server": {"udp": "127.0.0.1:0"},
    "flush": {"interval": "1d", "align": "false"},
    "csv": {"directory": "data", "rotate_age": "0"},
    "http": {"listen": "127.0.0.1:0"},
    "state": {"file": "data/state"},
}


def binary(variable):
    path = os.environ.get(variable, "")
    assert os.access(path, os.X_OK), f"{variable} does not name a program: {path!r}"
    return path


def eventually(condition, seconds=10, message="it never came to be"):
    """The first true value of condition(), asked again and again; fails after `seconds`."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, message
        time.sleep(0.02)


def clean_environment(**changes):
    """This process' environment without what would configure a sigmad."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SIGMAD_")}
    return {**kept, **changes}


def sigmactl(*arguments, stdin=b"", check=True, seconds=60):
    """Runs sigmactl and returns its CompletedProcess with bytes in stdout and stderr."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run(
        [binary("SIGMACTL_BIN"), *map(str, arguments)],
        input=stdin, capture_output=True, env=clean_environment(), timeout=seconds * PATIENCE, check=False,
    )
    stderr = done.stderr.decode(errors="replace")
    assert not SANITIZER_REPORT.search(stderr), stderr
    assert not check or done.returncode == 0, f"sigmactl {arguments} exits {done.returncode}: {stderr}"
    return done


def ini_text(sections):
    """{section: {key: value}} as the text of a configuration file."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def merged(defaults, changes):
    sections = {section: dict(keys) for section, keys in defaults.items()}
    for section, keys in (changes or {}).items():
        sections.setdefault(section, {}).update(keys)
    return sections


def parse_logfmt(line):
    """{key: value} of a log line; {} of a line that is none."""
    try:
        fields = shlex.split(line, posix=True)
    except ValueError:
        return {}
    return dict(field.split("=", 1) for field in fields if "=" in field)


def parse_address(text):
    """`127.0.0.1:8125` or `[::1]:8125` as (host, port)."""
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


class Answer:
    """What an HTTP request came back with."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        def refuse(constant):
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.body, parse_constant=refuse)


class StartFailed(Exception):
    """sigmad exited before it was ready; `status` is its exit status and `log` what it said."""

    def __init__(self, status, log):
        super().__init__(f"sigmad exited {status} before it was ready:\n{log}")
        self.status = status
        self.log = log


class Server:
    """A running sigmad.

    folder      where statsd.ini lies and where data/ will be; made if missing
    config      {section: {key: value}} over DEFAULTS, or the whole text of the file
    overrides   {"section.key": value} given as --set
    environment further variables of the process
    stdin       what subprocess.Popen takes
    wrapper     a command that runs sigmad; it gets sigmad's as further arguments
    pass_fds    descriptors that sigmad inherits
    before      called with the server while it is awaited, for what has to happen before it is ready
    """

    def __init__(self, folder, config=None, overrides=None, environment=None, arguments=(),
                 stdin=subprocess.DEVNULL, wrapper=(), pass_fds=(), before=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ini = self.folder / "statsd.ini"
        text = config if isinstance(config, str) else ini_text(merged(DEFAULTS, config))
        self.ini.write_text(text, encoding="utf-8")
        self.data = self.folder / "data"
        self._sockets = {}
        self._lines = []
        self._arrived = threading.Condition()
        self._reading = threading.Event()
        self._reading.set()
        self._held = threading.Event()
        command = [*wrapper, binary("SIGMAD_BIN"), "-c", str(self.ini)]
        for key, value in (overrides or {}).items():
            command += ["--set", f"{key}={value}"]
        self.process = subprocess.Popen(
            [*command, *arguments], cwd=self.folder, env=clean_environment(**(environment or {})),
            stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=pass_fds,
        )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        try:
            if before:
                before(self)
            ready = self.wait_for_log(READY_SECONDS, msg="ready")
        except BaseException:
            self.kill()
            raise
        self.addresses = {
            key: [parse_address(a) for a in value.split(",")]
            for key, value in ready.items() if re.search(r":\d+$", value) and key not in ("time", "msg")
        }

    @property
    def pid(self):
        return self.process.pid

    @property
    def udp(self):
        """(host, port) of the first UDP listener."""
        return self.addresses["udp"][0]

    @property
    def target(self):
        """The first UDP listener as sigmactl's --to takes it."""
        host, port = self.udp
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def tcp(self):
        return self.addresses["tcp"][0]

    @property
    def http(self):
        return self.addresses["http"][0]

    # The log.

    def _collect(self):
        for line in self.process.stderr:
            if not self._reading.is_set():
                self._held.set()
                self._reading.wait()
            with self._arrived:
                self._lines.append(line.decode(errors="replace").rstrip("\n"))
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()

    @property
    def log(self):
        with self._arrived:
            return "\n".join(self._lines)

    def log_lines(self, **fields):
        """The log lines, as dicts, that have all these fields with these values."""
        with self._arrived:
            parsed = [parse_logfmt(line) for line in self._lines]
        return [line for line in parsed if line and fields.items() <= line.items()]

    def wait_for_log(self, seconds=10 * PATIENCE, **fields):
        """The first log line with these fields, waited for."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            with self._arrived:
                fresh = self._lines[seen:]
            seen += len(fresh)
            for line in map(parse_logfmt, filter(None, fresh)):
                if fields.items() <= line.items():
                    return line
            with self._arrived:
                if len(self._lines) == seen:
                    if not self._reader.is_alive():
                        raise StartFailed(self.process.wait(), "\n".join(self._lines))
                    self._arrived.wait(timeout=0.1)
            assert time.monotonic() < deadline, f"no log line with {fields} in {seconds} s:\n{self.log}"

    def hold_log(self):
        """From here to release_log() the pipe of the log is full, and nobody reads it."""
        self._held.clear()
        self._reading.clear()
        # Another way into the same pipe, which may be non-blocking while sigmad's is not. The reader stops at the
        # next line, be it the server's or this one.
        pipe = os.open(f"/proc/self/fd/{self.process.stderr.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, b"held\n")
            assert self._held.wait(10 * PATIENCE), "the log is still read"
            for piece in (b"\n" * select.PIPE_BUF, b"\n"):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        os.write(pipe, piece)
        finally:
            os.close(pipe)

    def release_log(self):
        self._reading.set()

    # Sending.

    def socket_to(self, address):
        """The one socket from which everything goes to this address, so that the order is kept."""
        if address not in self._sockets:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.connect(address)
            self._sockets[address] = made
        return self._sockets[address]

    def send(self, datagram, to=None):
        """Sends one datagram, text or bytes, to the first UDP listener or to `to`."""
        if isinstance(datagram, str):
            datagram = datagram.encode()
        sent = self.socket_to(to or self.udp).send(datagram)
        assert sent == len(datagram)

    # HTTP.

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection(*self.http, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers)

    def flush(self):
        """Closes the window; returns once every output has it."""
        answer = self.request("POST", "/-/flush")
        assert answer.status == 200, f"/-/flush answers {answer.status}: {answer.text}"
        return answer

    def _json(self, path):
        answer = self.get(path)
        assert answer.status == 200, f"{path} answers {answer.status}: {answer.text}"
        return answer.json()

    def snapshot(self):
        return self._json("/api/v1/snapshot")

    def balance(self):
        return self._json("/api/v1/balance")

    def anomalies(self):
        return self._json("/api/v1/anomalies")

    def metrics(self, headers=None, totals=True):
        """/metrics as an exposition.Exposition; every rule of the format is checked on the way."""
        answer = self.get("/metrics", headers)
        assert answer.status == 200, f"/metrics answers {answer.status}: {answer.text}"
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return exposition.parse(answer.body, totals)

    # Files.

    def csv(self, name):
        """The rows of data/NAME.csv as dicts of text; [] where there is no file. Every row is one whole line."""
        path = self.data / f"{name}.csv"
        if not path.exists():
            return []
        text = path.read_bytes().decode("utf-8")
        assert text.endswith("\n"), f"{path} ends in a torn line"
        assert "\r" not in text, f"{path} has a carriage return"
        lines = text[:-1].split("\n")
        rows = list(csv.reader(lines, strict=True))
        assert len(rows) == len(lines), f"{path} has a row of several lines"
        header, *body = rows
        for row in body:
            assert len(row) == len(header), f"{path} has a row of {len(row)} fields: {row}"
        return [dict(zip(header, row)) for row in body]

    # The end.

    def send_signal(self, number):
        self.process.send_signal(number)

    def resident_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE).group(1)) * 1024

    def stop(self, number=signal.SIGTERM):
        """Ends it as an operator would; it must exit 0 and no sanitizer may have had anything to say."""
        if self.process.poll() is None:
            self.send_signal(number)
        try:
            status = self.process.wait(timeout=STOP_SECONDS)
        finally:
            self.kill()
        assert not SANITIZER_REPORT.search(self.log), self.log
        assert status == 0, f"sigmad exits {status}:\n{self.log}"

    def kill(self):
        """Ends it at once; harmless when it has ended already."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.release_log()
        self._reader.join(timeout=5)
        self.process.stderr.close()
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()
