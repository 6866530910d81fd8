# SPDX-License-Identifier: MIT
"""Fixtures: servers and partners that a test started are ended with it, and a server must end well."""

import pytest

from partners import Carbon, Prometheus
from sigmad import Server


@pytest.fixture
def start_server(tmp_path):
    """start_server(config, ...) starts a Server in a folder of its own; arguments are Server's.

    Those still running at the end of the test are stopped with SIGTERM and must exit 0 without a sanitizer's
    report. `folder=` starts one where another has been.
    """
    servers = []

    def start(config=None, folder=None, **options):
        folder = folder or tmp_path / f"server{len(servers)}"
        server = Server(folder, config, **options)
        servers.append(server)
        return server

    yield start
    try:
        for server in servers:
            if server.process.poll() is None:
                server.stop()
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def server(start_server):
    """A server with the defaults of sigmad.DEFAULTS."""
    return start_server()


@pytest.fixture
def start_prometheus(tmp_path):
    """start_prometheus(server, ..., options=()) starts a real Prometheus that scrapes these servers every second."""
    started = []

    def start(*servers, options=()):
        started.append(Prometheus(tmp_path / f"prometheus{len(started)}", [s.http for s in servers], options))
        return started[-1]

    yield start
    for prometheus in started:
        prometheus.kill()


@pytest.fixture
def carbon(tmp_path):
    """A running Carbon; a test names it in front of start_server, so that it is there until the servers have ended."""
    started = Carbon(tmp_path / "carbon")
    yield started
    started.kill()
