# SPDX-License-Identifier: MIT
"""Programs under measurement: pinned to a core, read from the outside, ended by their own process id.

CPU time is the process' own clock in nanoseconds, with the threads that have ended; memory is smaps_rollup. A
server's receive buffer is reached through a copy of its socket (pidfd_getfd), so that every server gets the same
one and is asked for its drops in the same way, whatever it offers itself. It takes a kernel of 5.6 or later and
the right to trace the child; CAP_NET_ADMIN lets the buffer exceed net.core.rmem_max.
"""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024

SYS_PIDFD_GETFD = 438
SO_MEMINFO = 55
SO_RCVBUFFORCE = 33
MEMINFO_RMEM_ALLOC, MEMINFO_DROPS, MEMINFO_WORDS = 0, 8, 9
PR_SET_PDEATHSIG = 1

LIBC = ctypes.CDLL(None, use_errno=True)

_allowed = sorted(os.sched_getaffinity(0))
SERVER_CORE = _allowed[0]
SENDER_CORE = _allowed[1] if len(_allowed) > 1 else _allowed[0]


class Failure(Exception):
    """What ends one measurement, in words."""


def eventually(condition, seconds, message):
    """The first true value of condition(), asked again and again; Failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(message)
        time.sleep(0.02)


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


def _child_setup(core):
    def setup():
        os.sched_setaffinity(0, {core})
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return setup


class Child:
    """A program on one core whose output goes to a file. Ends with this process at the latest."""

    def __init__(self, command, core, log, environment=None):
        self.command = [str(part) for part in command]
        self.log = Path(log)
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                preexec_fn=_child_setup(core),
            )
        self.pid = self.process.pid

    def said(self):
        return self.log.read_text(errors="replace")

    def require_alive(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.command[0]} ended with {self.process.returncode}: {self.said()[-400:].strip()}")

    def cpu_ns(self):
        """CPU time of all its threads, user and system."""
        return time.clock_gettime_ns((~self.pid << 3) | 2)

    def thread_cpu_ns(self, name):
        """CPU time of its threads of this name."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def memory_bytes(self):
        """What smaps_rollup tells, by its own names, and `Peak`, the largest resident set so far."""
        figures = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]:
            word, figure = line.split(":")
            figures[word] = int(figure.split()[0]) * 1024
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                figures["Peak"] = int(line.split()[1]) * 1024
        return figures

    def rss(self):
        return self.memory_bytes()["Rss"]

    def wait_until_idle(self, seconds):
        """Until it used less than a twentieth of its core over half a second."""

        def idle():
            before = self.cpu_ns()
            time.sleep(0.5)
            return self.cpu_ns() - before < 25_000_000

        eventually(idle, seconds, f"{self.command[0]} was still busy after {seconds} s")

    def stop(self, seconds=20):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


class ReceiveSocket:
    """A copy of the UDP socket that a process has bound to a port of 127.0.0.1."""

    def __init__(self, pid, port):
        self.socket = eventually(lambda: self._copy(pid, port), 15, f"nothing was bound to port {port} after 15 s")
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    @staticmethod
    def _copy(pid, port):
        inodes = set()
        for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except OSError:
                continue
            if target in inodes:
                return ReceiveSocket._take(pid, int(descriptor.name))
        return None

    @staticmethod
    def _take(pid, descriptor):
        pidfd = os.pidfd_open(pid)
        try:
            copy = LIBC.syscall(SYS_PIDFD_GETFD, pidfd, descriptor, 0)
            if copy < 0:
                raise Failure(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(pidfd)
        return socket.socket(fileno=copy)

    def _meminfo(self):
        raw = self.socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * MEMINFO_WORDS)
        return struct.unpack(f"{MEMINFO_WORDS}I", raw)

    def granted_bytes(self):
        """What was asked for and got, without the kernel's doubling."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    def drops(self):
        return self._meminfo()[MEMINFO_DROPS]

    def is_drained(self):
        return self._meminfo()[MEMINFO_RMEM_ALLOC] == 0

    def wait_until_drained(self, seconds=30):
        eventually(self.is_drained, seconds, f"the receive queue was not empty after {seconds} s")

    def close(self):
        self.socket.close()
