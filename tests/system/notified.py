# SPDX-License-Identifier: MIT
"""Receivers of alerts: a web server that answers as a test wants, a mail server of our own, both with TLS, a real Alertmanager."""

import base64
import email
import email.policy
import http.server
import json
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import urllib.request
from pathlib import Path

from partners import free_port, program
from sigmad import clean_environment, eventually


class WebRequest:
    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


def reset(handler):
    """An answer: the connection is torn down."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


class Certificate:
    """A certificate that has signed itself, by the openssl command: who trusts `path` trusts a server that has it."""

    def __init__(self, folder, address="127.0.0.1"):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.path, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", f"/CN={address}", "-addext", f"subjectAltName=IP:{address}", "-keyout", key, "-out", self.path],
            check=True, capture_output=True, timeout=60)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.path, key)


class WebServer:
    """Answers each request by answer(number of requests before it): a status, (status, headers, body), or a function
    that does it with the handler. With a certificate it speaks TLS."""

    def __init__(self, answer=lambda before: 200, certificate=None):
        self.answer = answer
        self.requests = []
        self.released = threading.Event()
        self._counting = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                if certificate:
                    self.request = certificate.context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer._counting:
                    before = len(outer.requests)
                    outer.requests.append(WebRequest(self.path, self.headers, body))
                answer = outer.answer(before)
                if callable(answer):
                    answer(self)
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hang(self, _handler):
        """An answer: none, until the end of the test."""
        self.released.wait(60)

    def alerts(self):
        """The alerts of all requests, as a webhook gets them."""
        return [alert for request in list(self.requests) for alert in request.json()["alerts"]]

    def states(self, name):
        return [alert["status"] for alert in self.alerts() if alert["labels"]["alertname"] == name]

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """A server of SMTP (RFC 5321), as little as takes a mail; `refusals` are replies to the next DATAs. With a
    certificate it speaks TLS from the first byte, or with `starttls` when it is asked to; `mails_over_tls` and
    `credentials` (how, what, whether over TLS) tell what came how."""

    def __init__(self, refusals=(), certificate=None, starttls=False, mechanisms="PLAIN"):
        self.mails = []
        self.mails_over_tls = []
        self.envelopes = []
        self.credentials = []
        self.refusals = list(refusals)
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def reply(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def take_mail(self):
                if outer.refusals:
                    self.reply(outer.refusals.pop(0))
                    return
                self.reply("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                outer.envelopes.append(self.envelope)
                outer.mails_over_tls.append(self.over_tls())
                outer.mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                self.reply("250 taken")

            def over_tls(self):
                return isinstance(self.connection, ssl.SSLSocket)

            def begin_tls(self):
                self.connection = certificate.context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb", -1)
                self.wfile = self.connection.makefile("wb", 0)

            def ask(self, challenge):
                self.reply(f"334 {base64.b64encode(challenge).decode()}")
                return base64.b64decode(self.rfile.readline().strip())

            def take_credentials(self, mechanism):
                said = self.ask(b"") if mechanism == "PLAIN" else (self.ask(b"Username:"), self.ask(b"Password:"))
                outer.credentials.append((mechanism, said, self.over_tls()))
                self.reply("235 welcome")

            def greet(self):
                offers_tls = starttls and not self.over_tls()
                self.wfile.write(b"250-here\r\n")
                if offers_tls:
                    self.wfile.write(b"250-STARTTLS\r\n")
                self.reply(f"250 AUTH {mechanisms}")

            def handle(self):
                self.envelope = []
                if certificate and not starttls:
                    self.begin_tls()
                self.reply("220 ready")
                while line := self.rfile.readline():
                    words = line.decode().split()
                    verb = words[0].upper() if words else ""
                    if verb == "EHLO":
                        self.greet()
                    elif verb == "STARTTLS" and starttls:
                        self.reply("220 go on")
                        self.begin_tls()
                    elif verb == "AUTH":
                        self.take_credentials(words[1].upper())
                    elif verb == "DATA":
                        self.take_mail()
                    elif verb == "QUIT":
                        self.reply("221 bye")
                        return
                    else:
                        if verb in ("MAIL", "RCPT"):
                            self.envelope.append(line.decode().strip())
                        self.reply("250 so be it")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"smtp{'s' if certificate and not starttls else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Alertmanager:
    """A real Alertmanager, which tells a webhook of ours after a moment."""

    def __init__(self, folder, webhook):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "alertmanager.yml"
        config.write_text(
            "route: {receiver: test, group_by: [alertname], group_wait: 100ms, group_interval: 1s}\n"
            f"receivers: [{{name: test, webhook_configs: [{{url: '{webhook}', send_resolved: true}}]}}]\n",
            encoding="utf-8")
        self.port = free_port()
        self.log = folder / "alertmanager.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [program("prometheus-alertmanager"), f"--config.file={config}", f"--storage.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment())
        try:
            eventually(self.is_ready, 30, "the Alertmanager never became ready")
        except BaseException:
            self.kill()
            raise

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def alerts(self):
        """What fires, as its API says."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as answer:
            return json.load(answer)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
