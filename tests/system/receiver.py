# SPDX-License-Identifier: MIT
"""A real Prometheus that takes remote write, can be killed, and started again on the same data and port; and
one that answers as a test wants and reads what it gets with a decoder of its own."""

import http.server
import json
import struct
import subprocess
import threading
import urllib.parse
import urllib.request
from pathlib import Path

from partners import free_port, program
from sigmad import clean_environment, eventually


class Receiver:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None
        (self.folder / "prometheus.yml").write_text("scrape_configs: []\n", encoding="utf-8")
        self.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"{self.address}/api/v1/write"

    def start(self):
        with (self.folder / "prometheus.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program("prometheus"), f"--config.file={self.folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{self.port}",
                 "--web.enable-remote-write-receiver", "--enable-feature=native-histograms"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(),
            )
        try:
            eventually(self.is_ready, 30, "prometheus never became ready")
        except BaseException:
            self.kill()
            raise

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "prometheus.log").read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ask(self, expression, time=None):
        """The result of an instant query, as the API has it."""
        query = {"query": expression, **({"time": repr(time)} if time else {})}
        with urllib.request.urlopen(f"{self.address}/api/v1/query?{urllib.parse.urlencode(query)}",
                                    timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def values(self, expression, time=None):
        """[(labels, value)] of an instant query."""
        return [(series["metric"], float(series["value"][1])) for series in self.ask(expression, time)]

    def value(self, expression, time=None):
        """The one value of a query; None while it has no result."""
        found = self.values(expression, time)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def samples(self, series, time=None):
        """[(stamp, value)] of the one series of the last ten minutes that is stored; stale markers left out."""
        found = self.ask(f"{series}[10m]", time)
        assert len(found) < 2, found
        return [(float(stamp), float(value)) for stamp, value in found[0]["values"]] if found else []


def unsnap(data):
    """Snappy's block format (https://github.com/google/snappy/blob/main/format_description.txt)."""
    length, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        kind, high = tag & 3, tag >> 2
        at += 1
        if kind == 0:
            extra = high - 59 if high >= 60 else 0
            count = 1 + (int.from_bytes(data[at:at + extra], "little") if extra else high)
            at += extra
            out += data[at:at + count]
            at += count
            continue
        if kind == 1:
            count, offset = 4 + (high & 7), (high >> 3) << 8 | data[at]
            at += 1
        else:
            size = 2 if kind == 2 else 4
            count, offset = 1 + high, int.from_bytes(data[at:at + size], "little")
            at += size
        for _ in range(count):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """[(number, value)] of a message in protocol buffers: int, float or bytes."""
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            [value] = struct.unpack_from("<d", data, at)
            at += 8
        else:
            assert tag & 7 == 2
            length, at = varint(data, at)
            value = data[at:at + length]
            assert len(value) == length
            at += length
        found.append((tag >> 3, value))
    return found


class WrittenSeries:
    """A TimeSeries: `labels` in the order they came, `samples` as [(stamp in ms, value)], histograms' as sums."""

    def __init__(self, data):
        self.labels, self.samples = {}, []
        for number, value in fields(data):
            part = dict(fields(value))
            if number == 1:
                self.labels[part[1].decode()] = part[2].decode()
            else:
                self.samples.append((part[2], part[1]) if number == 2 else (part[15], part[3]))


class Request:
    def __init__(self, headers, body):
        self.headers = headers
        self.series = [WrittenSeries(value) for _, value in fields(unsnap(body))]
        self.names = [series.labels["__name__"] for series in self.series]
        self.last_stamps = [series.samples[-1][0] for series in self.series]
        self.status = None


class Answerer:
    """A receiver that answers each request with answer(names, requests before it): a status and headers."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = Request(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
                request.status, headers = outer.answer(request.names, len(outer.requests))
                outer.requests.append(request)
                self.send_response(request.status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api/v1/write"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def taken(self):
        return [name for request in self.requests if request.status == 204 for name in request.names]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
