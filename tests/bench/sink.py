# SPDX-License-Identifier: MIT
"""What servers that send Graphite lines send them to: reads, adds up the lines it is asked for, forgets."""

import socket
import threading


class GraphiteSink:
    """A TCP listener on a free port of 127.0.0.1, served by threads of this process.

    `pick(path)` chooses lines by their path. Of those it keeps the last value and the sum of all values.
    """

    def __init__(self, pick):
        self.pick = pick
        self.lines = 0
        self.last = {}
        self.sums = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        rest = b""
        with connection:
            while True:
                try:
                    received = connection.recv(1 << 18)
                except OSError:
                    return
                if not received:
                    return
                lines = (rest + received).split(b"\n")
                rest = lines.pop()
                self._take(lines)

    def _take(self, lines):
        self.lines += len(lines)
        for line in lines:
            path, _, others = line.partition(b" ")
            if self.pick(path):
                value = float(others.partition(b" ")[0])
                self.last[path] = value
                self.sums[path] = self.sums.get(path, 0) + value

    def close(self):
        self.listener.close()
