# SPDX-License-Identifier: MIT
"""A receiver as Graphite is one: it reads a connection to its end and closes it. It can be away for a while."""

import pickle
import socket
import struct
import threading

from partners import free_port
from sigmad import eventually


DELAYED_ACK_MS = 200  # at most, of Linux (TCP_DELACK_MAX)
LAST_DATA_RECV = slice(52, 56)  # of struct tcp_info: ms since the last byte came


def wait_for_acknowledgement(connection):
    """Until the kernel has acknowledged all it has: it may put that off, and a reset in between takes it back."""
    eventually(lambda: int.from_bytes(
        connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[LAST_DATA_RECV], "little") > DELAYED_ACK_MS)


class Receiver:
    """Listens on a port of loopback of its own and keeps what each connection brought, in their order.

    read_bytes  a connection is reset after so many bytes, once their acknowledgement is out
    keeps_open  a connection that the other side has ended is not closed
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._connections = []
        self.read_bytes = None
        self.keeps_open = False
        self._open = []
        self.port = free_port()
        self._listener = None
        self._thread = None
        self.listen()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def listen(self):
        """Begins to listen, on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self._listener = listener
        self._thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._thread.start()

    def close(self):
        """Goes away: a connection is refused from here on."""
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._listener.close()
            self._listener = None
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if self.keeps_open:
                self._open.append(connection)
                self._read(connection)
                continue
            with connection:
                self._read(connection)

    def _read(self, connection):
        received = bytearray()
        limit = self.read_bytes
        try:
            while limit is None or len(received) < limit:
                part = connection.recv(65536 if limit is None else limit - len(received))
                if not part:
                    break
                received += part
            else:
                wait_for_acknowledgement(connection)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except ConnectionError:
            pass
        with self._lock:
            self._connections.append(bytes(received))

    @property
    def connections(self):
        with self._lock:
            return list(self._connections)

    def wait_for(self, count, seconds=10):
        """The bytes of the first `count` connections, waited for."""
        eventually(lambda: len(self.connections) >= count, seconds, f"there were no {count} connections")
        return self.connections


def read_lines(data):
    """[(path, value text, stamp)] of plaintext; what is behind the last LF is no line."""
    lines = data.decode().split("\n")[:-1]
    return [tuple(line.rsplit(" ", 2)) for line in lines]


def read_frames(data):
    """[(path, (stamp, value))] of pickled frames."""
    items = []
    while data:
        length = struct.unpack("!L", data[:4])[0]
        items += pickle.loads(data[4 : 4 + length])
        data = data[4 + length :]
    return items


def values(data):
    """{path: number} of a window in plaintext; a path that is there twice is a fault."""
    found = {}
    for path, value, _ in read_lines(data):
        assert path not in found, f"{path} is there twice"
        found[path] = float(value)
    return found
